-- The only ways into the log. One call is one transaction. Each function takes its partitions' locks first and
-- reads heads and versions in later statements, whose snapshots therefore see every append that came before.
-- They run as their owner, so no name in them may mean what a caller's search_path says: not a type (temporary ones
-- come first), not a function, not an operator. In the hot path every name is qualified, since a SET clause would cost
-- a tenth of it; the others have the clause, and what they call inherits it. (bigint, int and smallint are grammar.)
-- Advisory locks have the key (1128354629, partition); 1128354629 spells CASE.

CREATE TYPE casework.appended AS (
    outcome         text,        -- appended, version-conflict, claim-taken, too-large, not-synthetic, time-refused
    position        bigint,      -- of the first event; the others follow it without a gap
    second_position bigint,      -- of the first event in the second partition
    recorded_at     timestamptz,
    kind            text,        -- of the claim that is taken,
    holder          uuid         -- and the stream that holds it
);

CREATE TYPE casework.batch AS (
    stream_ids uuid[], versions int[], types text[], states bytea[], metas bytea[]
);

-- What an append writes beside its events: vault rows, search keys, claims taken, people whose claims are released.
CREATE TYPE casework.beside AS (
    person_ids uuid[], person_kinds text[], key_ids text[], sealed bytea[], commitments bytea[],
    search_ids uuid[], search_kinds text[], search_hashes bytea[],
    claim_hashes bytea[], claim_kinds text[], claim_streams uuid[], claim_subjects uuid[],
    released uuid[]
);

CREATE FUNCTION casework.append_event(
    p_partition smallint, p_stream_id pg_catalog.uuid, p_version int, p_type pg_catalog.text,
    p_state pg_catalog.bytea, p_meta pg_catalog.bytea
) RETURNS casework.appended
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    head        bigint;
    last_at     pg_catalog.timestamptz;
    now_version int;
    now_at      pg_catalog.timestamptz;
BEGIN
    IF pg_catalog.current_setting('transaction_isolation') OPERATOR(pg_catalog.<>) 'read committed' THEN
        RAISE EXCEPTION 'Appends need READ COMMITTED.' USING ERRCODE = 'invalid_transaction_state';
    END IF;
    -- As casework.misplaced, but once for a stream: it goes on only where it has begun.
    IF p_version OPERATOR(pg_catalog.<=) 1 THEN
        IF p_partition OPERATOR(pg_catalog.<>) 0 AND p_partition OPERATOR(pg_catalog.<>) (
            CASE WHEN pg_catalog.get_byte(pg_catalog.uuid_send(p_stream_id), 6) OPERATOR(pg_catalog.>>) 4
                      OPERATOR(pg_catalog.=) 5 THEN 64
                 ELSE pg_catalog.get_byte(pg_catalog.uuid_send(p_stream_id), 15) OPERATOR(pg_catalog.&) 63 END
        ) THEN
            RAISE EXCEPTION 'A stream lives in its own partition.' USING ERRCODE = 'invalid_parameter_value';
        END IF;
    END IF;
    IF pg_catalog.octet_length(p_state) OPERATOR(pg_catalog.+) pg_catalog.octet_length(p_meta)
       OPERATOR(pg_catalog.>) 65536 THEN
        RETURN ROW('too-large', NULL, NULL, NULL, NULL, NULL)::casework.appended;
    END IF;

    PERFORM pg_catalog.pg_advisory_xact_lock(1128354629, p_partition);

    -- No version below the one before the event's is looked at: without it the stream is shorter, or empty.
    SELECT last.position, last.recorded_at, (
               SELECT e.version FROM casework.events AS e
                WHERE e.partition OPERATOR(pg_catalog.=) p_partition AND e.stream_id OPERATOR(pg_catalog.=) p_stream_id
                  AND e.version OPERATOR(pg_catalog.>=) (p_version OPERATOR(pg_catalog.-) 1)
                ORDER BY e.version DESC LIMIT 1
           )
        INTO head, last_at, now_version
        FROM casework.events AS last
        WHERE last.partition OPERATOR(pg_catalog.=) p_partition ORDER BY last.position DESC LIMIT 1;
    IF p_version OPERATOR(pg_catalog.<>) (
        coalesce(now_version, greatest(least(p_version, 1), 0) OPERATOR(pg_catalog.-) 1) OPERATOR(pg_catalog.+) 1
    ) THEN
        RETURN ROW('version-conflict', NULL, NULL, NULL, NULL, NULL)::casework.appended;
    END IF;
    IF head IS NULL THEN
        INSERT INTO casework.log_birth DEFAULT VALUES ON CONFLICT DO NOTHING;
    END IF;

    head := coalesce(head, 0) OPERATOR(pg_catalog.+) 1;
    now_at := greatest(pg_catalog.clock_timestamp(), last_at);
    INSERT INTO casework.events (partition, stream_id, version, position, type, state, recorded_at, meta)
        VALUES (p_partition, p_stream_id, p_version, head, p_type, p_state, now_at, p_meta);
    RETURN ROW('appended', head, NULL, now_at, NULL, NULL)::casework.appended;
