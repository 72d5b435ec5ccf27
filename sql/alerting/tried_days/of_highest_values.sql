-- Finds the days on which a rule about values that rules kept can be tried.
-- One row: first_day, UTC; NULL if there is none.
-- Reads alert.observed_days.

SELECT min(day) AS first_day
FROM alert.observed_days
WHERE kind = %(kind)s;
