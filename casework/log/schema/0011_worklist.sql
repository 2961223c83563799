-- What is due to whom: what to offer, decide, answer, renew and arrange. Whether it is overdue is never stored: it is,
-- from the day after due_on, on whatever day somebody asks.
CREATE TABLE view_shape.worklist (
    partition    smallint NOT NULL,
    household_id uuid     NOT NULL,
    place        smallint NOT NULL, -- from 1, in the order in which the household's items are due
    community_id uuid     NOT NULL, -- as in household
    due_on       date     NOT NULL, -- the last day on which it is done in time
    kind         text     NOT NULL,
    why          text     NOT NULL,
    services     text[]   NOT NULL, -- all of them, or any one, as the reason says
    person_id    uuid,              -- none: the household
    record_id    uuid,              -- the episode or employment that it is about
    area         text     NOT NULL,
    bureau       text     NOT NULL, -- that leads
    closes       text     NOT NULL, -- the command that closes it
    PRIMARY KEY (partition, household_id, place)
);
CREATE INDEX ON view_shape.worklist (community_id, due_on);

-- A digest of the household's worklist, by which a drain sees without reading it that nothing changed there; 0: empty.
ALTER TABLE view_shape.assessment ADD COLUMN worklist bigint NOT NULL DEFAULT 0;

DO $$
DECLARE
    set_name text;
BEGIN
    FOR set_name IN SELECT made.name FROM casework.view_set AS made WHERE made.state <> 'dropped' LOOP
        EXECUTE format('CREATE TABLE %I.worklist (LIKE view_shape.worklist INCLUDING ALL)', set_name);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I.worklist TO casework_app', set_name);
        EXECUTE format('ALTER TABLE %I.assessment ADD COLUMN worklist bigint NOT NULL DEFAULT 0', set_name);
    END LOOP;
END $$;

-- Make the next view set, empty, and return its name. It runs as its owner, so that the application's role can make
-- sets without the right to create anything else.
CREATE OR REPLACE FUNCTION casework.create_view_set(
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
        ARRAY['household', 'assessment', 'contribution', 'unit_total', 'worklist', 'checkpoint', 'parked']
    LOOP
        EXECUTE format('CREATE TABLE %I.%I (LIKE view_shape.%I INCLUDING ALL)', set_name, table_name, table_name);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I.%I TO casework_app', set_name, table_name);
    END LOOP;
    EXECUTE format('INSERT INTO %I.checkpoint (partition) SELECT generate_series(0, 63)', set_name);
    INSERT INTO casework.view_set (name, policy, projection_version, state, draft)
        VALUES (set_name, p_policy, p_projection_version, p_state, p_draft);
    RETURN set_name;
END $$;
