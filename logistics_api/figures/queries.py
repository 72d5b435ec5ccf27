"""Statements about the dashboard's figures. `measures` defines them; sums of days have 60 decimals."""

from logistics_api.measures.sql import (
    AVG_DELIVERY_TIME,
    FUTURE_DAYS,
    JOIN_ON_TIME_HOURS,
    LAST_DAY,
    ON_TARGET,
    ON_TIME,
    REVENUE_PER_KM,
    VEHICLE_SUMS,
    distinct_vehicles,
)

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
                'mileage_count', mileage_count,
                'fuel', round(fuel_sum, 2),
                'fuel_count', fuel_count,
                'cost_per_km', CASE WHEN cost_count > 0 THEN round((cost_sum + 0e-60) / nullif(mileage_sum, 0), 2) END,
                'revenue_per_km', round((cost_with_mileage + 0e-60) / nullif(mileage_with_cost, 0), 2),
                'cost_with_mileage', round(coalesce(cost_with_mileage, 0), 2),
                'mileage_with_cost', round(coalesce(mileage_with_cost, 0), 2),
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
# Without a comparison the earlier range is empty and nothing is read for it.
SUMMARY = f"""
-- Makes the key figures of a range, and of an earlier range of equal length.
-- One row: one JSON object.
-- Reads analytics.days, analytics.daily_routes, analytics.routes, analytics.vehicle_numbers, analytics.status.
WITH spans (span, first_day, last_day) AS (
    VALUES
        ('now', %(start)s::date, %(end)s::date),
        ('before', %(earliest)s::date, %(before_end)s::date)
),
-- Both ranges in one pass, as they are next to each other.
punctuality AS (
    SELECT
        {ON_TIME} FILTER (WHERE day >= %(start)s) AS now,
        {ON_TIME} FILTER (WHERE day <= %(before_end)s) AS before,
        {ON_TARGET} FILTER (WHERE day >= %(start)s) AS now_on_target,
        {ON_TARGET} FILTER (WHERE day <= %(before_end)s) AS before_on_target
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
        coalesce(sum(cost_count), 0) AS shipments_with_cost,
        sum(delivery_sum + 0e-60) / nullif(sum(delivery_count), 0) AS avg_delivery_time,
        CASE
            WHEN sum(cost_count) > 0 THEN sum(cost_sum + 0e-60) / nullif(sum(mileage_sum), 0)
        END AS cost_per_km,
        sum(cost_with_mileage + 0e-60) / nullif(sum(mileage_with_cost), 0) AS revenue_per_km,
        100 * sum(fuel_with_mileage + 0e-60) / nullif(sum(mileage_with_fuel), 0) AS fuel_per_100_km,
        nullif(sum(delivery_count), 0) AS delivery_count
    FROM spans
    LEFT JOIN analytics.days ON day BETWEEN first_day AND last_day
    GROUP BY span, first_day, last_day
),
figures AS (
    SELECT
        sums.*,
        (100 * CASE span WHEN 'now' THEN now ELSE before END + 0e-60) / delivery_count AS on_time_delivery_rate,
        (
            100 * CASE span WHEN 'now' THEN now_on_target ELSE before_on_target END + 0e-60
        ) / delivery_count AS on_target_rate
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
            'shipments_with_cost', shipments_with_cost,
            'avg_delivery_time', round(avg_delivery_time, 2),
            'cost_per_km', round(cost_per_km, 2),
            'revenue_per_km', round(revenue_per_km, 2),
            'fuel_per_100_km', round(fuel_per_100_km, 2),
            'on_time_delivery_rate', round(on_time_delivery_rate, 2),
            'on_target_rate', round(on_target_rate, 2)
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
            (7, 'on_time_delivery_rate', f.on_time_delivery_rate, b.on_time_delivery_rate),
            (8, 'revenue_per_km', f.revenue_per_km, b.revenue_per_km),
            (9, 'on_target_rate', f.on_target_rate, b.on_target_rate)
    ) AS pairs (position, name, now, before)
    WHERE f.span = 'now' AND b.span = 'before'
)
SELECT json_build_object(
    'start', now.first_day,
    'end', now.last_day,
    'previous_start', CASE WHEN before.first_day <= before.last_day THEN before.first_day END,
    'previous_end', CASE WHEN before.first_day <= before.last_day THEN before.last_day END,
    'first_day', status.first_day,
    'last_day', {LAST_DAY},
    'future_days', {FUTURE_DAYS},
    'on_time_hours', %(on_time_hours)s::numeric,
    'current', now.answer,
    'previous', CASE WHEN before.first_day <= before.last_day THEN before.answer END,
    'trend', CASE WHEN before.first_day <= before.last_day THEN trends.answer END
)::text
FROM answers AS now, answers AS before, trends, analytics.status
WHERE now.span = 'now' AND before.span = 'before'
"""

