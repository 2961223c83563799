-- Requests of one office to another. A request's id is a reference like a feed's, kept for ever; until it is answered a
-- claim of the kind 'transfer' stands beside it, so that those that wait are found without a look at all households.

CREATE INDEX claim_transfer ON casework.claim (stream_id) WHERE kind = 'transfer';

-- In worklists they are of no area of service, and no bureau leads them.
ALTER TABLE view_shape.worklist ALTER COLUMN area DROP NOT NULL, ALTER COLUMN bureau DROP NOT NULL;

DO $$
DECLARE
    set_name text;
BEGIN
    FOR set_name IN SELECT made.name FROM casework.view_set AS made WHERE made.state <> 'dropped' LOOP
        EXECUTE format(
            'ALTER TABLE %I.worklist ALTER COLUMN area DROP NOT NULL, ALTER COLUMN bureau DROP NOT NULL', set_name
        );
    END LOOP;
END $$;
