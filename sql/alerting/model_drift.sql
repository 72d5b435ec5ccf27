-- Finds how far the inputs of new records have moved from those that models in production were trained on.
-- One row per subject: labels, value (population stability index), summary, facts, path in the dashboard.
-- Reads models.drift, .versions, .models.

SELECT
    jsonb_build_object('dataset', model.dataset, 'model', model.model, 'input', drift.input) AS labels,
    drift.psi AS value,
    jsonb_build_array(
        '{input} of new records of {model} has moved by {psi} from training; above {limit} they are of another kind',
        NULL,
        jsonb_build_object(
            'input', drift.input, 'model', model.model, 'psi', round(drift.psi::numeric, 2), 'limit', 0.25
        )
    ) AS summary,
    jsonb_build_array(
        jsonb_build_array('Model', model.model),
        jsonb_build_array('Input', drift.input),
        jsonb_build_array('Population stability index', round(drift.psi::numeric, 3)),
        jsonb_build_array('Records', drift.records)
    ) AS facts,
    '/models?model=' || model.model AS page
FROM models.drift AS drift
INNER JOIN models.versions AS version ON drift.model = version.model AND drift.version = version.version
INNER JOIN models.models AS model ON drift.model = model.model
WHERE version.state = 'production' AND model.retired_at IS NULL
    AND (%(dataset)s::text IS NULL OR model.dataset = %(dataset)s)
ORDER BY model.model, drift.input
LIMIT %(most)s;
