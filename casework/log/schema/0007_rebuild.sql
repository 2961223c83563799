-- Rebuilds: a set beside the live one is filled piece by piece, flipped, flipped back, and dropped. A column keeps its
-- name and type in all sets, since a statement that was prepared in one set is used in the next.

-- A partition that is being filled has position 0. Its rows are those of the households up to filled_to, in the order
-- of their ids, as they are at (filling_to, registry_position, as_of), which stay as they are until it is filled.
ALTER TABLE view_shape.checkpoint
    ADD COLUMN filling_to bigint, -- the position that the filling goes up to
    ADD COLUMN filled_to  uuid,   -- the last household that has its rows
    ADD COLUMN filled     bigint NOT NULL DEFAULT 0; -- how many events have been folded so far

DO $$
DECLARE
    set_name text;
BEGIN
    FOR set_name IN SELECT made.name FROM casework.view_set AS made LOOP
        EXECUTE format(
            'ALTER TABLE %I.checkpoint ADD COLUMN filling_to bigint, ADD COLUMN filled_to uuid,'
            ' ADD COLUMN filled bigint NOT NULL DEFAULT 0', set_name);
    END LOOP;
END $$;

-- States: drained, kept at the heads; what_if, filled at a cut and then left alone; retired, entered by nobody any
-- more; dropped, its schema is gone.
ALTER TABLE casework.view_set
    ADD COLUMN draft bytea, -- the file of a policy that is not published
    ADD CONSTRAINT view_set_state CHECK (state IN ('drained', 'what_if', 'retired', 'dropped'));

-- A flip swaps two names. The former set is drained on, so that it can be flipped back, until it is dropped.
ALTER TABLE casework.live_view
    ADD COLUMN former     text REFERENCES casework.view_set,
    ADD COLUMN flipped_at timestamptz;

DROP FUNCTION casework.create_view_set(text, int);

-- Make the next view set, empty, and return its name. It runs as its owner, so that the application's role can make
-- sets without the right to create anything else.
CREATE FUNCTION casework.create_view_set(
    p_policy text, p_projection_version int, p_state text DEFAULT 'drained', p_draft bytea DEFAULT NULL
) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    set_name   text;
    table_name text;
BEGIN
    LOCK TABLE casework.view_set IN SHARE ROW EXCLUSIVE MODE;
    SELECT 'view_' || coalesce(max(substr(made.name, 6)::int), 0) + 1 INTO set_name FROM casework.view_set AS made;
    EXECUTE format('CREATE SCHEMA %I', set_name);
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO casework_app', set_name);
    FOREACH table_name IN ARRAY
        ARRAY['household', 'assessment', 'contribution', 'unit_total', 'checkpoint', 'parked']
    LOOP
        EXECUTE format('CREATE TABLE %I.%I (LIKE view_shape.%I INCLUDING ALL)', set_name, table_name, table_name);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I.%I TO casework_app', set_name, table_name);
    END LOOP;
    EXECUTE format('INSERT INTO %I.checkpoint (partition) SELECT generate_series(0, 63)', set_name);
    INSERT INTO casework.view_set (name, policy, projection_version, state, draft)
        VALUES (set_name, p_policy, p_projection_version, p_state, p_draft);
    RETURN set_name;
END $$;

-- Take a set out of use, and say what became of it: retired; live; gone, where there is none; flipped, within 10
-- minutes of a flip; young, of a what-if set in its first 7 days. Whoever enters a set has read view_set in the same
-- transaction, so the lock waits until nobody is in any set: after this no one is in this one, and no one enters it.
CREATE FUNCTION casework.retire_view_set(p_name text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '200ms' AS $$
DECLARE
    made casework.view_set;
    live casework.live_view;
BEGIN
    LOCK TABLE casework.live_view IN SHARE ROW EXCLUSIVE MODE;
    LOCK TABLE casework.view_set IN ACCESS EXCLUSIVE MODE; -- readers wait behind it: hence the short time-out
    SELECT * INTO made FROM casework.view_set AS each WHERE each.name = p_name AND each.state <> 'dropped';
    SELECT * INTO live FROM casework.live_view;
    CASE
        WHEN made.name IS NULL THEN
            RETURN 'gone';
        WHEN live.name = p_name THEN
            RETURN 'live';
        WHEN made.state = 'what_if' AND made.created_at > clock_timestamp() - interval '7 days' THEN
            RETURN 'young';
        WHEN made.state = 'drained' AND live.flipped_at > clock_timestamp() - interval '10 minutes' THEN
            RETURN 'flipped';
        ELSE
            UPDATE casework.live_view SET former = NULL WHERE former = p_name;
            UPDATE casework.view_set SET state = 'retired' WHERE name = p_name;
            RETURN 'retired';
    END CASE;
END $$;

-- Drop the schema of a set that was retired before, in a transaction of its own.
CREATE FUNCTION casework.drop_view_set(p_name text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE casework.view_set SET state = 'dropped' WHERE name = p_name AND state = 'retired';
    IF FOUND THEN
        EXECUTE format('DROP SCHEMA %I CASCADE', p_name);
    END IF;
END $$;

REVOKE EXECUTE ON FUNCTION casework.create_view_set(text, int, text, bytea) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION casework.retire_view_set(text) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION casework.drop_view_set(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION casework.create_view_set(text, int, text, bytea) TO casework_app;
GRANT EXECUTE ON FUNCTION casework.retire_view_set(text) TO casework_app;
GRANT EXECUTE ON FUNCTION casework.drop_view_set(text) TO casework_app;
