-- Work that takes long: what was asked, how far it is, and what came of it. The queue only carries it; here it is known.
-- Nothing in it names a person: units, dates, counts.

CREATE TABLE casework.job (
    id         uuid        PRIMARY KEY, -- follows from what is asked: asking again finds the same job
    kind       text        NOT NULL,
    asked      jsonb       NOT NULL,
    state      text        NOT NULL DEFAULT 'waiting', -- waiting, queued, running, done, failed, cancelled
    done       int         NOT NULL DEFAULT 0,
    total      int         NOT NULL DEFAULT 0,
    result     jsonb,
    error      text,       -- a code, never a text of somebody's
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    touched_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK (state IN ('waiting', 'queued', 'running', 'done', 'failed', 'cancelled'))
);
CREATE INDEX job_open ON casework.job (touched_at) WHERE state IN ('waiting', 'queued', 'running');

GRANT SELECT, INSERT, UPDATE, DELETE ON casework.job TO casework_app;
