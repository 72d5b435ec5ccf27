-- Computes analytics.daily_vehicles for the days in stale_days (every day where full): its columns, in its order.
-- One row per day and vehicle.
-- Reads raw.vehicle_logs, raw.shipments.

-- Shipments are summed up by log first: joined, a log with three shipments would count its mileage three times.
-- A sum over rows that have another measure too is that of all rows less that of those without it: few rows lack one, and
-- a sum over none costs nothing.
-- In the order of the key, whose index grows at its end: that takes half the time of rows in any order.
-- The states of the rollup that has the same groups are computed too, where it is made anew: `page` is what it calls a log.
WITH trips AS (
    SELECT
        log.*,
        count(shipment.log_id)::int AS shipments,
        sum(shipment.cost) AS cost_sum,
        count(shipment.cost)::int AS cost_count,
        sum(shipment.delivery_time) AS delivery_sum,
        count(shipment.delivery_time)::int AS delivery_count
    FROM raw.vehicle_logs AS log
    LEFT JOIN raw.shipments AS shipment USING (log_id)
    WHERE (%(full)s OR log.trip_date = ANY(%(stale_days)s)) AND log.trip_date BETWEEN %(first)s AND %(last)s
    GROUP BY log.log_id
)
SELECT
    page.trip_date AS day,
    page.vehicle_id,
    count(*) AS trips,
    coalesce(sum(page.mileage), 0) AS mileage_sum,
    count(page.mileage) AS mileage_count,
    coalesce(sum(page.fuel_used), 0) AS fuel_sum,
    count(page.fuel_used) AS fuel_count,
    coalesce(sum(page.mileage), 0)
    - coalesce(sum(page.mileage) FILTER (WHERE page.fuel_used IS NULL), 0) AS mileage_with_fuel,
    coalesce(sum(page.fuel_used), 0)
    - coalesce(sum(page.fuel_used) FILTER (WHERE page.mileage IS NULL), 0) AS fuel_with_mileage,
    sum(page.shipments) AS shipments,
    coalesce(sum(page.cost_sum), 0) AS cost_sum,
    sum(page.cost_count) AS cost_count,
    coalesce(sum(page.cost_sum), 0)
    - coalesce(sum(page.cost_sum) FILTER (WHERE page.mileage IS NULL), 0) AS cost_with_mileage,
    -- The trips of which both mileage and revenue are known: what revenue per km compares.
    coalesce(sum(page.mileage), 0)
    - coalesce(sum(page.mileage) FILTER (WHERE page.cost_count = 0), 0) AS mileage_with_cost,
    coalesce(sum(page.delivery_sum), 0) AS delivery_sum,
    sum(page.delivery_count) AS delivery_count{further_states}
FROM trips AS page
GROUP BY page.trip_date, page.vehicle_id
ORDER BY page.trip_date, page.vehicle_id;
