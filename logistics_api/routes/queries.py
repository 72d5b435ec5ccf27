"""Statements about routes. Rounding happens here and only here, in numeric: half away from zero."""

# How exactness is kept. PostgreSQL divides to 16 significant digits, so rounding a quotient again can be wrong by 0.01
# where sums are huge; adding 0e-100 gives a sum, and so its quotients and roots, 100 decimals. Where such quotients are
# calculated with further (scores, comparisons with a mean), what comes out is first rounded to 40 decimals: a half that
# was missed by the last decimals becomes a half again, and is then rounded or compared as the half it is.
#
# Routes are summed by their number, which costs half of what two texts cost, and get their names afterwards. OFFSET 0
# makes PostgreSQL divide once per route, and keeps it from looking up the route of every day by itself.
#
# `distances` is the sum of squared distances from the mean, times the count: nothing has been divided yet. The standard
# deviation is the root of distances / (count * (count - 1)), and its share of the mean
# the root of distances * count / ((count - 1) * sum * sum): one root, rounded once.

RELIABILITY = """
-- Makes how reliably the routes of a range with at least 5 shipments were served.
-- One row per route, in the columns of the answer.
-- Reads analytics.daily_routes, analytics.routes.
WITH sums AS (
    SELECT
        route,
        sum(shipments) AS shipments,
        sum(delivery_sum) + 0e-100 AS delivery_sum,
        sum(delivery_count) AS delivery_count,
        sum(delivery_squares) AS delivery_squares,
        sum(width_bucket(hours, delivery_times)) AS on_time
    FROM analytics.daily_routes
    JOIN (
        SELECT route, (delivery_sum + 0e-100) / nullif(delivery_count, 0) + 1 AS hours FROM analytics.routes OFFSET 0
    ) AS punctual USING (route)
    WHERE day BETWEEN %(start)s AND %(end)s
    GROUP BY route
    HAVING sum(shipments) >= 5
),
routes AS (
    SELECT *, delivery_count * delivery_squares - delivery_sum * delivery_sum AS distances
    FROM sums
    JOIN (SELECT route, origin, destination FROM analytics.routes) AS places USING (route)
)
SELECT
    origin,
    destination,
    shipments AS total_deliveries,
    round(delivery_sum / nullif(delivery_count, 0), 2) AS avg_delivery_time,
    round(round(sqrt(distances / nullif(delivery_count * (delivery_count - 1), 0)), 40), 2) AS delivery_time_variation,
    round(
        100 - round(
            100 * sqrt(distances * delivery_count / nullif((delivery_count - 1) * delivery_sum * delivery_sum, 0)), 40
        ),
        2
    ) AS reliability_score,
    round((100 * on_time + 0e-100) / nullif(delivery_count, 0), 2) AS on_time_delivery_rate
FROM routes
"""

# Of routes with one value score, all belong where the first of them falls: which one that is must not decide.
COST_VALUE = """
-- Makes what the routes of a range with at least 5 shipments cost for what they carry.
-- One row per route, in the columns of the answer.
-- Reads analytics.daily_routes, analytics.routes.
WITH sums AS (
    SELECT
        route,
        sum(shipments) AS shipments,
        sum(weight_sum) + 0e-100 AS weight_sum,
        sum(weight_count) AS weight_count,
        sum(cost_sum) + 0e-100 AS cost_sum,
        sum(cost_count) AS cost_count,
        sum(cost_with_weight) + 0e-100 AS cost_with_weight,
        sum(weight_with_cost) AS weight_with_cost,
        sum(cost_with_time) + 0e-100 AS cost_with_time,
        sum(time_with_cost) AS time_with_cost
    FROM analytics.daily_routes
    WHERE day BETWEEN %(start)s AND %(end)s
    GROUP BY route
    HAVING sum(shipments) >= 5
),
routes AS (
    SELECT *, round(cost_with_time / nullif(time_with_cost, 0), 100) AS score
    FROM sums
    JOIN (SELECT route, origin, destination FROM analytics.routes) AS places USING (route)
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
    round(weight_sum / nullif(weight_count, 0), 2) AS avg_shipment_weight,
    round(cost_sum / nullif(cost_count, 0), 2) AS avg_cost,
    round(cost_with_weight / nullif(weight_with_cost, 0), 2) AS cost_per_kg,
    round(score, 2) AS value_score,
    (ARRAY['High Value', 'Medium Value', 'Low Value'])[third] AS value_category
FROM routes
LEFT JOIN thirds USING (score)
"""

