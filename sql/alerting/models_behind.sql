-- Finds for how long models have not looked at the newest figures, in seconds; 0 if they have.
-- One row per subject: labels, value, summary, facts, path in the dashboard.
-- Reads models.models, analytics.status.

SELECT
    jsonb_build_object('dataset', model.dataset, 'model', model.model) AS labels,
    CASE
        WHEN coalesce(model.data_version <> status.data_version, true)
            THEN extract(EPOCH FROM %(moment)s - model.updated_at)::double precision
        ELSE 0
    END AS value,
    jsonb_build_array(
        '{model} has predicted and scored records last on {at:moment}', NULL,
        jsonb_build_object('model', model.model, 'at', model.updated_at)
    ) AS summary,
    jsonb_build_array(
        jsonb_build_array('Model', model.model),
        jsonb_build_array('Figures that it knows', model.data_version::text),
        jsonb_build_array('Newest figures', status.data_version::text)
    ) AS facts,
    '/models?model=' || model.model AS page
FROM models.models AS model
CROSS JOIN analytics.status AS status
WHERE model.retired_at IS NULL AND model.updated_at IS NOT NULL
    AND (%(dataset)s::text IS NULL OR model.dataset = %(dataset)s)
ORDER BY model.model
LIMIT %(most)s;