END $$;

-- Whether some event does not belong in a partition: a household's is told by its id's last byte, 64 is that of
-- everything else, whose ids are uuid5. Partition 0 takes any stream, as the library has it, which knows one partition.
CREATE FUNCTION casework.misplaced(p_partition smallint, p_batch casework.batch) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    RETURN p_partition <> 0 AND EXISTS (
        SELECT FROM unnest(p_batch.stream_ids) AS new(stream_id)
        WHERE p_partition <> CASE WHEN get_byte(uuid_send(new.stream_id), 6) >> 4 = 5 THEN 64
                                  ELSE get_byte(uuid_send(new.stream_id), 15) & 63 END
    );
END $$;

-- Whether these events continue their streams: each stream's versions go on from its last, in the order given.
-- A stream begins with version 1 (or 0, which the eventsourcing library allows).
CREATE FUNCTION casework.versions_follow(p_partition smallint, p_batch casework.batch) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    RETURN NOT EXISTS (
        SELECT FROM (
            SELECT new.stream_id, new.version,
                   row_number() OVER (PARTITION BY new.stream_id ORDER BY new.place) AS step,
                   min(new.version) OVER (PARTITION BY new.stream_id) AS first_version
            FROM unnest(p_batch.stream_ids, p_batch.versions) WITH ORDINALITY AS new(stream_id, version, place)
        ) AS new
        LEFT JOIN (
            SELECT stream.id,
                   (SELECT max(e.version) FROM casework.events AS e
                     WHERE e.partition = p_partition AND e.stream_id = stream.id) AS version
            FROM (SELECT DISTINCT unnest(p_batch.stream_ids) AS id) AS stream
        ) AS old ON old.id = new.stream_id
        WHERE new.version <> coalesce(old.version, greatest(least(new.first_version, 1), 0) - 1) + new.step
    );
END $$;

CREATE FUNCTION casework.too_large(p_batch casework.batch) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    RETURN EXISTS (SELECT FROM unnest(p_batch.states, p_batch.metas) AS new(state, meta)
                    WHERE octet_length(new.state) + octet_length(new.meta) > 65536);
END $$;

CREATE FUNCTION casework.head_of(p_partition smallint, OUT head bigint, OUT last_at timestamptz)
LANGUAGE plpgsql AS $$
BEGIN
    SELECT e.position, e.recorded_at INTO head, last_at
        FROM casework.events AS e WHERE e.partition = p_partition ORDER BY e.position DESC LIMIT 1;
    head := coalesce(head, 0);
END $$;

CREATE FUNCTION casework.write_events(p_partition smallint, p_head bigint, p_at timestamptz, p_batch casework.batch)
RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF p_head = 0 THEN
        INSERT INTO casework.log_birth DEFAULT VALUES ON CONFLICT DO NOTHING;
    END IF;
    INSERT INTO casework.events (partition, stream_id, version, position, type, state, recorded_at, meta)
    SELECT p_partition, new.stream_id, new.version, p_head + new.place, new.type, new.state, p_at, new.meta
    FROM unnest(p_batch.stream_ids, p_batch.versions, p_batch.types, p_batch.states, p_batch.metas)
         WITH ORDINALITY AS new(stream_id, version, type, state, meta, place)
    ORDER BY new.place;
