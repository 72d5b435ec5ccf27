-- Tells how many rows a day's figures are computed from.
-- One row: logs and shipments.
-- Reads analytics.daily_vehicles: one row per vehicle of that day.

SELECT coalesce(sum(trips + shipments), 0)::bigint
FROM analytics.daily_vehicles
WHERE day = %(day)s;
