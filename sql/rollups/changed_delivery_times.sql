-- Lists the delivery times that stale days have now, and those that they had, for rollups of them by longer periods.
-- One row per shipment with a delivery time, as in delivery_times.sql: it counts 1 if it comes, and -1 if it goes.
-- Reads pg_temp.fresh_daily_routes, which daily_routes.refresh.sql fills, and the table that former_delivery_times.sql makes.

SELECT
    day AS trip_date,
    origin,
    destination,
    unnest(delivery_times) AS delivery_time,
    1 AS records
FROM pg_temp.fresh_daily_routes
UNION ALL
SELECT
    day AS trip_date,
    origin,
    destination,
    unnest(delivery_times) AS delivery_time,
    -1 AS records
FROM pg_temp.former_delivery_times
