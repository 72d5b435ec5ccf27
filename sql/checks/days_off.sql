-- Finds the days of which analytics.days, which adds up the routes, and the vehicles' own figures do not agree.
-- One row per such day among those given (all where full).
-- Reads analytics.days, analytics.daily_vehicles, analytics.daily_routes, analytics.vehicle_numbers.

WITH by_vehicle AS (
    SELECT
        day,
        sum(shipments) AS shipments,
        sum(cost_sum) AS cost_sum,
        sum(cost_count) AS cost_count,
        sum(delivery_sum) AS delivery_sum,
        sum(delivery_count) AS delivery_count,
        count(*) FILTER (WHERE shipments > 0) AS carriers
    FROM analytics.daily_vehicles
    WHERE %(full)s OR day = ANY(%(days)s)
    GROUP BY day
),
by_route AS (
    SELECT
        day,
        bit_or(pg_catalog."bit"(vehicles, (SELECT count(*)::int FROM analytics.vehicle_numbers), true)) AS carrier_set
    FROM analytics.daily_routes
    WHERE %(full)s OR day = ANY(%(days)s)
    GROUP BY day
)
SELECT day
FROM analytics.days
FULL JOIN by_vehicle USING (day)
FULL JOIN by_route USING (day)
WHERE (%(full)s OR day = ANY(%(days)s))
    AND (
        (days.shipments, days.cost_sum, days.cost_count, days.delivery_sum, days.delivery_count)
        IS DISTINCT FROM (
            by_vehicle.shipments,
            by_vehicle.cost_sum,
            by_vehicle.cost_count,
            by_vehicle.delivery_sum,
            by_vehicle.delivery_count
        )
        OR bit_count(days.carrier_set) IS DISTINCT FROM by_vehicle.carriers
        OR bit_count(days.vehicle_set) IS DISTINCT FROM days.vehicles
        OR bit_count(by_route.carrier_set) IS DISTINCT FROM nullif(by_vehicle.carriers, 0)
    )
ORDER BY day;
