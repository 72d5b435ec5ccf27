-- Counts the files of each dataset whose records do not add up.
-- One row per subject: labels, value, summary, facts, path in the dashboard.
-- Reads ingest.files.

SELECT
    jsonb_build_object('dataset', dataset) AS labels,
    count(*)::double precision AS value,
    format('%%s files of %%s do not balance, such as %%s', count(*), dataset, min(path)) AS summary,
    jsonb_build_array(jsonb_build_array('Dataset', dataset), jsonb_build_array('Files', count(*)::text)) AS facts,
    '/pipeline?dataset=' || dataset AS page
FROM ingest.files
WHERE records_read <> records_loaded + records_superseded + records_rejected
    AND (%(dataset)s::text IS NULL OR dataset = %(dataset)s)
GROUP BY dataset
ORDER BY dataset
LIMIT %(most)s;
