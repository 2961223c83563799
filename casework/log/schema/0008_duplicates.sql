-- Pairs of people who are probably one person, for a reviewer. Their ids, a score and codes: what names them stays
-- sealed. A pair that was decided is kept for good, so that nobody is asked twice.

CREATE TABLE vault.duplicate (
    one        uuid        NOT NULL,
    other      uuid        NOT NULL CHECK (one < other),
    score      real        NOT NULL CHECK (score BETWEEN 0 AND 1),
    reasons    text[]      NOT NULL,
    found_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    decision   text        CHECK (decision IN ('same', 'not_same')),
    decided_by text, -- pseudonymous, as an event's actor
    decided_at timestamptz,
    PRIMARY KEY (one, other),
    CHECK ((decision IS NULL) = (decided_at IS NULL))
);
CREATE INDEX duplicate_other ON vault.duplicate (other);
CREATE INDEX duplicate_waiting ON vault.duplicate (score DESC, one, other) WHERE decision IS NULL;

GRANT SELECT, INSERT ON vault.duplicate TO casework_app;
GRANT UPDATE (score, reasons, decision, decided_by, decided_at) ON vault.duplicate TO casework_app;
