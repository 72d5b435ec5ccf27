-- Finds how far the inputs of new records have moved from those that models in production were trained on.
-- One row per subject: labels, value (population stability index), summary, facts, path in the dashboard.
-- Reads models.drift, .versions, .models.

SELECT
    jsonb_build_object('dataset', model.dataset, 'model', model.model, 'input', drift.input) AS labels,
    drift.psi AS value,
    format(
        '%%s of new records of %%s has moved by %%s from training; above 0.25 they are of another kind',
        drift.input, model.model, round(drift.psi::numeric, 2)
    ) AS summary,
    jsonb_build_array(
        jsonb_build_array('Model', model.model),
        jsonb_build_array('Input', drift.input),
        jsonb_build_array('Population stability index', round(drift.psi::numeric, 3)::text),
        jsonb_build_array('Records', drift.records::text)
    ) AS facts,
    '/models?model=' || model.model AS page
FROM models.drift AS drift
INNER JOIN models.versions AS version ON drift.model = version.model AND drift.version = version.version
INNER JOIN models.models AS model ON drift.model = model.model
WHERE version.state = 'production' AND model.retired_at IS NULL
    AND (%(dataset)s::text IS NULL OR model.dataset = %(dataset)s)
ORDER BY model.model, drift.input
LIMIT %(most)s;
