-- Month ends of an evaluation year: what units' households add up to, computed from the log at a cut. A run is begun
-- once; any process that works on it takes a partition by its row's lock, computes it, and stores it with one update.
-- Nothing here is ever changed by later events; what is here can be computed again from the log, to the byte.

CREATE TABLE casework.month_run (
    id       uuid        PRIMARY KEY, -- follows from the year, the policy's digest, the cut and the way of counting
    year     int         NOT NULL,
    policy   text        NOT NULL,
    draft    bytea,                   -- the file of a policy that is not published
    known_at timestamptz NOT NULL,
    cut      bigint[]    NOT NULL,    -- a position for each partition, 0 to 64
    begun_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE casework.month_part (
    partition  smallint NOT NULL,
    run        uuid     NOT NULL REFERENCES casework.month_run ON DELETE CASCADE,
    households int,     -- computed; null until the partition is done
    missing    uuid[],  -- households that could not be computed, and are in no total
    totals     bytea,   -- casework.projections.month_totals says how it is read
    PRIMARY KEY (partition, run)
);
CREATE INDEX month_part_open ON casework.month_part (run, partition) WHERE totals IS NULL;

GRANT SELECT, INSERT, UPDATE, DELETE ON casework.month_run, casework.month_part TO casework_app;
