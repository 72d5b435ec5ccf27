-- Tells how the analytics stand: whether every day is due to be computed, their version, the first and last day.
-- One row.
-- Reads analytics.status.

SELECT full_refresh_due, data_version, first_day, last_day
FROM analytics.status;
