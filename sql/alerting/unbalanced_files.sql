-- Counts the files of each dataset whose records do not add up.
-- One row per subject: labels, value, summary, facts, path in the dashboard.
-- Reads ingest.files.

SELECT
    jsonb_build_object('dataset', dataset) AS labels,
    count(*)::double precision AS value,
    jsonb_build_array(
        '{count} file of {dataset} does not balance: {file}',
        '{count} files of {dataset} do not balance, such as {file}',
        jsonb_build_object('count', count(*), 'dataset', dataset, 'file', min(path))
    ) AS summary,
    jsonb_build_array(jsonb_build_array('Dataset', dataset), jsonb_build_array('Files', count(*))) AS facts,
    '/pipeline?dataset=' || dataset AS page
FROM ingest.files
WHERE records_read <> records_loaded + records_superseded + records_rejected
    AND (%(dataset)s::text IS NULL OR dataset = %(dataset)s)
GROUP BY dataset
ORDER BY dataset
LIMIT %(most)s;
