-- An ID number that was not theirs is a third person's: with it go the earlier profiles that hold it. What events
-- committed to of them opens no more, as after an erasure. The newest profile stays, so that revisions go on counting.
CREATE FUNCTION vault.forget_profiles(p_subject uuid, p_revisions int[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    DELETE FROM vault.person AS old
     WHERE old.partition = (get_byte(uuid_send(p_subject), 15) & 63)::smallint AND old.subject_id = p_subject
       AND old.kind = 'person' AND old.revision = ANY (p_revisions)
       AND EXISTS (SELECT FROM vault.person AS newer
                    WHERE newer.partition = old.partition AND newer.subject_id = old.subject_id
                      AND newer.kind = 'person' AND newer.revision > old.revision)
$$;
REVOKE ALL ON FUNCTION vault.forget_profiles(uuid, int[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION vault.forget_profiles(uuid, int[]) TO casework_app;
