"""Statements about shipments. Rounding happens here and only here, in numeric: half away from zero."""

# PostgreSQL divides to 16 significant digits: rounding such a quotient again can be wrong by 0.01 where sums are huge.
# Adding 0e-60 gives a dividend, and so the quotient, 60 decimals.
ANALYTICS = """
-- Makes the overview of all shipments of a range, and its five most expensive routes.
-- One row: one JSON object.
-- Reads analytics.daily_routes, analytics.routes, analytics.vehicle_numbers.
WITH sums AS (
    SELECT
        route,
        sum(shipments) AS shipments,
        sum(cost_sum) + 0e-60 AS cost_sum,
        sum(cost_count) AS cost_count,
        sum(weight_sum) AS weight_sum,
        sum(delivery_sum) + 0e-60 AS delivery_sum,
        sum(delivery_count) AS delivery_count,
        bit_count(
            bit_or(pg_catalog."bit"(vehicles, (SELECT count(*)::int FROM analytics.vehicle_numbers), true))
        ) AS vehicles
    FROM analytics.daily_routes
    WHERE day BETWEEN %(start)s AND %(end)s
    GROUP BY route
),
routes AS (
    SELECT *
    FROM sums
    JOIN (SELECT route, origin, destination FROM analytics.routes) AS places USING (route)
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
    SELECT
        origin,
        destination,
        shipments AS total_shipments,
        round(cost_sum, 2) AS total_cost,
        round(cost_sum / nullif(cost_count, 0), 2) AS avg_cost_per_shipment,
        round(delivery_sum / nullif(delivery_count, 0), 2) AS avg_delivery_time,
        vehicles AS vehicles_used
    FROM routes
    WHERE shipments >= 5
    ORDER BY avg_cost_per_shipment DESC NULLS LAST, origin, destination
    LIMIT 5
),
listed AS (
    SELECT json_agg(expensive ORDER BY avg_cost_per_shipment DESC NULLS LAST, origin, destination) AS routes
    FROM expensive
)
SELECT json_build_object('overview', row_to_json(overview), 'expensive_routes', coalesce(listed.routes, '[]'))::text
FROM overview, listed
"""

ROUTES = """
-- Makes what the routes of a range with at least 5 shipments carried, took and cost.
-- One row per route, in the columns of the answer.
-- Reads analytics.daily_routes, analytics.routes, analytics.vehicle_numbers.
WITH sums AS (
    SELECT
        route,
        sum(shipments) AS shipments,
        sum(cost_sum) + 0e-60 AS cost_sum,
        sum(cost_count) AS cost_count,
        sum(weight_sum) AS weight_sum,
        sum(delivery_sum) + 0e-60 AS delivery_sum,
        sum(delivery_count) AS delivery_count,
        min(delivery_min) AS delivery_min,
        max(delivery_max) AS delivery_max,
        bit_count(
            bit_or(pg_catalog."bit"(vehicles, (SELECT count(*)::int FROM analytics.vehicle_numbers), true))
        ) AS vehicles
    FROM analytics.daily_routes
    WHERE day BETWEEN %(start)s AND %(end)s
    GROUP BY route
    HAVING sum(shipments) >= 5
)
SELECT
    origin,
    destination,
    shipments AS total_trips,
    round(delivery_sum / nullif(delivery_count, 0), 2) AS avg_delivery_time,
    round(delivery_min, 2) AS min_delivery_time,
    round(delivery_max, 2) AS max_delivery_time,
    round(cost_sum, 2) AS total_cost,
    round(cost_sum / nullif(cost_count, 0), 2) AS avg_cost,
    round(weight_sum, 2) AS total_weight,
    vehicles AS unique_vehicles,
    CASE WHEN cost_count > 0 THEN round(cost_sum / shipments, 2) END AS cost_per_trip
FROM sums
JOIN (SELECT route, origin, destination FROM analytics.routes) AS places USING (route)
"""
