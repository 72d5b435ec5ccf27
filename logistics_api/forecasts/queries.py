"""Statements about forecasts. They only read."""

from psycopg import sql

from logistics_core.database_contract.forecasts import TRACKED_PERIODS
from logistics_core.metrics.periods import Grain

SPACING = {Grain.DAY: 7, Grain.WEEK: 4, Grain.MONTH: 3}
"""Periods between the earlier forecasts that are shown behind one."""

BLOCKS = {Grain.DAY: 7, Grain.WEEK: 1, Grain.MONTH: 1}
"""Periods that one row of accuracy over time covers."""

_TRACKED = " ".join(f"WHEN '{grain.value}' THEN {periods}" for grain, periods in TRACKED_PERIODS.items())

CATALOGUE = f"""
-- Returns all that is forecast.
-- One row: the data version; the newest fit per dataset, metric, grain and levels as JSON, with how right its levels
-- were over the last periods.
-- Reads analytics.status, forecast.runs, .accuracy.
SELECT
    (SELECT data_version FROM analytics.status),
    (
        SELECT coalesce(json_agg(json_build_object(
            'dataset', newest.dataset,
            'metric', newest.metric,
            'grain', newest.grain,
            'levels', newest.levels,
            'run', json_build_object(
                'run_id', newest.run_id,
                'issued_at', newest.issued_at,
                'data_version', newest.data_version,
                'code_version', newest.code_version,
                'first_period', newest.first_period,
                'last_period', newest.last_period,
                'horizon', newest.horizon,
                'series', newest.series,
                'together', newest.together,
                'methods', newest.methods,
                'reconciled_by', newest.reconciled_by,
                'seconds', round(newest.seconds::numeric, 3),
                'memory_bytes', newest.memory_bytes
            ),
            'backtest', newest.backtest,
            'tracked', (
                SELECT json_agg(json_build_object(
                    'level', summed.level,
                    'forecasts', summed.series,
                    'actual', summed.actual,
                    'error', summed.error,
                    'absolute', summed.absolute,
                    'naive_absolute', summed.naive_absolute,
                    'within_80', summed.within_80,
                    'within_90', summed.within_90,
                    'interval_score', summed.interval_score
                ))
                FROM (
                    SELECT
                        accuracy.level,
                        sum(accuracy.series) AS series,
                        sum(accuracy.actual) AS actual,
                        sum(accuracy.error) AS error,
                        sum(accuracy.absolute) AS absolute,
                        sum(accuracy.naive_absolute) AS naive_absolute,
                        sum(accuracy.within_80) AS within_80,
                        sum(accuracy.within_90) AS within_90,
                        sum(accuracy.interval_score) AS interval_score
                    FROM forecast.runs AS fit
                    INNER JOIN forecast.accuracy AS accuracy ON fit.run_id = accuracy.run_id
                    WHERE fit.dataset = newest.dataset AND fit.metric = newest.metric AND fit.grain = newest.grain
                        AND fit.levels = newest.levels
                        AND forecast.period_after(fit.last_period, fit.grain, accuracy.step)
                        > forecast.period_after(
                            newest.last_period, newest.grain, -(CASE newest.grain {_TRACKED} END)
                        )
                    GROUP BY accuracy.level
                ) AS summed
            )
        )), '[]')
        FROM (
            SELECT DISTINCT ON (dataset, metric, grain, levels)
                run_id, dataset, metric, grain, levels, horizon, data_version, code_version, issued_at, first_period,
                last_period, series, together, methods, reconciled_by, backtest, seconds, memory_bytes
            FROM forecast.runs
            ORDER BY dataset, metric, grain, levels, run_id DESC
        ) AS newest
    )
"""

