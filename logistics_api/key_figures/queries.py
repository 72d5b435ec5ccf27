"""The statement of the key figures. `measures` defines them; sums of days have 30 decimals."""

from logistics_api.measures.sql import distinct_vehicles

# The trend of a mean compares the two fractions by cross-multiplication, so that neither is rounded first.
DASHBOARD = f"""
-- Makes the dashboard: figures of a range, and trends against an earlier range.
-- One row: one JSON object.
-- Reads analytics.days, analytics.vehicle_numbers.
WITH spans (span, first_day, last_day) AS (
    VALUES
        ('now', %(start)s::date, %(end)s::date),
        (
            'before',
            (%(start)s::date - %(periods_back)s::int * ('1 ' || %(interval_type)s)::interval)::date,
            (%(end)s::date - %(periods_back)s::int * ('1 ' || %(interval_type)s)::interval)::date
        )
),
sums AS (
    SELECT
        span,
        coalesce(sum(shipments), 0) AS shipments,
        coalesce(
            {distinct_vehicles("vehicle_set")},
            0
        ) AS vehicles,
        coalesce(sum(cost_sum), 0) + 0e-30 AS revenue,
        coalesce(sum(delivery_sum), 0) + 0e-30 AS delivery_sum,
        coalesce(sum(delivery_count), 0) AS delivery_count
    FROM spans
    LEFT JOIN analytics.days ON day BETWEEN first_day AND last_day
    GROUP BY span
),
answer AS (
    SELECT
        now.shipments AS total_shipments,
        now.vehicles AS active_vehicles,
        round(now.revenue, 2) AS total_revenue,
        round(now.delivery_sum / nullif(now.delivery_count, 0), 2) AS avg_delivery_time,
        round(100 * (now.shipments - before.shipments) / nullif(before.shipments, 0), 1) AS shipment_trend,
        round(100.0 * (now.vehicles - before.vehicles) / nullif(before.vehicles, 0), 1) AS vehicle_trend,
        round(100 * (now.revenue - before.revenue) / nullif(before.revenue, 0), 1) AS revenue_trend,
        round(
            100 * (now.delivery_sum * before.delivery_count - before.delivery_sum * now.delivery_count)
            / nullif(before.delivery_sum * now.delivery_count, 0),
            1
        ) AS delivery_time_trend
    FROM sums AS now, sums AS before
    WHERE now.span = 'now' AND before.span = 'before'
)
SELECT row_to_json(answer)::text FROM answer
"""
