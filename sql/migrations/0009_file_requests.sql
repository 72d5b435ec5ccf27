-- What people ask of the pipeline about a file, from the dashboard or through the API, which itself changes nothing.

CREATE TABLE IF NOT EXISTS ingest.file_requests (
    request_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    action       text NOT NULL CHECK (action IN ('retry', 'unload', 'forget')),
    file_id      integer NOT NULL REFERENCES ingest.files ON DELETE CASCADE,
    requested_by text NOT NULL CHECK (requested_by <> '' AND length(requested_by) <= 200),
    requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    done_at      timestamptz,
    outcome      text,
    error        text,
    CHECK (outcome IS NULL OR error IS NULL),
    CHECK (done_at IS NULL OR coalesce(outcome, error) IS NOT NULL)
);
COMMENT ON TABLE ingest.file_requests IS 'Requests to load a file again, to unload it or to dismiss it; the pipeline serves each once';
COMMENT ON COLUMN ingest.file_requests.requested_by IS 'Name of the API key; anonymous without one';
COMMENT ON COLUMN ingest.file_requests.done_at IS 'When the pipeline had served or refused it; NULL while it is pending';
COMMENT ON COLUMN ingest.file_requests.outcome IS 'What was done, in a sentence; set in the transaction that does it';
COMMENT ON COLUMN ingest.file_requests.error IS 'Why it was refused or failed, in a sentence';

CREATE UNIQUE INDEX IF NOT EXISTS file_requests_pending ON ingest.file_requests (file_id) WHERE done_at IS NULL;
CREATE INDEX IF NOT EXISTS file_requests_by_file ON ingest.file_requests (file_id, request_id);

-- The one thing that the API's role can write. It runs with the rights of its owner, so it names every object in full.
-- A file has one pending request at most: a second one gets the first, whatever its action.
CREATE OR REPLACE FUNCTION ingest.request_file_action(wanted_file integer, wanted_action text, requester text)
RETURNS bigint
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $$
DECLARE
    found_id bigint;
BEGIN
    FOR attempt IN 1..5 LOOP
        INSERT INTO ingest.file_requests (action, file_id, requested_by)
        SELECT wanted_action, file_id, requester
        FROM ingest.files
        WHERE file_id = wanted_file
        ON CONFLICT (file_id) WHERE done_at IS NULL DO NOTHING
        RETURNING request_id INTO found_id;
        IF found_id IS NULL THEN
            SELECT request_id INTO found_id
            FROM ingest.file_requests
            WHERE file_id = wanted_file AND done_at IS NULL;
        END IF;
        EXIT WHEN found_id IS NOT NULL;  -- else the pending one has just been served
    END LOOP;
    PERFORM pg_catalog.pg_notify('ingest', pg_catalog.json_build_object(
        'file_id', file_id, 'path', pg_catalog.left(path, 1500), 'version', version, 'dataset', dataset,
        'state', state, 'records_read', records_read, 'bytes_read', bytes_read, 'bytes', size_bytes
    )::text)
    FROM ingest.files
    WHERE file_id = wanted_file;
    RETURN found_id;
END
$$;
COMMENT ON FUNCTION ingest.request_file_action IS 'Requests an action on a file; returns the pending request of the file, NULL if there is no such file';
REVOKE ALL ON FUNCTION ingest.request_file_action FROM public;
