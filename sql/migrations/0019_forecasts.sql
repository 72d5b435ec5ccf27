-- Forecasts: every one that was issued, what came true, and how right they were, in a schema of its own.

CREATE SCHEMA IF NOT EXISTS forecast;
COMMENT ON SCHEMA forecast IS 'Forecasts that were issued, actuals, and how right the forecasts were';

CREATE TABLE IF NOT EXISTS forecast.fits (
    dataset      text PRIMARY KEY,
    data_version bigint NOT NULL,
    declaration  text NOT NULL,
    known_until  jsonb NOT NULL,
    fitted_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    seconds      double precision NOT NULL
);
COMMENT ON TABLE forecast.fits IS 'When the forecasts of a dataset were made last, and from what: one row per dataset';
COMMENT ON COLUMN forecast.fits.data_version IS 'The refresh whose figures were the past';
COMMENT ON COLUMN forecast.fits.declaration IS 'A fingerprint of what the contract asked for and of the program';
COMMENT ON COLUMN forecast.fits.known_until IS 'First day of the last finished period, by grain';

CREATE TABLE IF NOT EXISTS forecast.runs (
    run_id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dataset       text NOT NULL,
    metric        text NOT NULL,
    grain         text NOT NULL CHECK (grain IN ('day', 'week', 'month')),
    levels        jsonb NOT NULL,
    horizon       integer NOT NULL CHECK (horizon > 0),
    probabilities double precision[] NOT NULL,
    data_version  bigint NOT NULL,
    code_version  text NOT NULL,
    declaration   text NOT NULL,
    issued_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    first_period  date NOT NULL,
    last_period   date NOT NULL,
    series        integer NOT NULL,
    together      bigint NOT NULL DEFAULT 0,
    methods       jsonb NOT NULL,
    reconciled_by text NOT NULL,
    backtest      jsonb NOT NULL,
    seconds       double precision NOT NULL,
    cpu_seconds   double precision NOT NULL,
    memory_bytes  bigint NOT NULL,
    thinned_at    timestamptz
);
CREATE INDEX IF NOT EXISTS runs_by_metric ON forecast.runs (dataset, metric, grain, run_id);
COMMENT ON TABLE forecast.runs IS 'Fits of one metric at all its levels: one row per fit, none is ever changed';
COMMENT ON COLUMN forecast.runs.levels IS 'The fields of each level, coarsest first: [[], ["origin"]]';
COMMENT ON COLUMN forecast.runs.horizon IS 'How many periods after last_period were forecast';
COMMENT ON COLUMN forecast.runs.probabilities IS 'Of the quantiles, ascending';
COMMENT ON COLUMN forecast.runs.data_version IS 'The refresh whose figures were the past';
COMMENT ON COLUMN forecast.runs.code_version IS 'Version of the program and a fingerprint of the methods';
COMMENT ON COLUMN forecast.runs.declaration IS 'A fingerprint of what the contract asked for: another one is a reason to fit anew';
COMMENT ON COLUMN forecast.runs.first_period IS 'First day of the first period that was read';
COMMENT ON COLUMN forecast.runs.last_period IS 'First day of the last finished period: step 1 is the period after it';
COMMENT ON COLUMN forecast.runs.together IS 'How many smaller series were put together, as there were too many';
COMMENT ON COLUMN forecast.runs.methods IS 'Number of series per method';
COMMENT ON COLUMN forecast.runs.reconciled_by IS 'How parts and totals were made to agree';
COMMENT ON COLUMN forecast.runs.backtest IS 'Per level: errors, those of repeating the last season, coverage';
COMMENT ON COLUMN forecast.runs.memory_bytes IS 'Highest resident memory of the process until then';
COMMENT ON COLUMN forecast.runs.thinned_at IS 'When all but a few steps were deleted, long after they were scored';

CREATE TABLE IF NOT EXISTS forecast.series (
    series_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dataset        text NOT NULL,
    metric         text NOT NULL,
    grain          text NOT NULL,
    level          jsonb NOT NULL,
    key            jsonb NOT NULL,
    is_rest        boolean NOT NULL,
    width          double precision NOT NULL DEFAULT 1,
    scored_until   date,
    naive_since    date,
    naive_reason   text,
    naive_set_at   timestamptz,
    naive_ended_at timestamptz,
    UNIQUE (dataset, metric, grain, level, key, is_rest)
);
COMMENT ON TABLE forecast.series IS 'Series that were ever forecast, and what tracking has learnt of them: one row per series of a metric';
COMMENT ON COLUMN forecast.series.level IS 'The fields that its records have in common: ["origin"]';
COMMENT ON COLUMN forecast.series.key IS 'Their values, in the order of the fields';
COMMENT ON COLUMN forecast.series.is_rest IS 'Whether it is the smaller series of its parent together: the last values of its key are null';
COMMENT ON COLUMN forecast.series.width IS 'Factor of its intervals, adapted to how many actuals were outside';
COMMENT ON COLUMN forecast.series.scored_until IS 'The newest period whose actual has adapted the width';
COMMENT ON COLUMN forecast.series.naive_since IS 'The period after which only the last season is repeated, as forecasts had lost to that; NULL if they may differ';
COMMENT ON COLUMN forecast.series.naive_reason IS 'Why, in a sentence; kept after it has ended';
COMMENT ON COLUMN forecast.series.naive_set_at IS 'When that was decided last';
COMMENT ON COLUMN forecast.series.naive_ended_at IS 'When a good back-test has ended it';