_ANSWER = """
WITH run AS (
    SELECT
        run_id, levels, horizon, probabilities, data_version, code_version, issued_at, first_period, last_period,
        series, together, methods, reconciled_by, backtest, seconds, memory_bytes, grain
    FROM forecast.runs
    WHERE dataset = %(dataset)s AND metric = %(metric)s AND grain = %(grain)s
        AND EXISTS (SELECT FROM jsonb_array_elements(levels) AS level WHERE level = %(level)s::jsonb)
        AND (%(run)s::bigint IS NULL OR run_id = %(run)s)
        AND (%(as_of)s::timestamptz IS NULL OR issued_at <= %(as_of)s)
    ORDER BY run_id DESC
    LIMIT 1
),
earlier AS (
    SELECT DISTINCT ON (block) fit.run_id, fit.issued_at, fit.last_period, block
    FROM run
    INNER JOIN forecast.runs AS fit
        ON fit.dataset = %(dataset)s AND fit.metric = %(metric)s AND run.grain = fit.grain
        AND run.last_period > fit.last_period AND run.run_id > fit.run_id
        AND EXISTS (SELECT FROM jsonb_array_elements(fit.levels) AS level WHERE level = %(level)s::jsonb)
    CROSS JOIN LATERAL (
        SELECT (forecast.step_of(fit.last_period, fit.grain, run.last_period) + %(spacing)s - 1) / %(spacing)s AS block
    ) AS back
    WHERE block <= %(past)s
    ORDER BY block, fit.last_period DESC, fit.run_id DESC
),
matching AS (
    SELECT
        forecasts.number, forecasts.series_id, forecasts.parts, forecasts.steps, forecasts.point, forecasts.quantiles,
        forecasts.naive, forecasts.method, forecasts.reason, forecasts.error, forecasts.naive_error, forecasts.bias,
        forecasts.coverage_80, forecasts.coverage_90, series.key, series.is_rest, series.naive_since,
        series.naive_reason, count(*) OVER () AS found
    FROM run
    INNER JOIN forecast.forecasts AS forecasts ON run.run_id = forecasts.run_id
    INNER JOIN forecast.series AS series ON forecasts.series_id = series.series_id
    WHERE series.level = %(level)s::jsonb AND {filter}
    ORDER BY forecasts.number
    LIMIT %(limit)s OFFSET %(offset)s
)
SELECT
    (SELECT data_version FROM analytics.status),
    (
        SELECT json_build_object(
            'run_id', run.run_id,
            'issued_at', run.issued_at,
            'data_version', run.data_version,
            'code_version', run.code_version,
            'first_period', run.first_period,
            'last_period', run.last_period,
            'horizon', run.horizon,
            'series', run.series,
            'together', run.together,
            'methods', run.methods,
            'reconciled_by', run.reconciled_by,
            'seconds', round(run.seconds::numeric, 3),
            'memory_bytes', run.memory_bytes
        )
        FROM run
    ),
    (
        SELECT run.backtest -> (listed.number - 1)::integer
        FROM run CROSS JOIN LATERAL jsonb_array_elements(run.levels) WITH ORDINALITY AS listed (level, number)
        WHERE listed.level = %(level)s::jsonb
    ),
    (
        SELECT coalesce(max(matching.found), (
            SELECT count(*)
            FROM run
            INNER JOIN forecast.forecasts AS forecasts ON run.run_id = forecasts.run_id
            INNER JOIN forecast.series AS series ON forecasts.series_id = series.series_id
            WHERE series.level = %(level)s::jsonb AND {filter}
        ))
        FROM matching
    ),
    (
        SELECT coalesce(json_agg(json_build_object(
            'key', (
                SELECT coalesce(json_object_agg(named.name, matching.key -> (named.place - 1)::integer), '{{}}')
                FROM unnest(%(names)s::text[]) WITH ORDINALITY AS named (name, place)
            ),
            'is_rest', matching.is_rest,
            'parts', matching.parts,
            'method', matching.method,
            'reason', matching.reason,
            'naive_since', matching.naive_since,
            'naive_reason', CASE WHEN matching.naive_since IS NOT NULL THEN matching.naive_reason END,
            'backtest', json_build_object(
                'error', matching.error,
                'naive_error', matching.naive_error,
                'value_added', 1 - matching.error / nullif(matching.naive_error, 0),
                'bias', matching.bias,
                'coverage_80', matching.coverage_80,
                'coverage_90', matching.coverage_90
            ),
            'tracked', tracked.document,
            'points', coalesce(points.document, '[]'),
            'past', coalesce(past.document, '[]')
        ) ORDER BY matching.number), '[]')::text
        FROM matching
        CROSS JOIN run
        CROSS JOIN LATERAL (
            SELECT json_agg(json_build_object(
                'step', each.step,
                'period', target.period,
                'point', each.point,
                'naive', each.naive,
                'quantiles', (
                    SELECT json_agg(
                        matching.quantiles[
                            (array_position(run.probabilities, asked.probability) - 1) * cardinality(matching.steps)
                            + each.place
                        ]
                        ORDER BY asked.place
                    )
                    FROM unnest(%(probabilities)s::double precision[]) WITH ORDINALITY AS asked (probability, place)
                ),
                'actual', actuals.value,
                'first_actual', actuals.first_value
            ) ORDER BY each.step) AS document
            FROM unnest(matching.steps, matching.point, matching.naive)
                WITH ORDINALITY AS each (step, point, naive, place)
            CROSS JOIN LATERAL (
                SELECT forecast.period_after(run.last_period, run.grain, each.step) AS period
            ) AS target
            LEFT JOIN forecast.actuals AS actuals
                ON actuals.series_id = matching.series_id AND target.period = actuals.period
            WHERE (%(horizon)s::integer IS NULL OR each.step <= %(horizon)s)
                AND (%(start)s::date IS NULL OR target.period >= %(start)s)
                AND (%(end)s::date IS NULL OR target.period <= %(end)s)
        ) AS points
        CROSS JOIN LATERAL (
            SELECT json_agg(json_build_object(
                'run_id', earlier.run_id,
                'issued_at', earlier.issued_at,
                'last_period', earlier.last_period,
                'points', (
                    SELECT json_agg(json_build_object(
                        'period', forecast.period_after(earlier.last_period, run.grain, each.step),
                        'point', each.point
                    ) ORDER BY each.step)
                    FROM unnest(said.steps, said.point) AS each (step, point)
                )
            ) ORDER BY earlier.last_period DESC) AS document
            FROM earlier
            INNER JOIN forecast.forecasts AS said
                ON earlier.run_id = said.run_id AND said.series_id = matching.series_id
        ) AS past
        CROSS JOIN LATERAL (
            SELECT CASE WHEN sum(actuals.forecasts) > 0 THEN json_build_object(
                'first_period', min(actuals.period),
                'last_period', max(actuals.period),
                'forecasts', sum(actuals.forecasts),
                'error', sum(actuals.absolute) / nullif(sum(abs(actuals.value) * actuals.forecasts), 0),
                'naive_error', sum(actuals.naive_absolute) / nullif(sum(abs(actuals.value) * actuals.forecasts), 0),
                'value_added', 1 - sum(actuals.absolute) / nullif(sum(actuals.naive_absolute), 0),
                'bias', sum(actuals.error) / nullif(sum(abs(actuals.value) * actuals.forecasts), 0),
                'coverage_80', sum(actuals.within_80)::double precision / sum(actuals.forecasts),
                'coverage_90', sum(actuals.within_90)::double precision / sum(actuals.forecasts),
                'interval_score', sum(actuals.interval_score) / sum(actuals.forecasts),
                'tracking_signal', sum(actuals.error) * sum(actuals.forecasts) / nullif(sum(actuals.absolute), 0)
            ) END AS document
            FROM forecast.actuals AS actuals
            WHERE actuals.series_id = matching.series_id AND actuals.forecasts > 0
                AND actuals.period > forecast.period_after(run.last_period, run.grain, -%(tracked)s)
        ) AS tracked
    )
"""


