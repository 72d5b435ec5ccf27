"""Statements about vehicles. Rounding happens here and only here, in numeric: half away from zero."""

# PostgreSQL divides to 16 significant digits: rounding such a quotient again can be wrong by 0.01 where sums are huge.
# Adding 0e-60 gives a dividend, and so the quotient, 60 decimals.
METRICS = """
-- Makes the figures of every vehicle with at least one log in a range.
-- One row: one JSON array, an object per vehicle.
-- Reads analytics.daily_vehicles, raw.vehicles.
WITH driven AS (
    SELECT
        vehicle_id,
        sum(trips) AS trips,
        sum(mileage_sum) AS mileage_sum,
        sum(fuel_sum) + 0e-60 AS fuel_sum,
        sum(fuel_count) AS fuel_count,
        sum(mileage_with_fuel) + 0e-60 AS mileage_with_fuel,
        sum(fuel_with_mileage) AS fuel_with_mileage,
        sum(shipments) AS shipments,
        sum(cost_sum) + 0e-60 AS cost_sum,
        sum(cost_count) AS cost_count,
        sum(delivery_sum) + 0e-60 AS delivery_sum,
        sum(delivery_count) AS delivery_count
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
            'total_fuel', round(fuel_sum, 2),
            'fuel_efficiency', round(mileage_with_fuel / nullif(fuel_with_mileage, 0), 2),
            'shipments_delivered', shipments,
            'avg_delivery_time', round(delivery_sum / nullif(delivery_count, 0), 2),
            'total_revenue', round(cost_sum, 2),
            'revenue_per_trip', CASE WHEN cost_count > 0 THEN round(cost_sum / trips, 2) END,
            'fuel_per_trip', round(fuel_sum / nullif(fuel_count, 0), 2)
        )
        ORDER BY round(cost_sum, 2) DESC, vehicle_id
    ),
    '[]'
)::text
FROM driven
LEFT JOIN raw.vehicles AS vehicle USING (vehicle_id)
"""

# A vehicle is known by its master data, or by a day on which it drove.
# Which routes a vehicle took stands in the raw rows only: a table of it would be as long as they are. Its trips are
# distinct logs: one that carries several shipments of a route is one trip.
DETAILS = """
-- Makes everything about one vehicle in a range.
-- One row: one JSON object, null for an unknown vehicle.
-- Reads analytics.daily_vehicles, analytics.days, analytics.vehicle_numbers, raw.vehicles,
-- raw.vehicle_logs, raw.shipments.
WITH known AS (
    SELECT name, total_mileage
    FROM (SELECT %(vehicle_id)s::text AS vehicle_id) AS asked
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
        coalesce(sum(trips), 0) AS trips,
        coalesce(sum(mileage_sum), 0) AS mileage_sum,
        coalesce(sum(fuel_sum), 0) + 0e-60 AS fuel_sum,
        sum(fuel_count) AS fuel_count,
        sum(mileage_with_fuel) + 0e-60 AS mileage_with_fuel,
        sum(fuel_with_mileage) AS fuel_with_mileage,
        coalesce(sum(shipments), 0) AS shipments,
        coalesce(sum(cost_sum), 0) + 0e-60 AS cost_sum,
        sum(cost_count) AS cost_count,
        sum(delivery_sum) + 0e-60 AS delivery_sum,
        sum(delivery_count) AS delivery_count
    FROM vehicle_days
),
summary AS (
    SELECT
        %(vehicle_id)s::text AS vehicle_id,
        name,
        round(total_mileage, 2) AS lifetime_mileage,
        trips AS total_trips,
        round(mileage_sum, 2) AS period_mileage,
        round(fuel_sum, 2) AS total_fuel,
        round(mileage_with_fuel / nullif(fuel_with_mileage, 0), 2) AS fuel_efficiency,
        shipments AS deliveries_completed,
        round(delivery_sum / nullif(delivery_count, 0), 2) AS avg_delivery_time,
        round(cost_sum, 2) AS total_revenue,
        CASE WHEN cost_count > 0 THEN round(cost_sum / trips, 2) END AS revenue_per_trip,
        round(fuel_sum / nullif(fuel_count, 0), 2) AS fuel_per_trip
    FROM known, sums
),
daily AS (
    SELECT json_agg(
        json_build_object(
            'date', day,
            'trips', trips,
            'daily_mileage', round(mileage_sum, 2),
            'daily_fuel', round(fuel_sum, 2),
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
