"""Vehicle queries. `measures` defines the figures."""

from logistics_api.measures.sql import (
    AVG_DELIVERY_TIME,
    AVG_FUEL,
    KM_PER_LITRE,
    REVENUE_PER_KM,
    REVENUE_PER_TRIP,
    VEHICLE_SUMS,
)

METRICS = f"""
-- Returns the figures of every vehicle with at least one log in a range.
-- One row: one JSON array, an object per vehicle.
-- Reads analytics.daily_vehicles, raw.vehicles.
WITH driven AS (
    SELECT
        vehicle_id,
        {VEHICLE_SUMS}
    FROM analytics.daily_vehicles
    WHERE day BETWEEN %(start)s AND %(end)s
    GROUP BY vehicle_id
)
SELECT coalesce(
    json_agg(
        json_build_object(
            'vehicle_id', vehicle_id,
            'name', vehicle.name,
            'total_trips', trips,
            'total_mileage', round(mileage_sum, 2),
            'mileage_count', mileage_count,
            'total_fuel', round(fuel_sum, 2),
            'fuel_count', fuel_count,
            'fuel_efficiency', {KM_PER_LITRE},
            'shipments_delivered', shipments,
            'avg_delivery_time', {AVG_DELIVERY_TIME},
            'total_revenue', round(cost_sum, 2),
            'revenue_per_trip', {REVENUE_PER_TRIP},
            'revenue_per_km', {REVENUE_PER_KM},
            'fuel_per_trip', {AVG_FUEL}
        )
        ORDER BY round(cost_sum, 2) DESC, vehicle_id
    ),
    '[]'
)::text
FROM driven
LEFT JOIN raw.vehicles AS vehicle USING (vehicle_id)
"""

# A vehicle is known if it has master data or drove on at least one day.
# Only the raw rows say which routes a vehicle took: a summary table would be as long as they are. Trips are distinct
# logs: a log that carries several shipments of a route is one trip.
DETAILS = f"""
-- Returns the details of one vehicle in a range.
-- One row: one JSON object, null for an unknown vehicle.
-- Reads analytics.daily_vehicles, analytics.days, analytics.vehicle_numbers, raw.vehicles,
-- raw.vehicle_logs, raw.shipments.
WITH known AS (
    SELECT name, total_mileage
    FROM (SELECT %(vehicle_id)s::text AS vehicle_id) AS requested
    LEFT JOIN raw.vehicles USING (vehicle_id)
    LEFT JOIN analytics.vehicle_numbers USING (vehicle_id)
    WHERE vehicles.vehicle_id IS NOT NULL
        OR EXISTS (
            SELECT FROM analytics.days
            WHERE CASE WHEN number < length(vehicle_set) THEN get_bit(vehicle_set, number) = 1 END
        )
),
vehicle_days AS MATERIALIZED (
    SELECT *
    FROM analytics.daily_vehicles
    WHERE day BETWEEN %(start)s AND %(end)s AND vehicle_id = %(vehicle_id)s
),
sums AS (
    SELECT
        {VEHICLE_SUMS}
    FROM vehicle_days
),
summary AS (
    SELECT
        %(vehicle_id)s::text AS vehicle_id,
        name,
        round(total_mileage, 2) AS lifetime_mileage,
        trips AS total_trips,
        round(mileage_sum, 2) AS period_mileage,
        mileage_count,
        round(fuel_sum, 2) AS total_fuel,
        fuel_count,
        {KM_PER_LITRE} AS fuel_efficiency,
        shipments AS deliveries_completed,
        {AVG_DELIVERY_TIME} AS avg_delivery_time,
        round(cost_sum, 2) AS total_revenue,
        {REVENUE_PER_TRIP} AS revenue_per_trip,
        {REVENUE_PER_KM} AS revenue_per_km,
        {AVG_FUEL} AS fuel_per_trip
    FROM known, sums
),
daily AS (
    SELECT json_agg(
        json_build_object(
            'date', day,
            'trips', trips,
            'daily_mileage', round(mileage_sum, 2),
            'mileage_count', mileage_count,
            'daily_fuel', round(fuel_sum, 2),
            'fuel_count', fuel_count,
            'daily_revenue', round(cost_sum, 2),
            'daily_deliveries', shipments
        )
        ORDER BY day
    ) AS days
    FROM vehicle_days
),
top_routes AS (
    SELECT
        origin,
        destination,
        count(DISTINCT log_id) AS route_trips,
        round((sum(delivery_time) + 0e-60) / nullif(count(delivery_time), 0), 2) AS avg_route_time,
        round((sum(cost) + 0e-60) / nullif(count(cost), 0), 2) AS avg_route_revenue
    FROM raw.vehicle_logs
    JOIN raw.shipments USING (log_id)
    WHERE vehicle_id = %(vehicle_id)s AND trip_date BETWEEN %(start)s AND %(end)s
    GROUP BY origin, destination
    ORDER BY route_trips DESC, origin, destination
    LIMIT 5
),
routes AS (
    SELECT json_agg(top_routes ORDER BY route_trips DESC, origin, destination) AS routes FROM top_routes
)
SELECT json_build_object(
    'summary', row_to_json(summary),
    'daily_performance', coalesce(days, '[]'),
    'top_routes', coalesce(routes, '[]')
)::text
FROM summary, daily, routes
"""
