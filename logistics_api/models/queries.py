"""Statements about models. They only read, but for the calls that ask for jobs and cancel them."""

from logistics_core.database_contract.models import CANCEL_JOB, REQUEST_JOB

TRACKED_DAYS = 90
"""Predictions whose truth arrived in these days say how right a model is lately."""

_VERSION = """
json_build_object(
    'version', version.version,
    'state', version.state,
    'method', version.method,
    'format', version.format,
    'sha256', version.sha256,
    'data_version', version.data_version,
    'code_version', version.code_version,
    'trained_on', version.trained_on,
    'first_day', version.first_day,
    'last_day', version.last_day,
    'author', version.author,
    'created_at', version.created_at,
    'seconds', version.seconds,
    'memory_bytes', version.memory_bytes,
    'outputs', version.outputs,
    'backtest', (
        SELECT json_build_object(
            'backtest_id', backtest.backtest_id,
            'tested_at', backtest.tested_at,
            'data_version', backtest.data_version,
            'records', backtest.records,
            'verdict', backtest.verdict,
            'reason', backtest.reason,
            'overall', backtest.overall,
            'windows', backtest.windows,
            'compared', backtest.compared
        )
        FROM models.backtests AS backtest
        WHERE backtest.model = version.model AND backtest.version = version.version
        ORDER BY backtest.backtest_id DESC
        LIMIT 1
    )
)
"""

_TRACKED = f"""
(
    SELECT json_build_object(
        'predictions', count(*),
        'ahead', count(*) FILTER (WHERE is_ahead),
        'error', avg(abs(error)),
        'naive_error', avg(abs(naive_error)),
        'bias', avg(error),
        'pinball', avg(pinball),
        'coverage_80', avg(is_within_80::int)::double precision,
        'coverage_90', avg(is_within_90::int)::double precision,
        'late', count(*) FILTER (WHERE is_late),
        'expected_late', sum(late_risk) FILTER (WHERE is_late IS NOT NULL)
    )
    FROM models.scores AS score
    WHERE score.model = model.model AND score.actual_at > now() - interval '{TRACKED_DAYS} days'
)
"""

_SUMMARY = f"""
json_build_object(
    'model', model.model,
    'dataset', model.dataset,
    'kind', model.kind,
    'declaration', model.declaration,
    'is_held', model.is_held,
    'updated_at', model.updated_at,
    'data_version', model.data_version,
    'champion', (
        SELECT {_VERSION} FROM models.versions AS version
        WHERE version.model = model.model AND version.state = 'production'
    ),
    'challenger', (
        SELECT {_VERSION}
        FROM models.aliases AS alias
        INNER JOIN models.versions AS version ON alias.model = version.model AND alias.version = version.version
        WHERE alias.model = model.model AND alias.alias = 'challenger' AND alias.until IS NULL
    ),
    'tracked', {_TRACKED},
    'open', (
        SELECT count(*) FROM models.predictions AS prediction
        WHERE prediction.model = model.model AND prediction.actual IS NULL
    ),
    'odd', (SELECT count(*) FROM models.odd_values AS odd WHERE odd.model = model.model),
    'drift', (
        SELECT coalesce(json_agg(json_build_object(
            'input', drift.input, 'psi', drift.psi, 'records', drift.records, 'measured_at', drift.measured_at
        ) ORDER BY drift.psi DESC), '[]')
        FROM models.drift AS drift
        INNER JOIN models.versions AS version ON drift.model = version.model AND drift.version = version.version
        WHERE drift.model = model.model AND version.state = 'production'
    )
)
"""

ALL_MODELS = f"""
-- Returns all models that contracts ask for, with the versions in production and how right they are.
-- One row: a JSON array.
-- Reads models.models, .versions, .backtests, .aliases, .predictions, .scores, .odd_values, .drift.
SELECT coalesce(json_agg({_SUMMARY} ORDER BY model.model), '[]')
FROM models.models AS model
WHERE model.retired_at IS NULL
"""

ONE_MODEL = f"""
-- Returns a model with all its versions.
-- One row: the model, NULL if there is none; its versions, the newest first.
-- Reads as ALL_MODELS.
SELECT
    (SELECT {_SUMMARY} FROM models.models AS model WHERE model.model = %(model)s),
    (
        SELECT coalesce(json_agg({_VERSION} ORDER BY version.version DESC), '[]')
        FROM models.versions AS version
        WHERE version.model = %(model)s AND version.version > (
            SELECT max(version) - 100 FROM models.versions WHERE model = %(model)s
        )
    )
"""

