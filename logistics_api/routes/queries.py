"""Route queries: lists, top performers and the matrix. `measures` defines the figures."""

from logistics_api.measures import sql as measures
from logistics_api.measures.sql import (
    AVG_COST,
    AVG_DELIVERY_TIME,
    AVG_WEIGHT,
    COST_PER_HOUR_EXACT,
    COST_PER_KG,
    COST_PER_KG_EXACT,
    DISTANCES,
    JOIN_ROUTE_NAMES,
    LEAST_SHIPMENTS,
    ON_TARGET_RATE,
    ON_TIME_RATE,
    RELIABILITY_EXACT,
    STANDARD_DEVIATION,
    ratio,
    route_sums,
)

RELIABILITY = f"""
-- Returns the reliability of routes with at least {LEAST_SHIPMENTS} shipments in a range.
-- One row per route, in the columns of the response.
-- Reads analytics.daily_routes, analytics.routes.
WITH sums AS ({route_sums("delivery_sum", "delivery_count", "delivery_squares", "on_time", "on_target")}),
routes AS (
    SELECT *, {DISTANCES} AS distances
    FROM sums
    {JOIN_ROUTE_NAMES}
)
SELECT
    origin,
    destination,
    shipments AS total_deliveries,
    {AVG_DELIVERY_TIME} AS avg_delivery_time,
    {STANDARD_DEVIATION} AS delivery_time_variation,
    {measures.RELIABILITY} AS reliability_score,
    {ON_TIME_RATE} AS on_time_delivery_rate,
    {ON_TARGET_RATE} AS on_target_rate
FROM routes
"""

# Routes with the same value score share the category of the first, so that their order does not matter.
COST_VALUE = f"""
-- Returns cost and value of routes with at least {LEAST_SHIPMENTS} shipments in a range.
-- One row per route, in the columns of the response.
-- Reads analytics.daily_routes, analytics.routes.
WITH sums AS ({
    route_sums(
        "weight_sum",
        "weight_count",
        "cost_sum",
        "cost_count",
        "cost_with_weight",
        "weight_with_cost",
        "cost_with_time",
        "time_with_cost",
    )
}),
routes AS (
    SELECT *, round({COST_PER_HOUR_EXACT}, 100) AS score
    FROM sums
    {JOIN_ROUTE_NAMES}
),
thirds AS (
    SELECT score, min(third) AS third
    FROM (SELECT score, ntile(3) OVER (ORDER BY score) AS third FROM routes WHERE score IS NOT NULL) AS ranked
    GROUP BY score
)
SELECT
    origin,
    destination,
    shipments AS total_shipments,
    {AVG_WEIGHT} AS avg_shipment_weight,
    {AVG_COST} AS avg_cost,
    {COST_PER_KG} AS cost_per_kg,
    round(score, 2) AS value_score,
    (ARRAY['High Value', 'Medium Value', 'Low Value'])[third] AS value_category
FROM routes
LEFT JOIN thirds USING (score)
"""

OPTIMIZATION = f"""
-- Returns times, costs and recommendations of routes with at least {LEAST_SHIPMENTS} shipments in a range.
-- One row per route, in the columns of the response.
-- Reads analytics.daily_routes, analytics.routes.
WITH sums AS ({
    route_sums(
        "delivery_sum",
        "delivery_count",
        "cost_sum",
        "cost_count",
        "weight_sum",
        "weight_count",
        "cost_with_weight",
        "weight_with_cost",
    )
}),
routes AS (
    SELECT
        *,
        {ratio("delivery_sum", "delivery_count")} AS mean_time,
        {COST_PER_KG_EXACT} AS cost_per_kg
    FROM sums
    {JOIN_ROUTE_NAMES}
),
means AS (
    SELECT avg(mean_time) AS mean_time, avg(cost_per_kg) AS cost_per_kg FROM routes
)
SELECT
    origin,
    destination,
    shipments AS total_shipments,
    round(routes.mean_time, 2) AS avg_delivery_time,
    {AVG_COST} AS avg_cost,
    {AVG_WEIGHT} AS avg_weight,
    round(cost_sum, 2) AS total_cost,
    round(weight_sum, 2) AS total_weight,
    round(cost_with_weight * delivery_count / nullif(weight_with_cost * delivery_sum, 0), 2) AS cost_time_efficiency,
    CASE rule
        WHEN 1 THEN 'High delivery time - Consider route optimization'
        WHEN 2 THEN 'High cost per weight - Review pricing strategy'
        WHEN 3 THEN 'Low volume, high cost - Consider consolidation'
        ELSE 'Performing within normal parameters'
    END AS optimization_recommendation,
    CASE rule
        WHEN 1 THEN json_build_object(
            'measure', 'avg_delivery_time',
            'value', round(routes.mean_time, 2),
            'threshold', round(round(1.2 * means.mean_time, 40), 2)
        )
        WHEN 2 THEN json_build_object(
            'measure', 'revenue_per_kg',
            'value', round(routes.cost_per_kg, 2),
            'threshold', round(round(1.2 * means.cost_per_kg, 40), 2)
        )
        WHEN 3 THEN json_build_object(
            'measure', 'revenue',
            'value', round(cost_sum, 2),
            'threshold', round(round(1.5 * means.cost_per_kg * weight_sum, 40), 2)
        )
    END AS recommendation_basis
FROM routes
CROSS JOIN means
CROSS JOIN LATERAL (
    SELECT CASE
        WHEN round(routes.mean_time - 1.2 * means.mean_time, 40) > 0 THEN 1
        WHEN round(routes.cost_per_kg - 1.2 * means.cost_per_kg, 40) > 0 THEN 2
        WHEN shipments < 10 AND round(cost_sum - 1.5 * means.cost_per_kg * weight_sum, 40) > 0 THEN 3
    END AS rule
) AS first_that_holds
"""

