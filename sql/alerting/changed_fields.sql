-- Finds the fields by which files differ from the contract of their dataset: those of open proposals about drift, and
-- unknown ones of the newest file that was loaded.
-- One row per subject: labels, value, summary, facts, path in the dashboard.
-- Reads catalogue.proposals, by its index of open ones, ingest.files, by its indexes.

WITH changed AS (
    SELECT
        proposal.dataset,
        coalesce(change ->> 'field', change ->> 'column', '') AS field,
        CASE
            WHEN change ->> 'kind' = 'new_column' THEN 'new'
            WHEN change ->> 'kind' IN ('optional_gone', 'required_gone', 'key_gone') THEN 'missing'
            WHEN change ->> 'kind' IN ('type', 'widened', 'date_order', 'unit') THEN 'retyped'
            WHEN change ->> 'kind' = 'renamed' THEN 'renamed'
        END AS how,
        change ->> 'text' AS words,
        proposal.path,
        '/import' AS page
    FROM catalogue.proposals AS proposal
    CROSS JOIN jsonb_array_elements(proposal.document #> '{drift,changes}') AS change
    WHERE proposal.state = 'open' AND proposal.kind = 'drift'
    UNION ALL
    SELECT newest.dataset, unknown_field, 'new', NULL, newest.path, '/pipeline?file=' || newest.file_id
    FROM (
        SELECT DISTINCT ON (dataset) dataset, path, file_id, unknown_fields
        FROM ingest.files
        WHERE state = 'loaded' AND dismissed_at IS NULL
            AND finished_at > %(moment)s - make_interval(days => %(window_days)s)
        ORDER BY dataset ASC, finished_at DESC, file_id DESC
    ) AS newest
    CROSS JOIN unnest(newest.unknown_fields) AS unknown_field
),

known AS (
    SELECT DISTINCT ON (dataset, field, how) dataset, field, how, words, path, page
    FROM changed
    WHERE how IS NOT NULL AND (%(dataset)s::text IS NULL OR dataset = %(dataset)s)
    ORDER BY dataset ASC, field ASC, how ASC, words ASC NULLS LAST, path ASC
)

SELECT
    jsonb_build_object('dataset', dataset, 'field', left(field, 200), 'change', how) AS labels,
    1::double precision AS value,
    coalesce(to_jsonb(words), jsonb_build_array(
        '{file} has the field {field}, which the contract of {dataset} does not know', NULL,
        jsonb_build_object('file', path, 'field', field, 'dataset', dataset)
    )) AS summary,
    jsonb_build_array(
        jsonb_build_array('Dataset', dataset),
        jsonb_build_array('Field', field),
        jsonb_build_array('Change', how),
        jsonb_build_array('File', path)
    ) AS facts,
    page
FROM known
ORDER BY dataset, field, how
LIMIT %(most)s;
