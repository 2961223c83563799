-- Where webhooks stand. Opaque ids, counts and codes alone: what is sent is read from the log, and disclosed, when it is
-- sent, so that nothing here has to be erased with a person, or taken back with a grant.

CREATE TABLE casework.webhook_endpoint (
    subscription_id uuid        PRIMARY KEY,
    url             text        NOT NULL, -- as the subscription's stream has it; another one is verified anew
    content         text        NOT NULL, -- thin: where to read it; full: the envelope
    state           text        NOT NULL DEFAULT 'unverified',
    reason          text,                 -- why it is disabled, or what the last verification came to: a code
    key_id          text        NOT NULL,
    sealed          bytea       NOT NULL, -- the secret
    secret_by       uuid        NOT NULL, -- the command that made it
    older_key_id    text,
    older_sealed    bytea,                -- the secret before, which signs too
    older_until     timestamptz,
    epoch           int         NOT NULL,
    sequence        bigint      NOT NULL,
    positions       bigint[]    NOT NULL, -- of the cursor: up to where the feed was taken
    again_sequence  bigint,               -- from where the bureau asked to be sent everything again
    again_positions bigint[],
    idle_at         bigint      NOT NULL DEFAULT -1,          -- all positions together, when nothing more was there
    next_due_at     timestamptz NOT NULL DEFAULT 'infinity',  -- of what waits
    failures        int         NOT NULL DEFAULT 0, -- in a row, of the endpoint and not of a message
    failing_since   timestamptz,                    -- of the first of them
    rests_until     timestamptz NOT NULL DEFAULT '-infinity', -- by the breaker, or because it asked for it
    claim           uuid,
    claimed_until   timestamptz NOT NULL DEFAULT '-infinity',
    looked_at       timestamptz NOT NULL DEFAULT '-infinity',
    delivered       bigint      NOT NULL DEFAULT 0, -- deliveries that were taken
    failed          bigint      NOT NULL DEFAULT 0, -- tries that were not
    dead            bigint      NOT NULL DEFAULT 0, -- deliveries that were given up
    withheld        bigint      NOT NULL DEFAULT 0, -- that waited, and were no longer to be told
    CHECK (content IN ('thin', 'full')),
    CHECK (state IN ('unverified', 'active', 'disabled')),
    CHECK (cardinality(positions) = 65),
    CHECK (cardinality(again_positions) = 65)
);

-- What could not be delivered at once, and what comes after it in its household. A healthy endpoint has no rows.
CREATE TABLE casework.webhook_waiting (
    partition       smallint    NOT NULL,
    subscription_id uuid        NOT NULL REFERENCES casework.webhook_endpoint ON DELETE CASCADE,
    position        bigint      NOT NULL,
    chain           uuid        NOT NULL, -- the household, within which order is kept
    event_id        uuid        NOT NULL,
    type            text        NOT NULL,
    sequence        bigint      NOT NULL,
    recorded_at     timestamptz NOT NULL,
    state           text        NOT NULL DEFAULT 'waiting',
    attempts        int         NOT NULL DEFAULT 0,
    outcome         text,                 -- of the last try: a code
    failed_at       timestamptz,          -- when it was tried first, since it was last asked for
    due_at          timestamptz NOT NULL, -- and not before all that is before it in its chain
    PRIMARY KEY (partition, subscription_id, position),
    CHECK (state IN ('waiting', 'dead'))
);
CREATE INDEX webhook_waiting_chain ON casework.webhook_waiting (subscription_id, chain, position);

GRANT SELECT, INSERT, UPDATE, DELETE ON casework.webhook_endpoint, casework.webhook_waiting TO casework_app;
