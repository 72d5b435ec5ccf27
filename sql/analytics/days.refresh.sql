-- Computes analytics.days for the days in stale_days (every day where full): its columns, in its order.
-- One row per day.
-- Reads analytics.daily_vehicles, daily_routes and vehicle_numbers, which are brought up to date before.

WITH numbers AS (
    SELECT repeat('0', count(*)::int)::bit varying AS no_vehicle FROM analytics.vehicle_numbers
),
driven AS (
    SELECT
        day,
        count(*) AS vehicles,
        sum(trips)::bigint AS trips,
        sum(mileage_sum) AS mileage_sum,
        sum(mileage_count)::bigint AS mileage_count,
        sum(fuel_sum) AS fuel_sum,
        sum(fuel_count)::bigint AS fuel_count,
        sum(mileage_with_fuel) AS mileage_with_fuel,
        sum(fuel_with_mileage) AS fuel_with_mileage,
        sum(cost_with_mileage) AS cost_with_mileage,
        sum(mileage_with_cost) AS mileage_with_cost,
        substring(bit_or(set_bit(no_vehicle, number, 1)) FOR max(number) + 1) AS vehicle_set,
        substring(
            bit_or(set_bit(no_vehicle, number, 1)) FILTER (WHERE shipments > 0)
            FOR max(number) FILTER (WHERE shipments > 0) + 1
        ) AS carrier_set
    FROM analytics.daily_vehicles
    JOIN analytics.vehicle_numbers USING (vehicle_id)
    CROSS JOIN numbers
    WHERE (%(full)s OR day = ANY(%(stale_days)s)) AND day BETWEEN %(first)s AND %(last)s
    GROUP BY 1
),
carried AS (
    SELECT
        day,
        sum(shipments)::bigint AS shipments,
        sum(cost_sum) AS cost_sum,
        sum(cost_count)::bigint AS cost_count,
        sum(weight_sum) AS weight_sum,
        sum(weight_count)::bigint AS weight_count,
        sum(delivery_sum) AS delivery_sum,
        sum(delivery_count)::bigint AS delivery_count,
        sum(cost_with_weight) AS cost_with_weight,
        sum(weight_with_cost) AS weight_with_cost,
        sum(cost_with_time) AS cost_with_time,
        sum(time_with_cost) AS time_with_cost
    FROM analytics.daily_routes
    WHERE (%(full)s OR day = ANY(%(stale_days)s)) AND day BETWEEN %(first)s AND %(last)s
    GROUP BY 1
)
SELECT
    day,
    driven.vehicles,
    driven.trips,
    driven.mileage_sum,
    driven.mileage_count,
    driven.fuel_sum,
    driven.fuel_count,
    driven.mileage_with_fuel,
    driven.fuel_with_mileage,
    driven.cost_with_mileage,
    driven.mileage_with_cost,
    coalesce(carried.shipments, 0) AS shipments,
    coalesce(carried.cost_sum, 0) AS cost_sum,
    coalesce(carried.cost_count, 0) AS cost_count,
    coalesce(carried.weight_sum, 0) AS weight_sum,
    coalesce(carried.weight_count, 0) AS weight_count,
    coalesce(carried.delivery_sum, 0) AS delivery_sum,
    coalesce(carried.delivery_count, 0) AS delivery_count,
    coalesce(carried.cost_with_weight, 0) AS cost_with_weight,
    coalesce(carried.weight_with_cost, 0) AS weight_with_cost,
    coalesce(carried.cost_with_time, 0) AS cost_with_time,
    coalesce(carried.time_with_cost, 0) AS time_with_cost,
    driven.vehicle_set,
    coalesce(driven.carrier_set, '') AS carrier_set
FROM driven
LEFT JOIN carried USING (day);