END $$;

-- A person's rows are numbered as they come. Two appends for one person in two partitions do not share a lock:
-- the one that comes second tries the next number. Search keys take the place of all that the person had; so does a
-- new profile that comes with none.
CREATE FUNCTION casework.write_vault(p_beside casework.beside) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    new record;
BEGIN
    FOR new IN
        SELECT (get_byte(uuid_send(given.subject_id), 15) & 63)::smallint AS partition, given.*
        FROM unnest(p_beside.person_ids, p_beside.person_kinds, p_beside.key_ids, p_beside.sealed,
                    p_beside.commitments)
             WITH ORDINALITY AS given(subject_id, kind, key_id, sealed, commitment, place)
        ORDER BY 1, 2, given.place
    LOOP
        LOOP
            INSERT INTO vault.person (partition, subject_id, revision, kind, key_id, sealed, commitment)
            SELECT new.partition, new.subject_id, coalesce(max(old.revision), 0) + 1,
                   new.kind, new.key_id, new.sealed, new.commitment
            FROM vault.person AS old
            WHERE old.partition = new.partition AND old.subject_id = new.subject_id
            ON CONFLICT (partition, subject_id, revision) DO NOTHING;
            EXIT WHEN FOUND;
        END LOOP;
    END LOOP;
    DELETE FROM vault.search_key AS old
     USING (
         SELECT unnest(p_beside.search_ids) AS subject_id
         UNION
         SELECT profile.subject_id FROM unnest(p_beside.person_ids, p_beside.person_kinds) AS profile(subject_id, kind)
          WHERE profile.kind = 'person'
     ) AS given
     WHERE old.partition = (get_byte(uuid_send(given.subject_id), 15) & 63)::smallint
       AND old.subject_id = given.subject_id;
    INSERT INTO vault.search_key (partition, subject_id, kind, hash)
    SELECT (get_byte(uuid_send(given.subject_id), 15) & 63)::smallint, given.*
    FROM unnest(p_beside.search_ids, p_beside.search_kinds, p_beside.search_hashes)
         AS given(subject_id, kind, hash)
    ORDER BY 1, 3, 4, 2
    ON CONFLICT DO NOTHING;
END $$;

-- Release and take claims in the order of their keys, a release before a take of the same key. What a stream releases
-- are the claims of people of its own. Answers the claim that is held, by another stream or by somebody else of this
-- one, or nothing. A feed's reference is nobody's: it is never released, and never taken twice.
CREATE FUNCTION casework.write_claims(
    p_streams uuid[], p_beside casework.beside, OUT held_kind text, OUT holder uuid
)
LANGUAGE plpgsql AS $$
DECLARE
    todo record;
    held record;
BEGIN
    FOR todo IN
        SELECT gone.hash, NULL AS kind, NULL::uuid AS stream_id, NULL::uuid AS subject_id FROM casework.claim AS gone
         WHERE gone.stream_id = ANY (p_streams) AND gone.subject_id = ANY (p_beside.released)
        UNION ALL
        SELECT * FROM unnest(
            p_beside.claim_hashes, p_beside.claim_kinds, p_beside.claim_streams, p_beside.claim_subjects
        )
        ORDER BY hash, kind NULLS FIRST
    LOOP
        IF todo.kind IS NULL THEN
            DELETE FROM casework.claim AS gone WHERE gone.hash = todo.hash AND gone.stream_id = ANY (p_streams);
        ELSE
            LOOP
                INSERT INTO casework.claim (hash, kind, stream_id, subject_id)
                    VALUES (todo.hash, todo.kind, todo.stream_id, todo.subject_id)
                    ON CONFLICT (hash) DO NOTHING;
                EXIT WHEN FOUND;
                SELECT known.* INTO held FROM casework.claim AS known WHERE known.hash = todo.hash;
                EXIT WHEN held.stream_id = todo.stream_id AND held.subject_id = todo.subject_id;
                IF held.hash IS NOT NULL THEN
                    held_kind := held.kind;
                    holder := held.stream_id;
                    RETURN;
                END IF;
            END LOOP;
        END IF;
    END LOOP;
END $$;

