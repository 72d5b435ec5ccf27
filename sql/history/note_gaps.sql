-- Notes the files of a dataset of which some superseded records were not kept.
-- No rows.
-- Reads ingest.files and the table of superseded records, writes ingest.history_gaps.

WITH counted AS (
    SELECT file_id, count(*) AS kept FROM {history} GROUP BY file_id
)

INSERT INTO ingest.history_gaps (file_id, dataset)
SELECT file_id, dataset
FROM ingest.files
LEFT JOIN counted USING (file_id)
WHERE dataset = %(dataset)s AND records_superseded > coalesce(kept, 0)
