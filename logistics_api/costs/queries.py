"""The cost query. `measures` defines the figures; sums of days have 60 decimals."""

from logistics_api.measures.sql import AVG_COST, JOIN_ROUTE_NAMES, distinct_vehicles, route_sums

OVERVIEW = f"""
-- Returns the costs of a range, compared with the preceding range of equal length, and the costliest routes.
-- One row: one JSON object.
-- Reads analytics.days, analytics.daily_routes, analytics.routes, analytics.vehicle_numbers.
WITH spans (span, first_day, last_day) AS (
    VALUES
        ('now', %(start)s::date, %(end)s::date),
        ('before', %(start)s::date - (%(end)s::date - %(start)s::date) - 1, %(start)s::date - 1)
),
sums AS (
    SELECT
        span,
        coalesce(sum(shipments), 0) AS shipments,
        coalesce(sum(cost_sum), 0) + 0e-60 AS cost_sum,
        sum(cost_count) AS cost_count,
        sum(cost_sum + 0e-60) / nullif(sum(cost_count), 0) AS mean_cost,
        sum(mileage_sum) AS mileage_sum,
        sum(cost_with_mileage + 0e-60) AS cost_with_mileage,
        sum(mileage_with_cost) AS mileage_with_cost,
        sum(cost_with_weight + 0e-60) AS cost_with_weight,
        sum(weight_with_cost) AS weight_with_cost,
        coalesce(
            {distinct_vehicles("carrier_set")},
            0
        ) AS vehicles
    FROM spans
    LEFT JOIN analytics.days ON day BETWEEN first_day AND last_day
    GROUP BY span
),
routes AS ({route_sums("cost_sum", "cost_count")}),
costliest AS (
    SELECT
        origin,
        destination,
        round(cost_sum, 2) AS total_cost,
        shipments AS shipment_count,
        {AVG_COST} AS avg_cost
    FROM routes
    {JOIN_ROUTE_NAMES}
    ORDER BY total_cost DESC, origin, destination
    LIMIT 5
),
answer AS (
    SELECT
        round(now.cost_sum, 2) AS total_cost,
        round(now.mean_cost, 2) AS avg_cost_per_shipment,
        now.shipments AS total_shipments,
        CASE WHEN now.cost_count > 0 THEN round(now.cost_sum / nullif(now.mileage_sum, 0), 2) END AS cost_per_km,
        round(now.cost_with_mileage / nullif(now.mileage_with_cost, 0), 2) AS revenue_per_km,
        round(now.cost_with_weight / nullif(now.weight_with_cost, 0), 2) AS cost_per_kg,
        now.vehicles AS vehicles_used,
        round(before.cost_sum, 2) AS prev_total_cost,
        round(before.mean_cost, 2) AS prev_avg_cost,
        round(100 * (now.cost_sum - before.cost_sum) / nullif(before.cost_sum, 0), 1) AS cost_growth_percentage,
        round(
            round(100 * (now.mean_cost - before.mean_cost) / nullif(before.mean_cost, 0), 40), 1
        ) AS avg_cost_growth_percentage,
        (
            SELECT coalesce(json_agg(costliest ORDER BY total_cost DESC, origin, destination), '[]') FROM costliest
        ) AS top_cost_routes
    FROM sums AS now, sums AS before
    WHERE now.span = 'now' AND before.span = 'before'
)
SELECT row_to_json(answer)::text FROM answer
"""