TOP_PERFORMING = f"""
-- Returns the best-scoring routes with at least {LEAST_SHIPMENTS} shipments in a range.
-- One row: one JSON array, an object per route.
-- Reads analytics.daily_routes, analytics.routes.
WITH sums AS ({
    route_sums(
        "delivery_sum",
        "delivery_count",
        "delivery_squares",
        "on_time",
        "on_target",
        "cost_sum",
        "cost_count",
        "weight_sum",
        "cost_with_weight",
        "weight_with_cost",
    )
}),
routes AS (
    SELECT
        *,
        round({ratio("delivery_sum", "delivery_count")}, 100) AS mean_time,
        round({COST_PER_KG_EXACT}, 100) AS cost_per_kg,
        {DISTANCES} AS distances
    FROM sums
    {JOIN_ROUTE_NAMES}
),
bounds AS (
    SELECT
        min(mean_time) AS least_time,
        max(mean_time) AS most_time,
        min(cost_per_kg) AS least_cost,
        max(cost_per_kg) AS most_cost
    FROM routes
),
scores AS (
    SELECT
        routes.*,
        {RELIABILITY_EXACT} AS reliability,
        CASE
            WHEN cost_per_kg IS NOT NULL AND most_cost = least_cost THEN 100
            ELSE 100 * (most_cost - cost_per_kg) / nullif(most_cost - least_cost, 0)
        END AS cost_efficiency,
        CASE
            WHEN mean_time IS NOT NULL AND most_time = least_time THEN 100
            ELSE 100 * (most_time - mean_time) / nullif(most_time - least_time, 0)
        END AS delivery_efficiency
    FROM routes, bounds
),
best AS (
    SELECT
        *,
        round(round(0.4 * reliability + 0.3 * cost_efficiency + 0.3 * delivery_efficiency, 40), 2) AS overall
    FROM scores
    ORDER BY overall DESC NULLS LAST, origin, destination
    LIMIT %(limit)s
)
SELECT coalesce(
    json_agg(
        json_build_object(
            'origin', origin,
            'destination', destination,
            'total_shipments', shipments,
            'reliability_score', round(round(reliability, 40), 2),
            'cost_efficiency_score', round(round(cost_efficiency, 40), 2),
            'delivery_efficiency_score', round(round(delivery_efficiency, 40), 2),
            'overall_score', overall,
            'performance_metrics', json_build_object(
                'on_time_delivery_rate', {ON_TIME_RATE},
                'on_target_rate', {ON_TARGET_RATE},
                'avg_cost_per_shipment', {AVG_COST},
                'total_revenue', round(cost_sum, 2),
                'total_weight_shipped', round(weight_sum, 2)
            )
        )
        ORDER BY overall DESC NULLS LAST, origin, destination
    ),
    '[]'
)::text
FROM best
"""

MATRIX = f"""
-- Returns a cell for every route with a shipment in a range.
-- One row: one JSON object, an array of cells.
-- Reads analytics.daily_routes, analytics.routes.
WITH sums AS ({
    route_sums(
        "delivery_sum",
        "delivery_count",
        "on_time",
        "on_target",
        "cost_sum",
        "cost_count",
        "cost_with_weight",
        "weight_with_cost",
        least_shipments=0,
    )
})
SELECT json_build_object(
    'data', coalesce(
        json_agg(
            json_build_object(
                'origin', origin,
                'destination', destination,
                'shipments', shipments,
                'avg_delivery_time', {AVG_DELIVERY_TIME},
                'on_time_delivery_rate', {ON_TIME_RATE},
                'on_target_rate', {ON_TARGET_RATE},
                'cost_per_kg', {COST_PER_KG},
                'revenue', round(cost_sum, 2),
                'shipments_with_cost', cost_count
            )
            ORDER BY origin, destination
        ),
        '[]'
    )
)::text
FROM sums
{JOIN_ROUTE_NAMES}
"""
