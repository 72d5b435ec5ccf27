-- Counts shipments, and those of them that waited for their log when the analytics were refreshed last.
-- One row.
-- Reads analytics.status, ingest.files.

SELECT
    unassigned_shipments,
    (SELECT coalesce(sum(records_loaded), 0)::bigint FROM ingest.files WHERE dataset = 'shipments') AS shipments
FROM analytics.status;