ONE_VERSION = f"""
-- Returns a version with its card and its inputs, and whether there is such a model.
-- One row: whether the model exists; the version, NULL if there is none.
-- Reads models.models, .versions, .backtests.
SELECT
    EXISTS (SELECT FROM models.models WHERE model = %(model)s),
    (
        SELECT {_VERSION}::jsonb || jsonb_build_object(
            'model', version.model, 'card', version.card - 'inputs', 'inputs', version.input_schema
        )
        FROM models.versions AS version
        WHERE version.model = %(model)s AND CASE
            WHEN %(version)s::integer IS NULL THEN version.state = 'production' ELSE version.version = %(version)s
        END
    )
"""

HISTORY = """
-- Returns what became of the versions of a model, and which was in production at a moment.
-- One row: whether the model exists; the version, NULL if none was; changes, the newest first; periods of the aliases.
-- Reads models.models, .transitions, .aliases.
SELECT
    EXISTS (SELECT FROM models.models WHERE model = %(model)s),
    (
        SELECT version FROM models.aliases
        WHERE model = %(model)s AND alias = 'champion' AND since <= coalesce(%(at)s::timestamptz, now())
            AND (until IS NULL OR until > coalesce(%(at)s::timestamptz, now()))
        ORDER BY alias_id DESC LIMIT 1
    ),
    (
        SELECT coalesce(json_agg(json_build_object(
            'version', change.version, 'from_state', change.from_state, 'to_state', change.to_state,
            'author', change.author, 'reason', change.reason, 'backtest_id', change.backtest_id,
            'changed_at', change.changed_at
        ) ORDER BY change.transition_id DESC), '[]')
        FROM (
            SELECT transition_id, version, from_state, to_state, author, reason, backtest_id, changed_at
            FROM models.transitions
            WHERE model = %(model)s AND (%(at)s::timestamptz IS NULL OR changed_at <= %(at)s)
            ORDER BY transition_id DESC LIMIT %(limit)s
        ) AS change
    ),
    (
        SELECT coalesce(json_agg(json_build_object(
            'alias', period.alias, 'version', period.version, 'since', period.since, 'until', period.until,
            'author', period.author, 'reason', period.reason, 'backtest_id', period.backtest_id
        ) ORDER BY period.alias_id DESC), '[]')
        FROM (
            SELECT alias_id, alias, version, since, until, author, reason, backtest_id
            FROM models.aliases
            WHERE model = %(model)s AND (%(at)s::timestamptz IS NULL OR since <= %(at)s)
            ORDER BY alias_id DESC LIMIT %(limit)s
        ) AS period
    )
"""

ACCURACY = f"""
-- Returns how right the predictions of a model were, by week in which the truth arrived.
-- One row: whether the model exists; all of the last days together; weeks.
-- Reads models.models, .scores.
SELECT
    EXISTS (SELECT FROM models.models WHERE model = %(model)s),
    (SELECT {_TRACKED} FROM (SELECT %(model)s AS model) AS model),
    (
        SELECT coalesce(json_agg(json_build_object(
            'week', week.week, 'predictions', week.predictions, 'error', week.error, 'naive_error', week.naive_error,
            'bias', week.bias, 'pinball', week.pinball, 'coverage_90', week.coverage_90,
            'late', week.late, 'expected_late', week.expected_late
        ) ORDER BY week.week), '[]')
        FROM (
            SELECT
                date_trunc('week', score.started_on)::date AS week,
                count(*) AS predictions,
                avg(abs(score.error)) AS error,
                avg(abs(score.naive_error)) AS naive_error,
                avg(score.error) AS bias,
                avg(score.pinball) AS pinball,
                avg(score.is_within_90::int)::double precision AS coverage_90,
                count(*) FILTER (WHERE score.is_late) AS late,
                sum(score.late_risk) FILTER (WHERE score.is_late IS NOT NULL) AS expected_late
            FROM models.scores AS score
            WHERE score.model = %(model)s
            GROUP BY 1
            ORDER BY 1 DESC
            LIMIT %(weeks)s
        ) AS week
    )
"""

PREDICTIONS = """
-- Returns predictions of a model: those whose truth is not known yet by their risk of being late, or the newest scored.
-- One row: whether the model exists; how many there are; a JSON array.
-- Reads models.models, .predictions.
SELECT
    EXISTS (SELECT FROM models.models WHERE model = %(model)s),
    (
        SELECT count(*) FROM models.predictions
        WHERE model = %(model)s AND (actual IS NULL) = %(is_open)s
            AND (%(least_risk)s::double precision IS NULL OR late_risk >= %(least_risk)s)
    ),
    (
        SELECT coalesce(json_agg(json_build_object(
            'key', found.key, 'version', found.version, 'started_on', found.started_on, 'inputs', found.inputs,
            'quantiles', found.quantiles, 'promise', found.promise, 'late_risk', found.late_risk,
            'naive', found.naive, 'predicted_at', found.predicted_at, 'is_ahead', found.is_ahead,
            'actual', found.actual, 'actual_at', found.actual_at
        )), '[]')
        FROM (
            SELECT
                key, version, started_on, inputs, quantiles, promise, late_risk, naive, predicted_at, is_ahead, actual,
                actual_at
            FROM models.predictions
            WHERE model = %(model)s AND (actual IS NULL) = %(is_open)s
                AND (%(least_risk)s::double precision IS NULL OR late_risk >= %(least_risk)s)
            ORDER BY
                CASE WHEN %(is_open)s THEN late_risk END DESC NULLS LAST,
                actual_at DESC NULLS LAST, started_on DESC, key
            LIMIT %(limit)s
        ) AS found
    )
"""

