-- Finds the share of rejected records, in per cent, of the files that were loaded lately.
-- One row per subject: labels, value, summary, facts, path in the dashboard.
-- Reads ingest.files, by its indexes.

SELECT
    jsonb_build_object('dataset', dataset, 'file', path) AS labels,
    (100.0 * records_rejected / nullif(records_read, 0))::double precision AS value,
    jsonb_build_array(
        '{rejected} of {read} records of {file} were rejected ({share:percent})', NULL,
        jsonb_build_object(
            'rejected', records_rejected, 'read', records_read, 'file', path,
            'share', 1.0 * records_rejected / nullif(records_read, 0)
        )
    ) AS summary,
    jsonb_build_array(
        jsonb_build_array('File', path),
        jsonb_build_array('Dataset', dataset),
        jsonb_build_array('Records read', records_read),
        jsonb_build_array('Rejected', records_rejected)
    ) AS facts,
    '/pipeline?file=' || file_id AS page
FROM ingest.files AS file
WHERE state = 'loaded' AND records_rejected > 0 AND dismissed_at IS NULL
    AND (%(dataset)s::text IS NULL OR dataset = %(dataset)s)
    AND finished_at > %(moment)s - make_interval(days => %(window_days)s)
    AND (%(past)s::timestamptz IS NULL OR finished_at <= %(past)s)
    AND NOT EXISTS (
        SELECT FROM ingest.files AS newer
        WHERE newer.path = file.path AND newer.version > file.version
            AND (%(past)s::timestamptz IS NULL OR newer.registered_at <= %(past)s)
    )
ORDER BY value DESC, file_id DESC
LIMIT %(most)s;
