-- Imports that are carried out whole or not at all, and the ids by which an import is undone when its file is gone.
-- What was uploaded before has no such ids: it is deleted here, as after its seven days, and can be sent again.

DELETE FROM casework.import_file;

ALTER TABLE casework.import_file
    ADD COLUMN atomic     text NOT NULL DEFAULT 'row' CHECK (atomic IN ('row', 'all')),
    ADD COLUMN emptied_at timestamptz, -- when an erasure deleted what the file held
    DROP CONSTRAINT import_file_state_check,
    ADD CHECK (state IN ('uploaded', 'validated', 'committing', 'committed', 'undoing', 'undone'));

-- Of each row, beside its sealed cells: its number, whom it is about, and the command that it is. Opaque ids, as in the
-- log. Where the file was deleted by an erasure, sealed is empty.
ALTER TABLE casework.import_part
    ADD COLUMN numbers    int[]  NOT NULL,
    ADD COLUMN households uuid[] NOT NULL,
    ADD COLUMN subjects   uuid[] NOT NULL,
    ADD COLUMN commands   uuid[] NOT NULL;

-- As in 0010_erasure.sql, but of imports only the files go: what one has carried out is finished, or undone, by ids. The
-- rows are locked weakly, so that who saves an import's events, and waits for this one's lock, keeps nobody waiting.
CREATE OR REPLACE FUNCTION vault.erase(
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
    IF p_household IS NULL THEN
        DELETE FROM casework.claim AS gone WHERE gone.subject_id = p_person;
    ELSE
        DELETE FROM casework.claim AS gone WHERE gone.stream_id = p_household AND gone.subject_id = p_person;
    END IF;
    INSERT INTO vault.ledger (number, hash) SELECT * FROM unnest(p_numbers, p_hashes) ON CONFLICT DO NOTHING;
    PERFORM FROM casework.import_file AS file WHERE file.emptied_at IS NULL ORDER BY file.id FOR NO KEY UPDATE;
    UPDATE casework.import_file AS file SET emptied_at = clock_timestamp() WHERE file.emptied_at IS NULL;
    DELETE FROM casework.import_piece; -- sealed, for a week: whom they name is not looked for
    UPDATE casework.import_part AS part SET sealed = '' WHERE part.sealed <> '';
END $$;
