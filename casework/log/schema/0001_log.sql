-- The log: one table of events in 65 partitions, the claims beside it, and how the log was born.

CREATE SCHEMA IF NOT EXISTS casework;

-- The role that the application works as. Roles belong to the whole server: another database may have made it.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'casework_app') THEN
        CREATE ROLE casework_app NOLOGIN;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;
END $$;

DO $$
BEGIN
    IF NOT pg_catalog.pg_has_role(current_user, 'casework_app', 'MEMBER') THEN
        EXECUTE pg_catalog.format('GRANT casework_app TO %I', current_user);
    END IF;
END $$;

GRANT USAGE ON SCHEMA casework TO casework_app;

-- Nobody needs a schema in which names come before all others. Where the database is somebody else's, this only warns.
DO $$
BEGIN
    EXECUTE pg_catalog.format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', pg_catalog.current_database());
END $$;

-- Events never change, so the first vacuum may freeze them for good. No statistics are taken of a small table:
-- they would teach the append's cached plans to scan it, and it grows by thousands of events a second.
CREATE TABLE casework.events (
    partition   smallint    NOT NULL,
    stream_id   uuid        NOT NULL,
    version     int         NOT NULL,
    position    bigint      NOT NULL,
    type        text        NOT NULL,
    state       bytea       NOT NULL,
    recorded_at timestamptz NOT NULL,
    meta        bytea       NOT NULL,
    PRIMARY KEY (partition, stream_id, version),
    CONSTRAINT events_position UNIQUE (partition, position)
) WITH (
    autovacuum_freeze_min_age = 0,
    autovacuum_analyze_threshold = 10000,
    autovacuum_vacuum_insert_threshold = 10000
);

CREATE FUNCTION casework.refuse_change() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'Events are never changed or removed (% on %.%).', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON casework.events
    FOR EACH STATEMENT EXECUTE FUNCTION casework.refuse_change();
ALTER TABLE casework.events ENABLE ALWAYS TRIGGER refuse_change;

-- What only one stream may hold, and in it one person: a person, an ID number; and a feed's reference, kept for ever.
-- The key is a keyed hash, so the partition cannot lead it.
CREATE TABLE casework.claim (
    hash       bytea PRIMARY KEY,
    kind       text  NOT NULL,
    stream_id  uuid  NOT NULL,
    subject_id uuid, -- the person; of a feed's reference, none
    CHECK ((subject_id IS NULL) = (kind = 'source'))
);
CREATE INDEX claim_stream ON casework.claim (stream_id);

-- One row, written once: whether recorded times may be simulated, and from what the log was filled.
CREATE TABLE casework.log_birth (
    only_row   boolean     PRIMARY KEY DEFAULT true CHECK (only_row),
    epoch      int         NOT NULL DEFAULT 1,
    synthetic  boolean     NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    until      date,
    seed       bigint,
    details    jsonb       NOT NULL DEFAULT '{}'
);

GRANT SELECT ON casework.events, casework.claim, casework.log_birth TO casework_app;
