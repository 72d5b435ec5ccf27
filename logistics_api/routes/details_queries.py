"""The query for one route. `measures` defines the figures."""

from logistics_api.measures.sql import (
    AVG_COST,
    AVG_DELIVERY_TIME,
    AVG_WEIGHT,
    COST_PER_HOUR_EXACT,
    COST_PER_KG,
    DISTANCES,
    EXACT,
    ON_TARGET,
    ON_TARGET_RATE,
    ON_TIME_HOURS,
    ON_TIME_RATE,
    RELIABILITY,
    STANDARD_DEVIATION,
    aggregates,
    ratio,
)

# The vehicles of a day are a bit string: the position of a one is the number of a vehicle that drove. Splitting the
# string at the ones visits only the vehicles that drove, not all of them.
# Bins are 1, 2 or 5 times a power of ten hours wide: the narrowest width at which 30 bins span the delivery times.
DETAILS = f"""
-- Returns the details of one route in a range.
-- One row: one JSON object, null for a route that never had a shipment.
-- Reads analytics.daily_routes, analytics.routes, analytics.vehicle_numbers, raw.vehicles.
WITH route AS (
    SELECT route, origin, destination, {ON_TIME_HOURS} AS hours
    FROM analytics.routes
    WHERE origin = %(origin)s AND destination = %(destination)s
),
route_days AS MATERIALIZED (
    SELECT *
    FROM analytics.daily_routes
    WHERE day BETWEEN %(start)s AND %(end)s AND origin = %(origin)s AND destination = %(destination)s
),
sums AS (
    SELECT
        coalesce(sum(shipments), 0) AS shipments,
        coalesce(sum(cost_sum), 0) + {EXACT} AS cost_sum,
        coalesce(sum(weight_sum), 0) + {EXACT} AS weight_sum,
        {
    aggregates(
        "cost_count",
        "weight_count",
        "cost_with_weight",
        "weight_with_cost",
        "cost_with_time",
        "time_with_cost",
        "delivery_sum",
        "delivery_count",
        "delivery_squares",
    )
},
        sum(width_bucket((SELECT hours FROM route), delivery_times)) AS on_time,
        {ON_TARGET} AS on_target
    FROM route_days
),
times AS MATERIALIZED (
    SELECT hours FROM route_days, unnest(delivery_times) AS hours
),
spread AS (
    SELECT
        min(hours) AS shortest,
        max(hours) AS longest,
        percentile_disc(ARRAY[0.5, 0.9, 0.95]) WITHIN GROUP (ORDER BY hours) AS percentiles
    FROM times
),
served AS MATERIALIZED (
    SELECT sum(length(gap) + 1) OVER (PARTITION BY day ORDER BY position) - 1 AS number
    FROM route_days, string_to_table(vehicles::text, '1') WITH ORDINALITY AS gaps (gap, position)
    WHERE position <= bit_count(vehicles)
),
served_days AS (
    SELECT vehicle_id, count(*) AS days
    FROM served
    JOIN analytics.vehicle_numbers USING (number)
    GROUP BY vehicle_id
),
summary AS (
    SELECT
        route.origin,
        route.destination,
        shipments AS total_shipments,
        round(cost_sum, 2) AS total_cost,
        {AVG_COST} AS avg_cost,
        round(weight_sum, 2) AS total_weight,
        {AVG_WEIGHT} AS avg_weight,
        {COST_PER_KG} AS cost_per_kg,
        round({COST_PER_HOUR_EXACT}, 2) AS value_score,
        {AVG_DELIVERY_TIME} AS avg_delivery_time,
        round(shortest, 2) AS min_delivery_time,
        round(longest, 2) AS max_delivery_time,
        {STANDARD_DEVIATION} AS delivery_time_variation,
        {RELIABILITY} AS reliability_score,
        {ON_TIME_RATE} AS on_time_delivery_rate,
        {ON_TARGET_RATE} AS on_target_rate,
        round(percentiles[1], 2) AS p50_delivery_time,
        round(percentiles[2], 2) AS p90_delivery_time,
        round(percentiles[3], 2) AS p95_delivery_time,
        (SELECT count(*) FROM served_days) AS vehicles_used
    FROM route, (SELECT *, {DISTANCES} AS distances FROM sums) AS sums, spread
),
daily AS (
    SELECT json_agg(
        json_build_object(
            'date', day,
            'shipments', shipments,
            'revenue', round(cost_sum, 2),
            'avg_delivery_time', round({ratio(f"(delivery_sum + {EXACT})", "delivery_count")}, 2)
        )
        ORDER BY day
    ) AS days
    FROM route_days
),
bin AS (
    SELECT round(min(step * 10::numeric ^ exponent), 2) AS width, shortest, longest
    FROM spread, unnest(ARRAY[1, 2, 5]) AS step, generate_series(-2, 200) AS exponent
    WHERE step * 10::numeric ^ exponent * 30 >= longest - shortest
    GROUP BY shortest, longest
),
counted AS (
    SELECT div(hours, width) AS number, count(*) AS shipments FROM times, bin GROUP BY 1
),
bins AS (
    SELECT json_agg(
        json_build_object('lower', number * width, 'upper', (number + 1) * width, 'shipments', coalesce(shipments, 0))
        ORDER BY number
    ) AS bins
    FROM bin
    CROSS JOIN generate_series(div(shortest, width), div(longest, width)) AS number
    LEFT JOIN counted USING (number)
),
busiest AS (
    SELECT json_agg(
        json_build_object('vehicle_id', vehicle_id, 'name', name, 'days', days) ORDER BY days DESC, vehicle_id
    ) AS vehicles
    FROM (SELECT * FROM served_days ORDER BY days DESC, vehicle_id LIMIT 10) AS top_ten
    LEFT JOIN raw.vehicles USING (vehicle_id)
)
SELECT json_build_object(
    'summary', row_to_json(summary),
    'daily', coalesce(days, '[]'),
    'distribution', json_build_object('bin_width', (SELECT width FROM bin), 'bins', coalesce(bins, '[]')),
    'top_vehicles', coalesce(vehicles, '[]')
)::text
FROM summary, daily, bins, busiest
"""
