-- Takes in the links that have come in files, each once.
-- One row per record of the table that is no link yet.
-- Reads identity.links, ingest.files and the raw table of the links.

INSERT INTO identity.links
    (entity, system, external_id, master_key, reason, made_at, author, source, dataset, file_id, record_no)
SELECT {columns}, file.registered_at, file.path, 'file', {dataset}, page.file_id, page.record_no
FROM {table} AS page
JOIN ingest.files AS file USING (file_id)
WHERE {external_id} <> '' AND NOT EXISTS (
    SELECT
    FROM identity.links AS known
    WHERE known.file_id = page.file_id AND known.record_no = page.record_no AND known.withdrawn_at IS NULL
)
