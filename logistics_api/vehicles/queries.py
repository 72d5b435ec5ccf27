"""Statements about vehicles. Rounding happens here and only here, in numeric: half away from zero."""

# PostgreSQL divides to 16 significant digits: rounding such a quotient again can be wrong by 0.01 where sums are huge.
# Adding 0e-30 gives a dividend, and so the quotient, 30 decimals.
METRICS = """
-- Makes the figures of every vehicle with at least one log in a range.
-- One row: one JSON array, an object per vehicle.
-- Reads analytics.daily_vehicles, raw.vehicles.
WITH driven AS (
    SELECT
        vehicle_id,
        sum(trips) AS trips,
        sum(mileage_sum) AS mileage_sum,
        sum(fuel_sum) + 0e-30 AS fuel_sum,
        sum(fuel_count) AS fuel_count,
        sum(mileage_with_fuel) + 0e-30 AS mileage_with_fuel,
        sum(fuel_with_mileage) AS fuel_with_mileage,
        sum(shipments) AS shipments,
        sum(cost_sum) + 0e-30 AS cost_sum,
        sum(cost_count) AS cost_count,
        sum(delivery_sum) + 0e-30 AS delivery_sum,
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
        ORDER BY cost_sum DESC, vehicle_id
    ),
    '[]'
)::text
FROM driven
LEFT JOIN raw.vehicles AS vehicle USING (vehicle_id)
"""
