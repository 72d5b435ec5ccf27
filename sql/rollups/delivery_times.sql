-- Lists the delivery times that are known, for rollups of them by longer periods.
-- One row per shipment that has a log and a delivery time: the fields that a rollup of delivery times may group by.
-- Reads analytics.daily_routes, which has been brought up to date before: no shipment has to be joined with its log again.

SELECT
    day AS trip_date,
    origin,
    destination,
    unnest(delivery_times) AS delivery_time
FROM analytics.daily_routes
