-- How far each subscriber has come, as it last told us by the cursor that it asked from: for whoever watches its lag.
-- Nothing is given out by it: a subscriber keeps its own cursor.
CREATE TABLE casework.subscriber (
    subscription_id uuid        PRIMARY KEY,
    epoch           int         NOT NULL,
    sequence        bigint      NOT NULL,
    positions       bigint[]    NOT NULL, -- of partition 0, 1, …
    held            smallint[]  NOT NULL, -- partitions that wait there for an event that cannot be read
    seen_at         timestamptz NOT NULL DEFAULT clock_timestamp()
);
GRANT SELECT, INSERT, UPDATE ON casework.subscriber TO casework_app;
