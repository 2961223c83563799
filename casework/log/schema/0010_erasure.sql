-- Erasure: what names a person leaves the vault for good. The ledger of erasures is a file outside the database; here
-- stands which of its entries were applied, so that a restored older database is known to lack some.

-- People of whom the vault takes nothing any more.
CREATE TABLE vault.erased (
    partition  smallint    NOT NULL,
    subject_id uuid        NOT NULL,
    erased_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (partition, subject_id),
    CHECK (partition = get_byte(uuid_send(subject_id), 15) & 63)
);

-- The entries of the ledger that were applied, each with the hash of its line.
CREATE TABLE vault.ledger (
    number     bigint      PRIMARY KEY,
    hash       bytea       NOT NULL CHECK (octet_length(hash) = 32),
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

GRANT SELECT ON vault.erased, vault.ledger TO casework_app;

-- Who writes of somebody shares a lock with all who do; who erases them has it alone: so a row comes before the erasure
-- and goes with it, or is refused. The locks' keys are (1128354629, 1000 + partition of the vault). They come after those
-- of the log; who erases takes one, so that nobody waits in a circle. Plain expressions: a query would cost ten times as
-- much, at every append that writes to the vault.
CREATE FUNCTION vault.refuse_erased(p_subjects uuid[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    subject uuid;
    place   int;
    places  smallint[] := '{}';
BEGIN
    FOREACH subject IN ARRAY p_subjects LOOP
        place := get_byte(uuid_send(subject), 15) & 63;
        CONTINUE WHEN place = ANY (places) OR pg_advisory_xact_lock_shared(1128354629, 1000 + place) IS NULL;
        places := places || place::smallint;
    END LOOP;
    PERFORM FROM vault.erased AS gone WHERE gone.partition = ANY (places) AND gone.subject_id = ANY (p_subjects);
    IF FOUND THEN
        RAISE EXCEPTION 'What named this person was erased.' USING ERRCODE = 'CW002';
    END IF;
END $$;

-- As in 0003_append.sql, but nothing is written of, and nothing claimed for, somebody who was erased.
CREATE OR REPLACE FUNCTION casework.write_vault(p_beside casework.beside) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    new record;
BEGIN
    PERFORM vault.refuse_erased(
        coalesce(array_remove(p_beside.person_ids || p_beside.claim_subjects, NULL), '{}')
    );
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

-- Erase a person, and of the subjects, who may be their household too, all that the vault holds; remember under which
-- entries of the ledger. Without a household the person's claims go wherever they stand. Done again it changes nothing.
CREATE FUNCTION vault.erase(
    p_person uuid, p_subjects uuid[], p_household uuid, p_numbers bigint[], p_hashes bytea[]
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(1128354629, 1000 + (get_byte(uuid_send(p_person), 15) & 63));
    INSERT INTO vault.erased (partition, subject_id)
        VALUES ((get_byte(uuid_send(p_person), 15) & 63)::smallint, p_person) ON CONFLICT DO NOTHING;
    DELETE FROM vault.person AS old USING unnest(p_subjects || p_person) AS given(id)
     WHERE old.partition = (get_byte(uuid_send(given.id), 15) & 63)::smallint AND old.subject_id = given.id;
    DELETE FROM vault.search_key AS old USING unnest(p_subjects || p_person) AS given(id)
     WHERE old.partition = (get_byte(uuid_send(given.id), 15) & 63)::smallint AND old.subject_id = given.id;
    DELETE FROM vault.duplicate AS pair WHERE pair.one = p_person OR pair.other = p_person;
    DELETE FROM casework.import_file; -- sealed, for a week: whom they name is not looked for
    IF p_household IS NULL THEN
        DELETE FROM casework.claim AS gone WHERE gone.subject_id = p_person;
    ELSE
        DELETE FROM casework.claim AS gone WHERE gone.stream_id = p_household AND gone.subject_id = p_person;
    END IF;
    INSERT INTO vault.ledger (number, hash) SELECT * FROM unnest(p_numbers, p_hashes) ON CONFLICT DO NOTHING;
END $$;

REVOKE EXECUTE ON FUNCTION
    vault.refuse_erased(uuid[]), casework.write_vault(casework.beside), vault.erase(uuid, uuid[], uuid, bigint[], bytea[])
FROM PUBLIC;
GRANT EXECUTE ON FUNCTION vault.erase(uuid, uuid[], uuid, bigint[], bytea[]) TO casework_app;
