-- Computes the rows of a rollup, for the days in stale_days or all days.
-- One row per group: a day, values of the dimensions and, where the rollup holds the values of a field, one of these.
-- Reads the raw table and, where another dataset dates it, that one's.

SELECT {groups}, {states}
FROM {source}
WHERE {condition} AND {days}
GROUP BY {numbers}
