-- Computes analytics.daily_vehicles for the days in stale_days (every day where full): its columns, in its order.
-- One row per day and vehicle.
-- Reads raw.vehicle_logs, raw.shipments.

-- Shipments are summed up by log first: joined, a log with three shipments would count its mileage three times.
WITH trips AS (
    SELECT
        log.trip_date,
        log.vehicle_id,
        log.mileage,
        log.fuel_used,
        count(shipment.log_id) AS shipments,
        sum(shipment.cost) AS cost_sum,
        count(shipment.cost) AS cost_count,
        sum(shipment.delivery_time) AS delivery_sum,
        count(shipment.delivery_time) AS delivery_count
    FROM raw.vehicle_logs AS log
    LEFT JOIN raw.shipments AS shipment USING (log_id)
    WHERE %(full)s OR log.trip_date = ANY(%(stale_days)s)
    GROUP BY log.log_id, log.trip_date, log.vehicle_id, log.mileage, log.fuel_used
)
SELECT
    trip_date AS day,
    vehicle_id,
    count(*) AS trips,
    coalesce(sum(mileage), 0) AS mileage_sum,
    count(mileage) AS mileage_count,
    coalesce(sum(fuel_used), 0) AS fuel_sum,
    count(fuel_used) AS fuel_count,
    coalesce(sum(mileage) FILTER (WHERE fuel_used IS NOT NULL), 0) AS mileage_with_fuel,
    coalesce(sum(fuel_used) FILTER (WHERE mileage IS NOT NULL), 0) AS fuel_with_mileage,
    sum(shipments)::bigint AS shipments,
    coalesce(sum(cost_sum), 0) AS cost_sum,
    sum(cost_count)::bigint AS cost_count,
    coalesce(sum(cost_sum) FILTER (WHERE mileage IS NOT NULL), 0) AS cost_with_mileage,
    -- The trips of which both mileage and revenue are known: what revenue per km compares.
    coalesce(sum(mileage) FILTER (WHERE cost_count > 0), 0) AS mileage_with_cost,
    coalesce(sum(delivery_sum), 0) AS delivery_sum,
    sum(delivery_count)::bigint AS delivery_count
FROM trips
GROUP BY trip_date, vehicle_id;
