-- Says how right the version in production of a model is: by what came true lately, or by its newest back-test; with
-- %(past)s, how right the one that was in production at an earlier moment was by then.
-- One row: a JSON object; none without a version in production.
-- Reads models.versions, .aliases, .backtests, .scores.
SELECT
    CASE
        WHEN tracked.scored >= %(enough)s
            THEN backtests.overall || jsonb_build_object(
                'error', tracked.error, 'naive_error', tracked.naive_error, 'coverage_90', tracked.coverage_90,
                'scored', tracked.scored, 'is_tracked', true
            )
        ELSE backtests.overall || jsonb_build_object('scored', backtests.records, 'is_tracked', false)
    END
FROM models.versions AS versions
CROSS JOIN LATERAL ( -- noqa: ST05
    SELECT tests.overall, tests.records
    FROM models.backtests AS tests
    WHERE tests.model = versions.model AND tests.version = versions.version
        AND (%(past)s::timestamptz IS NULL OR tests.tested_at <= %(past)s)
    ORDER BY tests.backtest_id DESC
    LIMIT 1
) AS backtests
CROSS JOIN LATERAL ( -- noqa: ST05
    SELECT
        count(*) AS scored,
        avg(abs(scores.error)) AS error,
        avg(abs(scores.naive_error)) AS naive_error,
        avg(scores.is_within_90::int)::double precision AS coverage_90
    FROM models.scores AS scores
    WHERE scores.model = versions.model
        AND scores.actual_at > coalesce(%(past)s, clock_timestamp()) - make_interval(days => %(days)s)
        AND (%(past)s::timestamptz IS NULL OR scores.actual_at <= %(past)s)
) AS tracked
WHERE versions.model = %(model)s
    AND CASE
        WHEN %(past)s::timestamptz IS NULL THEN versions.state = 'production'
        ELSE EXISTS (
            SELECT FROM models.aliases AS alias
            WHERE alias.model = versions.model AND alias.version = versions.version AND alias.alias = 'champion'
                AND alias.since <= %(past)s AND coalesce(alias.until > %(past)s, true)
        )
    END
