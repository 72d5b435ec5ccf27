-- Tells whether every vehicle has a number, and the numbers have no gaps.
-- One row: numbers, the highest one, vehicles with figures that have none, one of them.
-- Reads analytics.vehicle_numbers, analytics.daily_vehicles.

SELECT
    (SELECT count(*) FROM analytics.vehicle_numbers) AS numbers,
    (SELECT max(number) FROM analytics.vehicle_numbers) AS highest,
    count(DISTINCT vehicle_id) AS without,
    min(vehicle_id) AS example
FROM analytics.daily_vehicles AS driven
WHERE NOT EXISTS (SELECT FROM analytics.vehicle_numbers AS known WHERE known.vehicle_id = driven.vehicle_id);
