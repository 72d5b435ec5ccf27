-- Finds the routes whose all-time sums are not those of their days.
-- One row per such route: origin, destination, shipments all-time, shipments of its days.
-- Reads analytics.routes, analytics.daily_routes.

WITH summed AS (
    SELECT
        route,
        origin,
        destination,
        sum(shipments)::bigint AS shipments,
        sum(delivery_sum) AS delivery_sum,
        sum(delivery_count)::bigint AS delivery_count
    FROM analytics.daily_routes
    GROUP BY route, origin, destination
)
SELECT origin, destination, total.shipments, summed.shipments AS summed_shipments
FROM summed
FULL JOIN analytics.routes AS total USING (route, origin, destination)
WHERE (total.shipments, total.delivery_sum, total.delivery_count)
    IS DISTINCT FROM (summed.shipments, summed.delivery_sum, summed.delivery_count)
ORDER BY origin, destination;