ODD_VALUES = """
-- Returns what a model finds odd now: groups first, then records, the oddest first.
-- One row: whether the model exists; how many there are; a JSON array.
-- Reads models.models, .odd_values.
SELECT
    EXISTS (SELECT FROM models.models WHERE model = %(model)s),
    (SELECT count(*) FROM models.odd_values WHERE model = %(model)s),
    (
        SELECT coalesce(json_agg(json_build_object(
            'subject', found.subject, 'key', found.key, 'version', found.version, 'day', found.day,
            'actual', found.actual, 'expected', found.expected, 'effect', found.effect, 'score', found.score,
            'records', found.records, 'reason', found.reason, 'data_version', found.data_version,
            'found_at', found.found_at
        )), '[]')
        FROM (
            SELECT
                subject, key, version, day, actual, expected, effect, score, records, reason, data_version, found_at
            FROM models.odd_values
            WHERE model = %(model)s
            ORDER BY subject, abs(score) DESC, key
            LIMIT %(limit)s
        ) AS found
    )
"""

ARTEFACT = """
-- Returns what a version is made of, for predictions by this process; and whether there is such a model.
-- One row: whether the model exists; version, kind, method, format, SHA-256, bytes: NULL if there is no such version.
-- Reads models.models, .versions, .artefacts.
SELECT model.model IS NOT NULL, version.version, model.kind, version.method, version.format, version.sha256, (
    SELECT artefact.content FROM models.artefacts AS artefact
    WHERE artefact.sha256 = version.sha256 AND artefact.format = 'logistics-json'
        AND version.sha256 IS DISTINCT FROM %(known)s
), version.input_schema, version.outputs
FROM (SELECT 1) AS one
LEFT JOIN models.models AS model ON model.model = %(model)s
LEFT JOIN models.versions AS version
    ON model.model = version.model AND CASE
        WHEN %(version)s::integer IS NULL THEN version.state = 'production' ELSE version.version = %(version)s
    END
"""

MAKE_JOB = f"""
-- Asks for predictions.
-- One row: the job, NULL if no version can answer or too many wait.
SELECT {REQUEST_JOB}
"""

CANCEL = f"""
-- Cancels a job.
-- One row: whether it was; one that has ended cannot be.
SELECT {CANCEL_JOB}
"""

ONE_JOB = """
-- Returns a job; `is_same` says whether it was asked for with certain rows, and a version: an idempotency key gives the
-- job that was made with it.
-- One row: a JSON object, NULL if there is none.
-- Reads models.jobs.
SELECT (
    SELECT json_build_object(
        'job_id', job.job_id, 'model', job.model, 'version', job.version, 'state', job.state, 'rows', job.rows,
        'rows_done', job.rows_done, 'attempts', job.attempts, 'requested_by', job.requested_by,
        'requested_at', job.requested_at, 'started_at', job.started_at, 'finished_at', job.finished_at,
        'queue_seconds',
        extract(epoch FROM coalesce(job.started_at, clock_timestamp()) - job.requested_at)::double precision,
        'seconds', job.seconds, 'memory_bytes', job.memory_bytes, 'error', job.error,
        'is_same', %(input)s::jsonb IS NULL OR (
            job.input = %(input)s::jsonb AND (%(version)s::integer IS NULL OR job.version = %(version)s)
        )
    )
    FROM models.jobs AS job
    WHERE job.job_id = %(job_id)s AND job.model = %(model)s
)
"""

RESULTS = """
-- Returns results of a job, in the order of its rows.
-- One row: the state of the job, NULL if there is none; its number of rows; a JSON array.
-- Reads models.jobs, .job_results.
SELECT job.state, job.rows, (
    SELECT coalesce(json_agg(found.output ORDER BY found.number), '[]')
    FROM (
        SELECT number, output FROM models.job_results
        WHERE job_id = job.job_id AND number >= %(start)s
        ORDER BY number LIMIT %(limit)s
    ) AS found
)
FROM (SELECT %(job_id)s::uuid AS wanted) AS one
LEFT JOIN models.jobs AS job ON job.job_id = one.wanted AND job.model = %(model)s
"""
