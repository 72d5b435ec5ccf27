-- Finds the first day from a date on that has logs or figures.
-- One row: a day, or NULL.
-- Reads raw.vehicle_logs, analytics.daily_vehicles, the first entry of an index of each.

SELECT least(
    (SELECT min(trip_date) FROM raw.vehicle_logs WHERE trip_date >= %(day)s),
    (SELECT min(day) FROM analytics.daily_vehicles WHERE day >= %(day)s)
);