OPTIMIZATION = """
-- Makes what the routes of a range with at least 5 shipments take and cost, and what to do about it.
-- One row per route, in the columns of the answer.
-- Reads analytics.daily_routes, analytics.routes.
WITH sums AS (
    SELECT
        route,
        sum(shipments) AS shipments,
        sum(delivery_sum) + 0e-100 AS delivery_sum,
        sum(delivery_count) AS delivery_count,
        sum(cost_sum) + 0e-100 AS cost_sum,
        sum(cost_count) AS cost_count,
        sum(weight_sum) + 0e-100 AS weight_sum,
        sum(weight_count) AS weight_count,
        sum(cost_with_weight) + 0e-100 AS cost_with_weight,
        sum(weight_with_cost) AS weight_with_cost
    FROM analytics.daily_routes
    WHERE day BETWEEN %(start)s AND %(end)s
    GROUP BY route
    HAVING sum(shipments) >= 5
),
routes AS (
    SELECT
        *,
        delivery_sum / nullif(delivery_count, 0) AS mean_time,
        cost_with_weight / nullif(weight_with_cost, 0) AS cost_per_kg
    FROM sums
    JOIN (SELECT route, origin, destination FROM analytics.routes) AS places USING (route)
),
means AS (
    SELECT avg(mean_time) AS mean_time, avg(cost_per_kg) AS cost_per_kg FROM routes
)
SELECT
    origin,
    destination,
    shipments AS total_shipments,
    round(routes.mean_time, 2) AS avg_delivery_time,
    round(cost_sum / nullif(cost_count, 0), 2) AS avg_cost,
    round(weight_sum / nullif(weight_count, 0), 2) AS avg_weight,
    round(cost_sum, 2) AS total_cost,
    round(weight_sum, 2) AS total_weight,
    round(cost_with_weight * delivery_count / nullif(weight_with_cost * delivery_sum, 0), 2) AS cost_time_efficiency,
    CASE
        WHEN round(routes.mean_time - 1.2 * means.mean_time, 40) > 0
            THEN 'High delivery time - Consider route optimization'
        WHEN round(routes.cost_per_kg - 1.2 * means.cost_per_kg, 40) > 0
            THEN 'High cost per weight - Review pricing strategy'
        WHEN shipments < 10 AND round(cost_sum - 1.5 * means.cost_per_kg * weight_sum, 40) > 0
            THEN 'Low volume, high cost - Consider consolidation'
        ELSE 'Performing within normal parameters'
    END AS optimization_recommendation
FROM routes, means
"""

