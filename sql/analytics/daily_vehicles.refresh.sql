-- Computes analytics.daily_vehicles for the days in stale_days (every day where full): its columns, in its order.
-- One row per day and vehicle.
-- Reads raw.vehicle_logs, raw.shipments.

-- Logs and shipments are summed apart: joined, a log with three shipments would count its mileage three times.
WITH driven AS (
    SELECT
        trip_date,
        vehicle_id,
        count(*) AS trips,
        coalesce(sum(mileage), 0) AS mileage_sum,
        count(mileage) AS mileage_count,
        coalesce(sum(fuel_used), 0) AS fuel_sum,
        count(fuel_used) AS fuel_count,
        coalesce(sum(mileage) FILTER (WHERE fuel_used IS NOT NULL), 0) AS mileage_with_fuel,
        coalesce(sum(fuel_used) FILTER (WHERE mileage IS NOT NULL), 0) AS fuel_with_mileage
    FROM raw.vehicle_logs
    WHERE %(full)s OR trip_date = ANY(%(stale_days)s)
    GROUP BY 1, 2
),
-- The trips of which both mileage and revenue are known: what revenue per km compares.
matched AS (
    SELECT
        trip_date,
        vehicle_id,
        sum(mileage) AS mileage_with_cost
    FROM raw.vehicle_logs AS log
    WHERE
        (%(full)s OR trip_date = ANY(%(stale_days)s))
        AND mileage IS NOT NULL
        AND EXISTS (
            SELECT FROM raw.shipments AS shipment
            WHERE shipment.log_id = log.log_id AND shipment.cost IS NOT NULL
        )
    GROUP BY 1, 2
),
carried AS (
    SELECT
        log.trip_date,
        log.vehicle_id,
        count(*) AS shipments,
        coalesce(sum(shipment.cost), 0) AS cost_sum,
        count(shipment.cost) AS cost_count,
        coalesce(sum(shipment.cost) FILTER (WHERE log.mileage IS NOT NULL), 0) AS cost_with_mileage,
        coalesce(sum(shipment.delivery_time), 0) AS delivery_sum,
        count(shipment.delivery_time) AS delivery_count
    FROM raw.vehicle_logs AS log
    JOIN raw.shipments AS shipment USING (log_id)
    WHERE %(full)s OR log.trip_date = ANY(%(stale_days)s)
    GROUP BY 1, 2
)
SELECT
    trip_date AS day,
    vehicle_id,
    driven.trips,
    driven.mileage_sum,
    driven.mileage_count,
    driven.fuel_sum,
    driven.fuel_count,
    driven.mileage_with_fuel,
    driven.fuel_with_mileage,
    coalesce(carried.shipments, 0) AS shipments,
    coalesce(carried.cost_sum, 0) AS cost_sum,
    coalesce(carried.cost_count, 0) AS cost_count,
    coalesce(carried.cost_with_mileage, 0) AS cost_with_mileage,
    coalesce(matched.mileage_with_cost, 0) AS mileage_with_cost,
    coalesce(carried.delivery_sum, 0) AS delivery_sum,
    coalesce(carried.delivery_count, 0) AS delivery_count
FROM driven
LEFT JOIN carried USING (trip_date, vehicle_id)
LEFT JOIN matched USING (trip_date, vehicle_id);