def answer(filter: sql.Composable) -> str:
    """The statement of the forecasts of a level, with a condition on forecast.series.

    One row: the data version, the fit, how its level did in the back-test, the number of series, those asked for; all
    as JSON. Reads analytics.status, forecast.runs, .forecasts, .series, .actuals.
    """
    return sql.SQL(_ANSWER).format(filter=filter).as_string()


_OF_LEVEL = """
SELECT
    accuracy.run_id,
    forecast.period_after(fit.last_period, fit.grain, accuracy.step) AS period,
    accuracy.step,
    accuracy.series AS forecasts,
    accuracy.actual,
    accuracy.error,
    accuracy.absolute,
    accuracy.naive_absolute,
    accuracy.first_absolute,
    accuracy.within_80,
    accuracy.within_90,
    accuracy.interval_score
FROM forecast.runs AS fit
INNER JOIN forecast.accuracy AS accuracy ON fit.run_id = accuracy.run_id
WHERE fit.dataset = %(dataset)s AND fit.metric = %(metric)s AND fit.grain = %(grain)s
    AND fit.levels -> accuracy.level::integer = %(level)s::jsonb
"""

_OF_SERIES = """
SELECT
    scores.run_id,
    scores.period,
    scores.step,
    1 AS forecasts,
    abs(scores.actual) AS actual,
    scores.error,
    abs(scores.error) AS absolute,
    abs(scores.naive_error) AS naive_absolute,
    abs(scores.first_error) AS first_absolute,
    scores.is_within_80::integer AS within_80,
    scores.is_within_90::integer AS within_90,
    scores.interval_score
FROM forecast.series AS series
INNER JOIN forecast.scores AS scores ON series.series_id = scores.series_id
WHERE series.dataset = %(dataset)s AND series.metric = %(metric)s AND series.grain = %(grain)s
    AND series.level = %(level)s::jsonb AND {filter}
"""

