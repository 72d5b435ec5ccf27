-- Returns how right the forecasts of some series were lately, by period.
-- One row per series and period: ID, the place of the period in the calendar that begins with %(first)s, forecasts,
-- share outside the central 90 per cent, sum of absolute errors, that of seasonal naive.
-- Reads forecast.actuals.

SELECT
    series_id,
    forecast.step_of(%(first)s::date, %(grain)s, period),
    forecasts,
    1 - within_90::double precision / forecasts,
    absolute,
    naive_absolute
FROM forecast.actuals
WHERE series_id = ANY(%(series)s) AND period >= %(first)s AND forecasts > 0;
