-- Views: what was computed from the log. A view set is one schema (view_1, view_2, ...) for one policy and one
-- projection version; view_shape holds the tables that each set is made like, and no row ever.

CREATE TABLE casework.view_set (
    name               text        PRIMARY KEY CHECK (name ~ '^view_[1-9][0-9]*$'), -- a schema; never used again
    policy             text        NOT NULL,
    projection_version int         NOT NULL, -- which programs may drain it
    state              text        NOT NULL DEFAULT 'drained', -- drained: kept at the heads; other states are left alone
    created_at         timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- The set that readers use.
CREATE TABLE casework.live_view (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    name     text    NOT NULL REFERENCES casework.view_set
);

CREATE SCHEMA view_shape;

-- What lists and searches need. Scores are in hundredths; scores and bands are those of school, workplace, community
-- and city. A stale row is the last that could be computed, or an empty one: its household is parked.
CREATE TABLE view_shape.household (
    partition      smallint NOT NULL,
    household_id   uuid     NOT NULL,
    version        int      NOT NULL, -- of the stream
    status         text,    -- assessed, out_of_scope, not_arrived, no_members, merged_away, closed
    community_id   uuid,    -- on the day; of a household that is not assessed, the last one
    community_code text,
    arrived_on     date,
    closed_on      date,
    head           uuid,
    persons        uuid[]   NOT NULL DEFAULT '{}', -- whose file this is: all but those who went on to another household
    members        int      NOT NULL DEFAULT 0,
    migrants       int      NOT NULL DEFAULT 0,
    children       int      NOT NULL DEFAULT 0,
    settled        boolean  NOT NULL DEFAULT false,
    score          int,
    band           text,
    scores         int[],
    bands          text[],
    stale          boolean  NOT NULL DEFAULT false,
    PRIMARY KEY (partition, household_id)
);
CREATE INDEX ON view_shape.household (community_id, partition, household_id);
CREATE INDEX ON view_shape.household USING gin (persons);

-- Indicators in the order of MEASURES (its first 18), weights by level. Empty arrays: not assessed on this day.
CREATE TABLE view_shape.assessment (
    partition      smallint NOT NULL,
    household_id   uuid     NOT NULL,
    states         text     NOT NULL, -- a letter for each indicator: k known, u unknown, n not applicable
    num            int[]    NOT NULL,
    den            int[]    NOT NULL,
    holds_until    date[]   NOT NULL, -- the first day on which an indicator can differ with no new event
    known          int[]    NOT NULL, -- weight of the known indicators of each level
    applicable     int[]    NOT NULL,
    next_change_on date,    -- the first day on which any row of the household can differ with no new event
    PRIMARY KEY (partition, household_id)
);
CREATE INDEX ON view_shape.assessment (partition, next_change_on) WHERE next_change_on IS NOT NULL;

-- What a household adds to a unit: its community, its members' employers and schools (RULES U1).
-- num and den are in the order of MEASURES: the 18 indicators, K03B, K03D, NEEDS.
CREATE TABLE view_shape.contribution (
    partition    smallint NOT NULL,
    household_id uuid     NOT NULL,
    unit_id      uuid     NOT NULL,
    households   int      NOT NULL,
    employees    int      NOT NULL,
    pupils       int      NOT NULL,
    known        int[]    NOT NULL,
    applicable   int[]    NOT NULL,
    num          int[]    NOT NULL,
    den          int[]    NOT NULL,
    PRIMARY KEY (partition, household_id, unit_id)
);

-- The sum of the contributions of one partition's households to a unit.
CREATE TABLE view_shape.unit_total (
    partition  smallint NOT NULL,
    unit_id    uuid     NOT NULL,
    households int      NOT NULL,
    employees  int      NOT NULL,
    pupils     int      NOT NULL,
    known      int[]    NOT NULL,
    applicable int[]    NOT NULL,
    num        int[]    NOT NULL,
    den        int[]    NOT NULL,
    PRIMARY KEY (partition, unit_id)
);
CREATE INDEX ON view_shape.unit_total (unit_id);

-- What the rows of a partition are a function of: (position, registry_position, as_of), none of which goes back.
CREATE TABLE view_shape.checkpoint (
    partition         smallint    PRIMARY KEY,
    position          bigint      NOT NULL DEFAULT 0,
    registry_position bigint      NOT NULL DEFAULT 0,
    as_of             date        NOT NULL DEFAULT '0001-01-01',
    advanced_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    paused            text -- why the partition is no longer drained, where it is not
);

-- Households that could not be folded or assessed, and why, without personal data.
CREATE TABLE view_shape.parked (
    partition    smallint    NOT NULL,
    household_id uuid        NOT NULL,
    error        text        NOT NULL,
    since        timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (partition, household_id)
);

-- Make the next view set, empty, and return its name. It runs as its owner, so that the application's role can make
-- sets without the right to create anything else.
CREATE FUNCTION casework.create_view_set(p_policy text, p_projection_version int) RETURNS text
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
    INSERT INTO casework.view_set (name, policy, projection_version)
        VALUES (set_name, p_policy, p_projection_version);
    RETURN set_name;
END $$;

REVOKE EXECUTE ON FUNCTION casework.create_view_set(text, int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION casework.create_view_set(text, int) TO casework_app;
GRANT SELECT ON casework.view_set TO casework_app;
GRANT SELECT, INSERT, UPDATE ON casework.live_view TO casework_app;