CREATE FUNCTION casework.append_events(p_partition smallint, p_batch casework.batch, p_beside casework.beside)
RETURNS casework.appended
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    head    bigint;
    last_at timestamptz;
    now_at  timestamptz;
    taken   record;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'Appends need READ COMMITTED.' USING ERRCODE = 'invalid_transaction_state';
    END IF;
    IF casework.misplaced(p_partition, p_batch) THEN
        RAISE EXCEPTION 'A stream lives in its own partition.' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF casework.too_large(p_batch) THEN
        RETURN ROW('too-large', NULL, NULL, NULL, NULL, NULL)::casework.appended;
    END IF;

    PERFORM pg_advisory_xact_lock(1128354629, p_partition);

    SELECT * INTO head, last_at FROM casework.head_of(p_partition);
    IF NOT casework.versions_follow(p_partition, p_batch) THEN
        RETURN ROW('version-conflict', NULL, NULL, NULL, NULL, NULL)::casework.appended;
    END IF;

    now_at := greatest(clock_timestamp(), last_at);
    BEGIN
        PERFORM casework.write_events(p_partition, head, now_at, p_batch);
        PERFORM casework.write_vault(p_beside);
        SELECT * INTO taken FROM casework.write_claims(p_batch.stream_ids, p_beside);
        IF taken.holder IS NOT NULL THEN
            RAISE SQLSTATE 'CW001';
        END IF;
    EXCEPTION WHEN SQLSTATE 'CW001' THEN
        RETURN ROW('claim-taken', NULL, NULL, NULL, taken.held_kind, taken.holder)::casework.appended;
    END;
    RETURN ROW('appended', head + 1, NULL, now_at, NULL, NULL)::casework.appended;
END $$;

-- Events of two partitions at once, as a split and a merge need. The first must be the lower partition.
CREATE FUNCTION casework.append_to_two(
    p_first smallint, p_first_batch casework.batch, p_second smallint, p_second_batch casework.batch,
    p_beside casework.beside
) RETURNS casework.appended
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    first_head  bigint;
    second_head bigint;
    first_at    timestamptz;
    second_at   timestamptz;
    now_at      timestamptz;
    taken       record;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'Appends need READ COMMITTED.' USING ERRCODE = 'invalid_transaction_state';
    END IF;
    IF p_first >= p_second THEN
        RAISE EXCEPTION 'Partitions are locked in their order.' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF casework.misplaced(p_first, p_first_batch) OR casework.misplaced(p_second, p_second_batch) THEN
        RAISE EXCEPTION 'A stream lives in its own partition.' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF casework.too_large(p_first_batch) OR casework.too_large(p_second_batch) THEN
        RETURN ROW('too-large', NULL, NULL, NULL, NULL, NULL)::casework.appended;
    END IF;

    PERFORM pg_advisory_xact_lock(1128354629, p_first);
    PERFORM pg_advisory_xact_lock(1128354629, p_second);

    SELECT * INTO first_head, first_at FROM casework.head_of(p_first);
    SELECT * INTO second_head, second_at FROM casework.head_of(p_second);
    IF NOT casework.versions_follow(p_first, p_first_batch)
       OR NOT casework.versions_follow(p_second, p_second_batch) THEN
        RETURN ROW('version-conflict', NULL, NULL, NULL, NULL, NULL)::casework.appended;
    END IF;

    now_at := greatest(clock_timestamp(), first_at, second_at);
    BEGIN
        PERFORM casework.write_events(p_first, first_head, now_at, p_first_batch);
        PERFORM casework.write_events(p_second, second_head, now_at, p_second_batch);
        PERFORM casework.write_vault(p_beside);
        SELECT * INTO taken
            FROM casework.write_claims(p_first_batch.stream_ids || p_second_batch.stream_ids, p_beside);
        IF taken.holder IS NOT NULL THEN
            RAISE SQLSTATE 'CW001';
        END IF;
    EXCEPTION WHEN SQLSTATE 'CW001' THEN
        RETURN ROW('claim-taken', NULL, NULL, NULL, taken.held_kind, taken.holder)::casework.appended;
    END;
    RETURN ROW('appended', first_head + 1, second_head + 1, now_at, NULL, NULL)::casework.appended;
END $$;

