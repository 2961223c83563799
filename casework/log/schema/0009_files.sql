-- Files that come in and go out, for a few days. What comes in can name people: it is sealed like the vault's rows, and
-- what is said of it here (states, counts, codes) names nobody.

CREATE TABLE casework.import_file (
    id          uuid        PRIMARY KEY, -- follows from the client's key: the same upload is the same import
    kind        text        NOT NULL,
    media       text        NOT NULL, -- csv, xlsx
    digest      bytea       NOT NULL, -- keyed, of the bytes and of what was asked
    actor       text        NOT NULL,
    role        text        NOT NULL,
    bureau      text,
    unit        uuid,
    divisions   text[]      NOT NULL,
    source      text        NOT NULL, -- the system that the rows' references belong to
    close_feed  text[],               -- bureau, area, month: closed once all rows are done
    state       text        NOT NULL DEFAULT 'uploaded',
    rows        int         NOT NULL DEFAULT 0,
    counts      jsonb, -- of the state: how many rows came to what
    uploaded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK (state IN ('uploaded', 'validated', 'committed', 'undone'))
);

-- The file as it came, piece by piece.
CREATE TABLE casework.import_piece (
    import_id uuid  NOT NULL REFERENCES casework.import_file ON DELETE CASCADE,
    number    int   NOT NULL,
    key_id    text  NOT NULL,
    sealed    bytea NOT NULL,
    PRIMARY KEY (import_id, number)
);

-- Its rows as they were read, by the partition of the household that each is about; -1 holds those that cannot be read
-- or are about nobody. A verdict is a row's number, what came of it, and a problem's code and column.
CREATE TABLE casework.import_part (
    partition smallint NOT NULL,
    import_id uuid     NOT NULL REFERENCES casework.import_file ON DELETE CASCADE,
    number    int      NOT NULL,
    rows      int      NOT NULL,
    key_id    text     NOT NULL,
    sealed    bytea    NOT NULL,
    PRIMARY KEY (partition, import_id, number)
);
CREATE INDEX import_part_import ON casework.import_part (import_id);

CREATE TABLE casework.import_verdicts (
    partition smallint NOT NULL,
    import_id uuid     NOT NULL REFERENCES casework.import_file ON DELETE CASCADE,
    stage     text     NOT NULL, -- validated, committed, undone
    verdicts  bytea    NOT NULL,
    PRIMARY KEY (partition, import_id, stage),
    CHECK (stage IN ('validated', 'committed', 'undone'))
);
CREATE INDEX import_verdicts_import ON casework.import_verdicts (import_id);

-- What goes out names nobody; it is kept in pieces, and the last one says from where to go on.
CREATE TABLE casework.export_file (
    id         uuid        PRIMARY KEY,
    kind       text        NOT NULL,
    actor      text        NOT NULL,
    asked      jsonb       NOT NULL,
    manifest   jsonb,
    asked_at   timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE casework.export_piece (
    export_id uuid   NOT NULL REFERENCES casework.export_file ON DELETE CASCADE,
    number    int    NOT NULL,
    starts_at bigint NOT NULL, -- the first byte's place in the file
    rows      int    NOT NULL,
    after     uuid   NOT NULL, -- the last household in it
    content   bytea  NOT NULL,
    PRIMARY KEY (export_id, number)
);

GRANT SELECT, INSERT, UPDATE, DELETE ON casework.import_file, casework.import_piece, casework.import_part,
    casework.import_verdicts, casework.export_file, casework.export_piece TO casework_app;
