-- Lists the versions of a model with their newest back-test.
-- One row per version, the newest first.
-- Reads models.versions, .backtests.
SELECT
    versions.version,
    versions.state,
    versions.method,
    versions.format,
    versions.sha256,
    versions.data_version,
    versions.trained_on,
    versions.created_at,
    versions.author,
    (backtests.overall ->> 'error')::double precision AS error,
    (backtests.overall ->> 'naive_error')::double precision AS naive_error,
    (backtests.overall ->> 'pinball')::double precision AS pinball,
    (backtests.overall ->> 'coverage_90')::double precision AS coverage_90,
    (backtests.overall ->> 'precision')::double precision AS precision,
    (backtests.overall ->> 'recall')::double precision AS recall,
    backtests.verdict,
    backtests.reason
FROM models.versions AS versions
LEFT JOIN LATERAL ( -- noqa: ST05
    SELECT tests.overall, tests.verdict, tests.reason
    FROM models.backtests AS tests
    WHERE tests.model = versions.model AND tests.version = versions.version
    ORDER BY tests.backtest_id DESC
    LIMIT 1
) AS backtests ON true
WHERE versions.model = %(model)s
ORDER BY versions.version DESC
