"""Statements about the dashboard's figures. `measures` defines them; sums of days have 60 decimals."""

from logistics_api.measures import JOIN_ON_TIME_HOURS, ON_TIME, distinct_vehicles

DAILY = """
-- Makes the figures of every day of a range that has a log.
-- One row: one JSON object, an array of days.
-- Reads analytics.days.
SELECT json_build_object(
    'data', coalesce(
        json_agg(
            json_build_object(
                'date', day,
                'shipments', shipments,
                'revenue', round(cost_sum, 2),
                'trips', trips,
                'active_vehicles', vehicles,
                'avg_delivery_time', round((delivery_sum + 0e-60) / nullif(delivery_count, 0), 2),
                'mileage', round(mileage_sum, 2),
                'fuel', round(fuel_sum, 2),
                'cost_per_km', CASE WHEN cost_count > 0 THEN round((cost_sum + 0e-60) / nullif(mileage_sum, 0), 2) END,
                'fuel_per_100_km', round((100 * fuel_with_mileage + 0e-60) / nullif(mileage_with_fuel, 0), 2)
            )
            ORDER BY day
        ),
        '[]'
    )
)::text
FROM analytics.days
WHERE day BETWEEN %(start)s AND %(end)s
"""

# Days and routes are summed separately: only the routes have the number of on-time shipments.
# Without a comparison %(earliest)s is %(start)s: the previous range is empty and nothing is read for it.
SUMMARY = f"""
-- Makes the key figures of a range, and of the range of equal length that ends the day before.
-- One row: one JSON object.
-- Reads analytics.days, analytics.daily_routes, analytics.routes, analytics.vehicle_numbers, analytics.status.
WITH spans (span, first_day, last_day) AS (
    VALUES
        ('now', %(start)s::date, %(end)s::date),
        ('before', %(earliest)s::date, %(start)s::date - 1)
),
-- Both ranges in one pass, as the one begins where the other ends.
punctuality AS (
    SELECT
        {ON_TIME} FILTER (WHERE day >= %(start)s) AS now,
        {ON_TIME} FILTER (WHERE day < %(start)s) AS before
    FROM analytics.daily_routes
    {JOIN_ON_TIME_HOURS}
    WHERE day BETWEEN %(earliest)s AND %(end)s
),
sums AS (
    SELECT
        span,
        first_day,
        last_day,
        coalesce(sum(shipments), 0) AS shipments,
        coalesce(
            {distinct_vehicles("vehicle_set")},
            0
        ) AS active_vehicles,
        coalesce(sum(cost_sum), 0) + 0e-60 AS revenue,
        sum(delivery_sum + 0e-60) / nullif(sum(delivery_count), 0) AS avg_delivery_time,
        CASE
            WHEN sum(cost_count) > 0 THEN sum(cost_sum + 0e-60) / nullif(sum(mileage_sum), 0)
        END AS cost_per_km,
        100 * sum(fuel_with_mileage + 0e-60) / nullif(sum(mileage_with_fuel), 0) AS fuel_per_100_km,
        nullif(sum(delivery_count), 0) AS delivery_count
    FROM spans
    LEFT JOIN analytics.days ON day BETWEEN first_day AND last_day
    GROUP BY span, first_day, last_day
),
figures AS (
    SELECT
        sums.*,
        (100 * CASE span WHEN 'now' THEN now ELSE before END + 0e-60) / delivery_count AS on_time_delivery_rate
    FROM sums, punctuality
),
answers AS (
    SELECT
        span,
        first_day,
        last_day,
        json_build_object(
            'shipments', shipments,
            'active_vehicles', active_vehicles,
            'revenue', round(revenue, 2),
            'avg_delivery_time', round(avg_delivery_time, 2),
            'cost_per_km', round(cost_per_km, 2),
            'fuel_per_100_km', round(fuel_per_100_km, 2),
            'on_time_delivery_rate', round(on_time_delivery_rate, 2)
        ) AS answer
    FROM figures
),
trends AS (
    SELECT
        json_object_agg(name, round(round(100 * (now - before) / nullif(before, 0), 40), 1) ORDER BY position) AS answer
    FROM figures AS f, figures AS b, LATERAL (
        VALUES
            (1, 'shipments', f.shipments + 0e-60, b.shipments),
            (2, 'active_vehicles', f.active_vehicles + 0e-60, b.active_vehicles),
            (3, 'revenue', f.revenue, b.revenue),
            (4, 'avg_delivery_time', f.avg_delivery_time, b.avg_delivery_time),
            (5, 'cost_per_km', f.cost_per_km, b.cost_per_km),
            (6, 'fuel_per_100_km', f.fuel_per_100_km, b.fuel_per_100_km),
            (7, 'on_time_delivery_rate', f.on_time_delivery_rate, b.on_time_delivery_rate)
    ) AS pairs (position, name, now, before)
    WHERE f.span = 'now' AND b.span = 'before'
)
SELECT json_build_object(
    'start', now.first_day,
    'end', now.last_day,
    'previous_start', CASE WHEN before.first_day <= before.last_day THEN before.first_day END,
    'previous_end', CASE WHEN before.first_day <= before.last_day THEN before.last_day END,
    'first_day', status.first_day,
    'last_day', status.last_day,
    'current', now.answer,
    'previous', CASE WHEN before.first_day <= before.last_day THEN before.answer END,
    'trend', CASE WHEN before.first_day <= before.last_day THEN trends.answer END
)::text
FROM answers AS now, answers AS before, trends, analytics.status
WHERE now.span = 'now' AND before.span = 'before'
"""
