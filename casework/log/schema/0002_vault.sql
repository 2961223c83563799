-- The vault: what names a person, sealed, beside the log and never in it. Rows come with the append of the event
-- that refers to them by commitment; the application itself may read them and seal them again under a newer key.

CREATE SCHEMA vault;

-- Revisions count a subject's rows of every kind, in the order in which they came.
CREATE TABLE vault.person (
    partition  smallint NOT NULL,
    subject_id uuid     NOT NULL,
    revision   int      NOT NULL,
    kind       text     NOT NULL, -- person, evidence, remark
    key_id     text     NOT NULL, -- of the master key
    sealed     bytea    NOT NULL,
    commitment bytea    NOT NULL,
    PRIMARY KEY (partition, subject_id, revision),
    CHECK (partition = get_byte(uuid_send(subject_id), 15) & 63),
    CHECK (octet_length(commitment) = 32)
);

-- The subject comes before the hash, since a new profile and an erasure take all keys of a subject away.
CREATE TABLE vault.search_key (
    partition  smallint NOT NULL,
    subject_id uuid     NOT NULL,
    kind       text     NOT NULL, -- name, pinyin, phone, id_number
    hash       bytea    NOT NULL,
    PRIMARY KEY (partition, subject_id, kind, hash),
    CHECK (partition = get_byte(uuid_send(subject_id), 15) & 63)
);
CREATE INDEX search_key_hash ON vault.search_key (kind, hash) INCLUDE (subject_id);

-- Under which index key this database's hashes were made: with another, searches and claims would quietly miss.
CREATE TABLE vault.index_key (
    only_row    boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    fingerprint bytea   NOT NULL
);

GRANT USAGE ON SCHEMA vault TO casework_app;
GRANT SELECT ON vault.person, vault.search_key, vault.index_key TO casework_app;
GRANT INSERT ON vault.index_key TO casework_app;
GRANT UPDATE (key_id, sealed) ON vault.person TO casework_app;
