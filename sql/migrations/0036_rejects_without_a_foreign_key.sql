-- ingest.rejects without its foreign key, for which PostgreSQL looks up the file of every single reject. The batch that
-- is written with them has such a key, so their file is there until they are; triggers delete them with it.

ALTER TABLE ingest.rejects DROP CONSTRAINT IF EXISTS rejects_file_id_fkey;
COMMENT ON COLUMN ingest.rejects.file_id IS 'Of ingest.files, as the batch of ingest.batches that was written with it';

CREATE OR REPLACE FUNCTION ingest.delete_rejects() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        DELETE FROM ingest.rejects USING deleted WHERE rejects.file_id = deleted.file_id;
    ELSE
        DELETE FROM ingest.rejects;  -- TRUNCATE would fail where the same command truncates both
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION ingest.delete_rejects IS 'Deletes the rejects of files that were deleted';
CREATE OR REPLACE TRIGGER delete_rejects AFTER DELETE ON ingest.files
REFERENCING OLD TABLE AS deleted
FOR EACH STATEMENT EXECUTE FUNCTION ingest.delete_rejects();
CREATE OR REPLACE TRIGGER delete_all_rejects AFTER TRUNCATE ON ingest.files
FOR EACH STATEMENT EXECUTE FUNCTION ingest.delete_rejects();