_FIGURES = """
    'forecasts', coalesce(sum(forecasts), 0),
    'error', sum(absolute) / nullif(sum(actual), 0),
    'first_error', sum(first_absolute) / nullif(sum(actual), 0),
    'naive_error', sum(naive_absolute) / nullif(sum(actual), 0),
    'value_added', 1 - sum(absolute) / nullif(sum(naive_absolute), 0),
    'bias', sum(error) / nullif(sum(actual), 0),
    'coverage_80', sum(within_80)::double precision / nullif(sum(forecasts), 0),
    'coverage_90', sum(within_90)::double precision / nullif(sum(forecasts), 0),
    'interval_score', sum(interval_score) / nullif(sum(forecasts), 0),
    'tracking_signal', sum(error) * sum(forecasts) / nullif(sum(absolute), 0)
"""

_ACCURACY = """
WITH all_scored AS (
    {source}
),
span AS (
    SELECT max(period) AS last, forecast.period_after(max(period), %(grain)s, 1 - %(periods)s) AS first FROM all_scored
),
scored AS (
    SELECT all_scored.*, (forecast.step_of(period, %(grain)s, span.last) / %(block)s) AS block
    FROM all_scored CROSS JOIN span
    WHERE period >= span.first
),
newest AS (
    SELECT run_id, backtest, levels
    FROM forecast.runs
    WHERE dataset = %(dataset)s AND metric = %(metric)s AND grain = %(grain)s
        AND EXISTS (SELECT FROM jsonb_array_elements(levels) AS level WHERE level = %(level)s::jsonb)
    ORDER BY run_id DESC
    LIMIT 1
)
SELECT
    (SELECT data_version FROM analytics.status),
    json_build_object(
        'first_period', (SELECT min(period) FROM scored),
        'last_period', (SELECT max(period) FROM scored),
        'fits', (SELECT count(DISTINCT run_id) FROM scored),
        'total', (SELECT json_build_object({figures}) FROM scored),
        'by_steps', (
            SELECT coalesce(json_agg(document ORDER BY first_step), '[]')
            FROM (
                SELECT
                    min(bucket.first_step) AS first_step,
                    json_build_object('first_step', bucket.first_step, 'last_step', bucket.last_step, {figures})
                        AS document
                FROM scored
                INNER JOIN (VALUES (1, 1), (2, 7), (8, 14), (15, 28), (29, 366)) AS bucket (first_step, last_step)
                    ON scored.step BETWEEN bucket.first_step AND bucket.last_step
                GROUP BY bucket.first_step, bucket.last_step
            ) AS buckets
        ),
        'over_time', (
            SELECT coalesce(json_agg(document ORDER BY block), '[]')
            FROM (
                SELECT
                    block,
                    json_build_object('first_period', min(period), 'last_period', max(period), {figures}) AS document
                FROM scored
                GROUP BY block
            ) AS blocks
        ),
        'backtest', (
            SELECT newest.backtest -> (listed.number - 1)::integer
            FROM newest CROSS JOIN LATERAL jsonb_array_elements(newest.levels) WITH ORDINALITY AS listed (level, number)
            WHERE listed.level = %(level)s::jsonb
        ),
        'set_back', (
            SELECT coalesce(json_agg(json_build_object(
                'key', (
                    SELECT coalesce(json_object_agg(named.name, series.key -> (named.place - 1)::integer), '{{}}')
                    FROM unnest(%(names)s::text[]) WITH ORDINALITY AS named (name, place)
                ),
                'since', series.naive_since,
                'decided_at', series.naive_set_at,
                'reason', series.naive_reason
            ) ORDER BY series.naive_since, series.series_id), '[]')
            FROM forecast.series AS series
            WHERE series.dataset = %(dataset)s AND series.metric = %(metric)s AND series.grain = %(grain)s
                AND series.level = %(level)s::jsonb AND series.naive_since IS NOT NULL AND {filter}
        )
    )
"""


def accuracy(filter: sql.Composable, *, is_filtered: bool) -> str:
    """The statement of the accuracy of a level or, filtered, of some of its series.

    One row: the data version, the answer as JSON. Reads analytics.status, forecast.runs, .accuracy, .scores, .series.
    """
    source = sql.SQL(_OF_SERIES).format(filter=filter) if is_filtered else sql.SQL(_OF_LEVEL)
    return sql.SQL(_ACCURACY).format(source=source, figures=sql.SQL(_FIGURES), filter=filter).as_string()
