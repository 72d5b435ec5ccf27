-- Computes analytics.days for the days in stale_days (every day where full): its columns, in its order.
-- One row per day.
-- Reads analytics.daily_vehicles, which is refreshed before: tables are in the order of their names.

SELECT
    day,
    count(*) AS vehicles,
    sum(trips)::bigint AS trips,
    sum(mileage_sum) AS mileage_sum,
    sum(fuel_sum) AS fuel_sum,
    sum(shipments)::bigint AS shipments,
    sum(cost_sum) AS cost_sum,
    sum(cost_count)::bigint AS cost_count,
    sum(delivery_sum) AS delivery_sum,
    sum(delivery_count)::bigint AS delivery_count
FROM analytics.daily_vehicles
WHERE %(full)s OR day = ANY(%(stale_days)s)
GROUP BY 1;
