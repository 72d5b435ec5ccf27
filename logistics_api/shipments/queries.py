"""Statements about shipments. Rounding happens here and only here, in numeric: half away from zero."""

# PostgreSQL divides to 16 significant digits: rounding such a quotient again can be wrong by 0.01 where sums are huge.
# Adding 0e-30 gives a dividend, and so the quotient, 30 decimals.
ANALYTICS = """
-- Makes the overview of all shipments of a range, and its five most expensive routes.
-- One row: one JSON object.
-- Reads analytics.daily_routes.
WITH routes AS (
    SELECT
        origin,
        destination,
        sum(shipments) AS shipments,
        sum(cost_sum) + 0e-30 AS cost_sum,
        sum(cost_count) AS cost_count,
        sum(weight_sum) AS weight_sum,
        sum(delivery_sum) + 0e-30 AS delivery_sum,
        sum(delivery_count) AS delivery_count
    FROM analytics.daily_routes
    WHERE day BETWEEN %(start)s AND %(end)s
    GROUP BY origin, destination
),
overview AS (
    SELECT
        coalesce(sum(shipments), 0) AS total_shipments,
        round(sum(delivery_sum) / nullif(sum(delivery_count), 0), 2) AS avg_delivery_time,
        round(coalesce(sum(cost_sum), 0), 2) AS total_cost,
        round(sum(cost_sum) / nullif(sum(cost_count), 0), 2) AS avg_cost_per_shipment,
        round(coalesce(sum(weight_sum), 0), 2) AS total_weight,
        count(DISTINCT origin) AS unique_origins,
        count(DISTINCT destination) AS unique_destinations
    FROM routes
),
expensive AS (
    SELECT *, cost_sum / nullif(cost_count, 0) AS avg_cost
    FROM routes
    WHERE shipments >= 5
    ORDER BY avg_cost DESC NULLS LAST, origin, destination
    LIMIT 5
),
vehicles AS (
    SELECT origin, destination, count(DISTINCT vehicle_id) AS vehicles
    FROM expensive
    JOIN analytics.daily_routes USING (origin, destination)
    CROSS JOIN unnest(vehicle_ids) AS vehicle_id
    WHERE day BETWEEN %(start)s AND %(end)s
    GROUP BY origin, destination
),
listed AS (
    SELECT json_agg(
        json_build_object(
            'origin', origin,
            'destination', destination,
            'total_shipments', shipments,
            'total_cost', round(cost_sum, 2),
            'avg_cost_per_shipment', round(avg_cost, 2),
            'avg_delivery_time', round(delivery_sum / nullif(delivery_count, 0), 2),
            'vehicles_used', vehicles
        )
        ORDER BY avg_cost DESC NULLS LAST, origin, destination
    ) AS routes
    FROM expensive
    JOIN vehicles USING (origin, destination)
)
SELECT json_build_object('overview', row_to_json(overview), 'expensive_routes', coalesce(listed.routes, '[]'))::text
FROM overview, listed
"""
