-- A run of month ends that no round rests on is kept for some days only.
ALTER TABLE casework.month_run ADD COLUMN passing boolean NOT NULL DEFAULT false; -- of one question alone

-- The events that an appeal found responsible for a unit's other figures, as long as its job is kept.
CREATE TABLE casework.appeal_event (
    partition   smallint    NOT NULL,
    appeal      uuid        NOT NULL REFERENCES casework.job ON DELETE CASCADE,
    unit        uuid        NOT NULL,
    position    bigint      NOT NULL,
    type        text        NOT NULL,
    recorded_at timestamptz NOT NULL,
    occurred_on date,
    household   uuid,       -- null of what the registry was told
    changed     text[]      NOT NULL, -- what of the unit's counts
    PRIMARY KEY (partition, appeal, unit, position)
);
CREATE INDEX appeal_event_unit ON casework.appeal_event (appeal, unit, partition, position);

GRANT SELECT, INSERT ON casework.appeal_event TO casework_app;
