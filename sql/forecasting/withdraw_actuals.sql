-- Withdraws actuals that the figures do not have any more: those after %(last)s, as files were unloaded, and all since
-- %(first)s of series without records. What was first known stays.
-- One row per actual: series, period.
-- Reads and writes forecast.actuals.

UPDATE forecast.actuals
SET value = NULL, version = %(version)s
WHERE value IS NOT NULL
    AND (
        (series_id = ANY(%(series)s) AND period > %(last)s)
        OR (series_id = ANY(%(gone)s) AND period BETWEEN %(first)s AND %(last)s)
    )
RETURNING series_id, period;
