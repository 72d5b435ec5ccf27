-- Adds to analytics.vehicle_numbers the vehicles that have none: the next numbers, by vehicle_id.
-- One row per such vehicle; those that stand there stay as they are, on a full refresh too.
-- Reads analytics.daily_vehicles, which is refreshed before, of the days in stale_days (every day where full).

INSERT INTO analytics.vehicle_numbers (vehicle_id, number)
SELECT
    vehicle_id,
    (SELECT count(*) FROM analytics.vehicle_numbers) + row_number() OVER (ORDER BY vehicle_id) - 1
FROM (
    SELECT DISTINCT vehicle_id
    FROM analytics.daily_vehicles
    WHERE %(full)s OR day = ANY(%(stale_days)s)
) AS driven
WHERE NOT EXISTS (SELECT FROM analytics.vehicle_numbers AS known WHERE known.vehicle_id = driven.vehicle_id);