-- Many events of one partition with recorded times of the past, which never go back. Only in a log born synthetic.
CREATE FUNCTION casework.append_simulated(
    p_partition smallint, p_batch casework.batch, p_recorded_at timestamptz[], p_beside casework.beside
) RETURNS casework.appended
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    head    bigint;
    last_at timestamptz;
    taken   record;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'Appends need READ COMMITTED.' USING ERRCODE = 'invalid_transaction_state';
    END IF;
    IF NOT EXISTS (SELECT FROM casework.log_birth AS birth WHERE birth.synthetic) THEN
        RETURN ROW('not-synthetic', NULL, NULL, NULL, NULL, NULL)::casework.appended;
    END IF;
    IF casework.misplaced(p_partition, p_batch) THEN
        RAISE EXCEPTION 'A stream lives in its own partition.' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF casework.too_large(p_batch) THEN
        RETURN ROW('too-large', NULL, NULL, NULL, NULL, NULL)::casework.appended;
    END IF;

    PERFORM pg_advisory_xact_lock(1128354629, p_partition);

    SELECT * INTO head, last_at FROM casework.head_of(p_partition);
    IF EXISTS (
        SELECT FROM (
            SELECT new.recorded_at, lag(new.recorded_at, 1, last_at) OVER (ORDER BY new.place) AS before
            FROM unnest(p_recorded_at) WITH ORDINALITY AS new(recorded_at, place)
        ) AS new
        WHERE new.recorded_at < new.before OR new.recorded_at > clock_timestamp()
    ) THEN
        RETURN ROW('time-refused', NULL, NULL, NULL, NULL, NULL)::casework.appended;
    END IF;
    IF NOT casework.versions_follow(p_partition, p_batch) THEN
        RETURN ROW('version-conflict', NULL, NULL, NULL, NULL, NULL)::casework.appended;
    END IF;

    BEGIN
        INSERT INTO casework.events (partition, stream_id, version, position, type, state, recorded_at, meta)
        SELECT p_partition, new.stream_id, new.version, head + new.place, new.type, new.state, new.recorded_at,
               new.meta
        FROM unnest(p_batch.stream_ids, p_batch.versions, p_batch.types, p_batch.states, p_batch.metas,
                    p_recorded_at)
             WITH ORDINALITY AS new(stream_id, version, type, state, meta, recorded_at, place)
        ORDER BY new.place;
        PERFORM casework.write_vault(p_beside);
        SELECT * INTO taken FROM casework.write_claims(p_batch.stream_ids, p_beside);
        IF taken.holder IS NOT NULL THEN
            RAISE SQLSTATE 'CW001';
        END IF;
    EXCEPTION WHEN SQLSTATE 'CW001' THEN
        RETURN ROW('claim-taken', NULL, NULL, NULL, taken.held_kind, taken.holder)::casework.appended;
    END;
    RETURN ROW('appended', head + 1, NULL, p_recorded_at[cardinality(p_recorded_at)], NULL, NULL)::casework.appended;
END $$;

-- The last position of a partition that was recorded at or before an instant; 0 where there is none.
CREATE FUNCTION casework.position_at(p_partition smallint, p_known_at timestamptz) RETURNS bigint
LANGUAGE plpgsql STABLE AS $$
DECLARE
    low    bigint := 0;
    high   bigint;
    middle bigint;
BEGIN
    SELECT max(e.position) INTO high FROM casework.events AS e WHERE e.partition = p_partition;
    WHILE low < high LOOP
        middle := (low + high + 1) / 2;
        IF (SELECT e.recorded_at FROM casework.events AS e
             WHERE e.partition = p_partition AND e.position = middle) <= p_known_at THEN
            low := middle;
        ELSE
            high := middle - 1;
        END IF;
    END LOOP;
    RETURN low;
END $$;

REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA casework FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    casework.append_event(smallint, uuid, int, text, bytea, bytea),
    casework.append_events(smallint, casework.batch, casework.beside),
    casework.append_to_two(smallint, casework.batch, smallint, casework.batch, casework.beside),
    casework.append_simulated(smallint, casework.batch, timestamptz[], casework.beside),
    casework.position_at(smallint, timestamptz)
TO casework_app;