CREATE TABLE IF NOT EXISTS forecast.forecasts (
    run_id      bigint NOT NULL REFERENCES forecast.runs ON DELETE CASCADE,
    series_id   bigint NOT NULL REFERENCES forecast.series,
    number      integer NOT NULL,
    level       smallint NOT NULL,
    parts       bigint NOT NULL,
    steps       smallint[] NOT NULL,
    point       real[] NOT NULL,
    quantiles   real[] NOT NULL,
    naive       real[] NOT NULL,
    method      text NOT NULL,
    reason      text NOT NULL,
    error       double precision,
    naive_error double precision,
    bias        double precision,
    coverage_80 double precision,
    coverage_90 double precision,
    PRIMARY KEY (run_id, series_id)
);
CREATE INDEX IF NOT EXISTS forecasts_by_series ON forecast.forecasts (series_id, run_id);
COMMENT ON TABLE forecast.forecasts IS 'Every forecast that was issued: one row per fit and series';
COMMENT ON COLUMN forecast.forecasts.number IS 'Its place in the fit: by level, within one the largest first';
COMMENT ON COLUMN forecast.forecasts.level IS 'Its level, by the position in levels of the fit, from 0';
COMMENT ON COLUMN forecast.forecasts.parts IS 'Of how many series it consists: 1, or more if it is a rest';
COMMENT ON COLUMN forecast.forecasts.steps IS 'The steps that the arrays hold, from 1; all of the horizon, or a few of an old one';
COMMENT ON COLUMN forecast.forecasts.quantiles IS 'By probability and step';
COMMENT ON COLUMN forecast.forecasts.naive IS 'What repeating the last season said, to compare with';
COMMENT ON COLUMN forecast.forecasts.error IS 'In the back-test: sum of absolute errors per sum of actuals';
COMMENT ON COLUMN forecast.forecasts.naive_error IS 'The same of repeating the last season';
COMMENT ON COLUMN forecast.forecasts.bias IS 'In the back-test: sum of errors per sum of actuals; above 0 where forecasts were too high';

CREATE TABLE IF NOT EXISTS forecast.actuals (
    series_id      bigint NOT NULL REFERENCES forecast.series,
    period         date NOT NULL,
    first_value    double precision,
    first_version  bigint NOT NULL,
    first_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    value          double precision,
    version        bigint NOT NULL,
    forecasts      integer NOT NULL DEFAULT 0,
    error          double precision NOT NULL DEFAULT 0,
    absolute       double precision NOT NULL DEFAULT 0,
    naive_absolute double precision NOT NULL DEFAULT 0,
    within_80      integer NOT NULL DEFAULT 0,
    within_90      integer NOT NULL DEFAULT 0,
    interval_score double precision NOT NULL DEFAULT 0,
    PRIMARY KEY (series_id, period)
);
COMMENT ON TABLE forecast.actuals IS 'What came true, of periods that were forecast: one row per series and period';
COMMENT ON COLUMN forecast.actuals.first_value IS 'As it was first known; NULL if a mean had nothing to be taken of';
COMMENT ON COLUMN forecast.actuals.first_version IS 'The data version of that';
COMMENT ON COLUMN forecast.actuals.value IS 'As it is known now: late files restate the past. Forecasts are scored by this one';
COMMENT ON COLUMN forecast.actuals.version IS 'The data version that changed it last';
COMMENT ON COLUMN forecast.actuals.forecasts IS 'How many forecasts of it were issued, and scored';
COMMENT ON COLUMN forecast.actuals.error IS 'Sum of forecast less actual over these';
COMMENT ON COLUMN forecast.actuals.absolute IS 'Sum of absolute errors';
COMMENT ON COLUMN forecast.actuals.naive_absolute IS 'The same of repeating the last season';
COMMENT ON COLUMN forecast.actuals.within_80 IS 'How many had it within the central 80 per cent';
COMMENT ON COLUMN forecast.actuals.interval_score IS 'Sum of the interval scores of the central 90 per cent';

