"""Shipment queries. `measures` defines the figures."""

from logistics_api.measures.sql import AVG_COST, AVG_DELIVERY_TIME, JOIN_ROUTE_NAMES, LEAST_SHIPMENTS, route_sums

ANALYTICS = f"""
-- Returns the overview of all shipments of a range, and its five most expensive routes.
-- One row: one JSON object.
-- Reads analytics.daily_routes, analytics.routes, analytics.vehicle_numbers.
WITH sums AS ({
    route_sums(
        "cost_sum",
        "cost_count",
        "weight_sum",
        "delivery_sum",
        "delivery_count",
        "vehicles",
        least_shipments=0,
    )
}),
routes AS (
    SELECT *
    FROM sums
    {JOIN_ROUTE_NAMES}
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
        {AVG_COST} AS avg_cost_per_shipment,
        {AVG_DELIVERY_TIME} AS avg_delivery_time,
        vehicles AS vehicles_used
    FROM routes
    WHERE shipments >= {LEAST_SHIPMENTS}
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

ROUTES = f"""
-- Returns shipments, times and costs of routes with at least {LEAST_SHIPMENTS} shipments in a range.
-- One row per route, in the columns of the response.
-- Reads analytics.daily_routes, analytics.routes, analytics.vehicle_numbers.
WITH sums AS ({
    route_sums(
        "cost_sum",
        "cost_count",
        "weight_sum",
        "delivery_sum",
        "delivery_count",
        "delivery_min",
        "delivery_max",
        "vehicles",
    )
})
SELECT
    origin,
    destination,
    shipments AS total_trips,
    {AVG_DELIVERY_TIME} AS avg_delivery_time,
    round(delivery_min, 2) AS min_delivery_time,
    round(delivery_max, 2) AS max_delivery_time,
    round(cost_sum, 2) AS total_cost,
    {AVG_COST} AS avg_cost,
    round(weight_sum, 2) AS total_weight,
    vehicles AS unique_vehicles,
    CASE WHEN cost_count > 0 THEN round(cost_sum / shipments, 2) END AS cost_per_trip
FROM sums
{JOIN_ROUTE_NAMES}
"""