_PERIODS = {
    "day": "day",
    "week": "greatest(date_trunc('week', day::timestamp)::date, %(start)s::date)",
    "month": "greatest(date_trunc('month', day::timestamp)::date, %(start)s::date)",
    "weekday": "extract(isodow FROM day)::integer",
}
"""Grain → what the days of one period have in common: its first day in the range, or the weekday."""

_LAST_DAYS = {
    "day": "period",
    "week": "least(date_trunc('week', period::timestamp)::date + 6, %(end)s::date)",
    "month": "least((date_trunc('month', period::timestamp) + interval '1 month')::date - 1, %(end)s::date)",
}
"""Grain → the last day of a period in the range."""

_WEEKDAY = """'weekday', period,
                'days', (
                    SELECT count(*)
                    FROM generate_series(%(start)s::date::timestamp, %(end)s::date::timestamp, '1 day') AS each (day)
                    WHERE extract(isodow FROM each.day) = period
                ),"""


def series(grain: str) -> str:
    """The statement of the figures by day, week, month or weekday."""
    return f"""
-- Makes the figures of the periods of a range that have a log.
-- One row: one JSON object, an array of periods.
-- Reads analytics.days, analytics.vehicle_numbers.
WITH periods AS (
    SELECT
        {_PERIODS[grain]} AS period,
        count(*) AS days_with_trips,
        {distinct_vehicles("vehicle_set")} AS vehicles,
        {VEHICLE_SUMS}
    FROM analytics.days
    WHERE day BETWEEN %(start)s AND %(end)s
    GROUP BY period
)
SELECT json_build_object(
    'grain', '{grain}',
    'data', coalesce(
        json_agg(
            json_build_object(
                {_WEEKDAY if grain == "weekday" else _span(_LAST_DAYS[grain])}
                'days_with_trips', days_with_trips,
                'shipments', shipments,
                'revenue', round(cost_sum, 2),
                'trips', trips,
                'active_vehicles', vehicles,
                'avg_delivery_time', {AVG_DELIVERY_TIME},
                'mileage', round(mileage_sum, 2),
                'mileage_count', mileage_count,
                'fuel', round(fuel_sum, 2),
                'fuel_count', fuel_count,
                'cost_per_km', CASE WHEN cost_count > 0 THEN round(cost_sum / nullif(mileage_sum, 0), 2) END,
                'revenue_per_km', {REVENUE_PER_KM},
                'cost_with_mileage', round(coalesce(cost_with_mileage, 0), 2),
                'mileage_with_cost', round(coalesce(mileage_with_cost, 0), 2),
                'fuel_per_100_km', round((100 * fuel_with_mileage + 0e-60) / nullif(mileage_with_fuel, 0), 2)
            )
            ORDER BY period
        ),
        '[]'
    )
)::text
FROM periods
"""


def _span(last_day: str) -> str:
    return f"""'start', period,
                'end', {last_day},
                'days', {last_day} - period + 1,"""
