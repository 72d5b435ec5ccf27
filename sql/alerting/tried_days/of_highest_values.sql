-- Finds the days on which a rule about values that rules kept can be tried.
-- One row: first_day, NULL if there is none; yesterday. UTC.
-- Reads alert.observed_days.

SELECT
    min(day) AS first_day,
    (clock_timestamp() AT TIME ZONE 'UTC')::date - 1 AS yesterday
FROM alert.observed_days
WHERE kind = %(kind)s;