CREATE TABLE IF NOT EXISTS forecast.accuracy (
    run_id         bigint NOT NULL REFERENCES forecast.runs ON DELETE CASCADE,
    level          smallint NOT NULL,
    step           smallint NOT NULL,
    series         integer NOT NULL,
    actual         double precision NOT NULL,
    error          double precision NOT NULL,
    absolute       double precision NOT NULL,
    naive_absolute double precision NOT NULL,
    first_absolute double precision NOT NULL,
    within_80      integer NOT NULL,
    within_90      integer NOT NULL,
    interval_score double precision NOT NULL,
    PRIMARY KEY (run_id, level, step)
);
COMMENT ON TABLE forecast.accuracy IS 'How right issued forecasts were: sums over the series of a level, one row per fit, level and step';
COMMENT ON COLUMN forecast.accuracy.series IS 'How many forecasts were scored';
COMMENT ON COLUMN forecast.accuracy.actual IS 'Sum of the absolute actuals';
COMMENT ON COLUMN forecast.accuracy.first_absolute IS 'Sum of absolute errors against the actuals as they were first known';

CREATE OR REPLACE FUNCTION forecast.period_after(last_period date, grain text, step integer)
RETURNS date
LANGUAGE sql
IMMUTABLE
PARALLEL SAFE
AS $$
    SELECT CASE grain
        WHEN 'month' THEN (last_period + make_interval(months => step))::date
        WHEN 'week' THEN last_period + 7 * step
        ELSE last_period + step
    END
$$;
COMMENT ON FUNCTION forecast.period_after IS 'First day of the period that is some steps after another';

CREATE OR REPLACE FUNCTION forecast.step_of(last_period date, grain text, period date)
RETURNS integer
LANGUAGE sql
IMMUTABLE
PARALLEL SAFE
AS $$
    SELECT CASE grain
        WHEN 'month' THEN
            (
                (extract(year FROM period) - extract(year FROM last_period)) * 12
                + extract(month FROM period) - extract(month FROM last_period)
            )::integer
        WHEN 'week' THEN (period - last_period) / 7
        ELSE period - last_period
    END
$$;
COMMENT ON FUNCTION forecast.step_of IS 'How many steps a period is after another';

-- Every forecast of which the actual is known, with its error: one row per fit, series and step.
CREATE OR REPLACE VIEW forecast.scores AS
SELECT
    forecasts.run_id,
    forecasts.series_id,
    forecasts.level,
    scored.step,
    actuals.period,
    actuals.value AS actual,
    actuals.first_value AS first_actual,
    scored.point::double precision AS point,
    scored.naive::double precision AS naive,
    scored.point - actuals.value AS error,
    scored.point - actuals.first_value AS first_error,
    scored.naive - actuals.value AS naive_error,
    actuals.value BETWEEN scored.lower_80 AND scored.upper_80 AS is_within_80,
    actuals.value BETWEEN scored.lower_90 AND scored.upper_90 AS is_within_90,
    scored.upper_90 - scored.lower_90
    + 20 * (greatest(scored.lower_90 - actuals.value, 0) + greatest(actuals.value - scored.upper_90, 0))
        AS interval_score
FROM forecast.forecasts AS forecasts
INNER JOIN forecast.runs AS runs ON forecasts.run_id = runs.run_id
INNER JOIN forecast.actuals AS actuals
    ON forecasts.series_id = actuals.series_id
    AND runs.last_period < actuals.period
    AND forecast.period_after(runs.last_period, runs.grain, runs.horizon) >= actuals.period
CROSS JOIN LATERAL ( -- noqa: ST05
    SELECT
        array_position(forecasts.steps, forecast.step_of(runs.last_period, runs.grain, actuals.period)::smallint)
            AS place,
        cardinality(forecasts.steps) AS steps
) AS at
CROSS JOIN LATERAL ( -- noqa: ST05
    SELECT
        forecasts.steps[at.place] AS step,
        forecasts.point[at.place] AS point,
        forecasts.naive[at.place] AS naive,
        forecasts.quantiles[(array_position(runs.probabilities, 0.1) - 1) * at.steps + at.place] AS lower_80,
        forecasts.quantiles[(array_position(runs.probabilities, 0.9) - 1) * at.steps + at.place] AS upper_80,
        forecasts.quantiles[(array_position(runs.probabilities, 0.05) - 1) * at.steps + at.place] AS lower_90,
        forecasts.quantiles[(array_position(runs.probabilities, 0.95) - 1) * at.steps + at.place] AS upper_90
) AS scored
WHERE at.place IS NOT NULL AND actuals.value IS NOT NULL AND scored.point IS NOT NULL AND scored.naive IS NOT NULL;
COMMENT ON VIEW forecast.scores IS 'Issued forecasts beside what came true: one row per fit, series and step of which the actual is known';
COMMENT ON COLUMN forecast.scores.error IS 'Forecast less actual';
COMMENT ON COLUMN forecast.scores.interval_score IS 'Width of the central 90 per cent, and 20 times the distance of an actual outside (Gneiting and Raftery 2007)';