TOP_PERFORMING = """
-- Makes the routes of a range with at least 5 shipments that score best.
-- One row: one JSON array, an object per route.
-- Reads analytics.daily_routes, analytics.routes.
WITH sums AS (
    SELECT
        route,
        sum(shipments) AS shipments,
        sum(delivery_sum) + 0e-100 AS delivery_sum,
        sum(delivery_count) AS delivery_count,
        sum(delivery_squares) AS delivery_squares,
        sum(width_bucket(hours, delivery_times)) AS on_time,
        sum(cost_sum) + 0e-100 AS cost_sum,
        sum(cost_count) AS cost_count,
        sum(weight_sum) AS weight_sum,
        sum(cost_with_weight) + 0e-100 AS cost_with_weight,
        sum(weight_with_cost) AS weight_with_cost
    FROM analytics.daily_routes
    JOIN (
        SELECT route, (delivery_sum + 0e-100) / nullif(delivery_count, 0) + 1 AS hours FROM analytics.routes OFFSET 0
    ) AS punctual USING (route)
    WHERE day BETWEEN %(start)s AND %(end)s
    GROUP BY route
    HAVING sum(shipments) >= 5
),
routes AS (
    SELECT
        *,
        round(delivery_sum / nullif(delivery_count, 0), 100) AS mean_time,
        round(cost_with_weight / nullif(weight_with_cost, 0), 100) AS cost_per_kg,
        delivery_count * delivery_squares - delivery_sum * delivery_sum AS distances
    FROM sums
    JOIN (SELECT route, origin, destination FROM analytics.routes) AS places USING (route)
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
        100 - 100 * sqrt(
            distances * delivery_count / nullif((delivery_count - 1) * delivery_sum * delivery_sum, 0)
        ) AS reliability,
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
                'on_time_delivery_rate', round((100 * on_time + 0e-100) / nullif(delivery_count, 0), 2),
                'avg_cost_per_shipment', round(cost_sum / nullif(cost_count, 0), 2),
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

MATRIX = """
-- Makes a cell for every route of a range, however few its shipments.
-- One row: one JSON object, an array of cells.
-- Reads analytics.daily_routes, analytics.routes.
WITH sums AS (
    SELECT
        route,
        sum(shipments) AS shipments,
        sum(delivery_sum) + 0e-100 AS delivery_sum,
        sum(delivery_count) AS delivery_count,
        sum(width_bucket(hours, delivery_times)) AS on_time,
        sum(cost_sum) AS cost_sum,
        sum(cost_with_weight) + 0e-100 AS cost_with_weight,
        sum(weight_with_cost) AS weight_with_cost
    FROM analytics.daily_routes
    JOIN (
        SELECT route, (delivery_sum + 0e-100) / nullif(delivery_count, 0) + 1 AS hours FROM analytics.routes OFFSET 0
    ) AS punctual USING (route)
    WHERE day BETWEEN %(start)s AND %(end)s
    GROUP BY route
)
SELECT json_build_object(
    'data', coalesce(
        json_agg(
            json_build_object(
                'origin', origin,
                'destination', destination,
                'shipments', shipments,
                'avg_delivery_time', round(delivery_sum / nullif(delivery_count, 0), 2),
                'on_time_delivery_rate', round((100 * on_time + 0e-100) / nullif(delivery_count, 0), 2),
                'cost_per_kg', round(cost_with_weight / nullif(weight_with_cost, 0), 2),
                'revenue', round(cost_sum, 2)
            )
            ORDER BY origin, destination
        ),
        '[]'
    )
)::text
FROM sums
JOIN (SELECT route, origin, destination FROM analytics.routes) AS places USING (route)
"""

# The vehicles of a day are a string of bits. Between its ones stand gaps of zeros: the lengths of the gaps up to a one,
# and the ones before it, add up to the vehicle's number. That visits vehicles that drove, not all there are.
# Bins are of 1, 2 or 5 times a power of ten hours, the narrowest of which 30 are as wide as the times are apart.
DETAILS = """
-- Makes everything about one route in a range.
-- One row: one JSON object, null for a route that never had a shipment.
-- Reads analytics.daily_routes, analytics.routes, analytics.vehicle_numbers, raw.vehicles.
WITH route AS (
    SELECT route, origin, destination, (delivery_sum + 0e-100) / nullif(delivery_count, 0) + 1 AS hours
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
        coalesce(sum(cost_sum), 0) + 0e-100 AS cost_sum,
        sum(cost_count) AS cost_count,
        coalesce(sum(weight_sum), 0) + 0e-100 AS weight_sum,
        sum(weight_count) AS weight_count,
        sum(cost_with_weight) + 0e-100 AS cost_with_weight,
        sum(weight_with_cost) AS weight_with_cost,
        sum(cost_with_time) + 0e-100 AS cost_with_time,
        sum(time_with_cost) AS time_with_cost,
        sum(delivery_sum) + 0e-100 AS delivery_sum,
        sum(delivery_count) AS delivery_count,
        sum(delivery_count) * sum(delivery_squares) - sum(delivery_sum) * sum(delivery_sum) AS distances,
        sum(width_bucket((SELECT hours FROM route), delivery_times)) AS on_time
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
        round(cost_sum / nullif(cost_count, 0), 2) AS avg_cost,
        round(weight_sum, 2) AS total_weight,
        round(weight_sum / nullif(weight_count, 0), 2) AS avg_weight,
        round(cost_with_weight / nullif(weight_with_cost, 0), 2) AS cost_per_kg,
        round(cost_with_time / nullif(time_with_cost, 0), 2) AS value_score,
        round(delivery_sum / nullif(delivery_count, 0), 2) AS avg_delivery_time,
        round(shortest, 2) AS min_delivery_time,
        round(longest, 2) AS max_delivery_time,
        round(
            round(sqrt((distances + 0e-100) / nullif(delivery_count * (delivery_count - 1), 0)), 40), 2
        ) AS delivery_time_variation,
        round(
            100 - round(
                100 * sqrt(distances * delivery_count / nullif((delivery_count - 1) * delivery_sum * delivery_sum, 0)),
                40
            ),
            2
        ) AS reliability_score,
        round((100 * on_time + 0e-100) / nullif(delivery_count, 0), 2) AS on_time_delivery_rate,
        round(percentiles[1], 2) AS p50_delivery_time,
        round(percentiles[2], 2) AS p90_delivery_time,
        round(percentiles[3], 2) AS p95_delivery_time,
        (SELECT count(*) FROM served_days) AS vehicles_used
    FROM route, sums, spread
),
daily AS (
    SELECT json_agg(
        json_build_object(
            'date', day,
            'shipments', shipments,
            'revenue', round(cost_sum, 2),
            'avg_delivery_time', round((delivery_sum + 0e-100) / nullif(delivery_count, 0), 2)
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
    FROM (SELECT * FROM served_days ORDER BY days DESC, vehicle_id LIMIT 10) AS first_ones
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
