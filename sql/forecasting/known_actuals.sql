-- Returns the actuals that are stored of some series.
-- One row per series: ID, the places of its periods in the calendar that begins with %(first)s, the values.
-- Reads forecast.actuals.

SELECT
    series_id,
    array_agg(forecast.step_of(%(first)s::date, %(grain)s, period) ORDER BY period),
    array_agg(value ORDER BY period)
FROM forecast.actuals
WHERE series_id = ANY(%(series)s) AND period >= %(first)s
GROUP BY series_id;
