-- Who read what names a person, when, and for which purpose. The application adds to it and reads it for audits,
-- and cannot change it. An entry holds opaque ids only, and goes beside the household that was read.

CREATE TABLE vault.access (
    partition    smallint    NOT NULL CHECK (partition = get_byte(uuid_send(household_id), 15) & 63),
    id           uuid        NOT NULL,
    read_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    household_id uuid        NOT NULL,
    person_id    uuid        NOT NULL,
    actor        text        NOT NULL,
    role         text        NOT NULL,
    bureau       text,
    purpose      text        NOT NULL,
    action       text        NOT NULL, -- what was asked, such as households.read
    request_id   uuid        NOT NULL,
    PRIMARY KEY (partition, id)
);
CREATE INDEX access_person ON vault.access (partition, person_id, read_at);

GRANT SELECT, INSERT ON vault.access TO casework_app;
