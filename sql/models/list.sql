-- Lists models with the version in production and how right it was in its back-test.
-- One row per model that a contract asks for.
-- Reads models.models, .versions, .backtests, .aliases.
SELECT
    models.model,
    models.dataset,
    models.kind,
    models.is_held,
    versions.version,
    versions.method,
    versions.trained_on,
    versions.data_version,
    versions.created_at,
    (backtests.overall ->> 'error')::double precision AS error,
    (backtests.overall ->> 'naive_error')::double precision AS naive_error,
    (backtests.overall ->> 'coverage_90')::double precision AS coverage_90,
    (backtests.overall ->> 'precision')::double precision AS precision,
    (backtests.overall ->> 'recall')::double precision AS recall,
    (
        SELECT aliases.version
        FROM models.aliases AS aliases
        WHERE aliases.model = models.model AND aliases.alias = 'challenger' AND aliases.until IS NULL
    ) AS challenger
FROM models.models AS models
LEFT JOIN models.versions AS versions ON models.model = versions.model AND versions.state = 'production'
LEFT JOIN LATERAL ( -- noqa: ST05
    SELECT tests.overall
    FROM models.backtests AS tests
    WHERE tests.model = versions.model AND tests.version = versions.version
    ORDER BY tests.backtest_id DESC
    LIMIT 1
) AS backtests ON true
WHERE models.retired_at IS NULL
ORDER BY models.model
