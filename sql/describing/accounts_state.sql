-- Sums up the accounts of some datasets' files as a hash: what is counted from their rows changes only with it.
-- One row.
-- Reads ingest.files.

SELECT md5(coalesce(
    string_agg(
        concat_ws(' ', file_id, records_read, records_loaded, records_rejected, started_at), ';' ORDER BY file_id
    ), ''
))
FROM ingest.files
WHERE dataset = ANY(%(datasets)s) AND records_read > 0;
