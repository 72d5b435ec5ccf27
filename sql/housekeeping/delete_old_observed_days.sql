-- Deletes the highest values that rules kept of days long ago.
-- One row less per kind and day, with its values.
-- Reads alert.observed_days.

DELETE FROM alert.observed_days
WHERE day < (clock_timestamp() AT TIME ZONE 'UTC')::date - %(days)s;
