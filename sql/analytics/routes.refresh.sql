-- Moves analytics.routes by what the days in stale_days had and what they have now (every day where full).
-- One row per route with a shipment on one of the days; a route keeps its number as long as it has shipments.
-- Reads pg_temp.fresh_daily_routes, which is to replace those days in analytics.daily_routes, and that as it was.

-- Numeric sums are exact: what is taken off is what was added, so the days that have not changed need not be read.

MERGE INTO analytics.routes
USING (
    SELECT
        origin,
        destination,
        sum(shipments)::bigint AS shipments,
        sum(delivery_sum) AS delivery_sum,
        sum(delivery_count)::bigint AS delivery_count
    FROM (
        SELECT origin, destination, shipments, delivery_sum, delivery_count
        FROM pg_temp.fresh_daily_routes
        UNION ALL
        SELECT origin, destination, -shipments, -delivery_sum, -delivery_count
        FROM analytics.daily_routes
        WHERE NOT %(full)s AND day = ANY(%(stale_days)s)
        UNION ALL
        SELECT origin, destination, -shipments, -delivery_sum, -delivery_count
        FROM analytics.routes
        WHERE %(full)s
    ) AS parts
    GROUP BY 1, 2
) AS change
ON routes.origin = change.origin AND routes.destination = change.destination
WHEN MATCHED AND routes.shipments + change.shipments = 0 THEN
    DELETE
WHEN MATCHED THEN
    UPDATE SET
        shipments = routes.shipments + change.shipments,
        delivery_sum = routes.delivery_sum + change.delivery_sum,
        delivery_count = routes.delivery_count + change.delivery_count
WHEN NOT MATCHED THEN
    INSERT (origin, destination, shipments, delivery_sum, delivery_count)
    VALUES (change.origin, change.destination, change.shipments, change.delivery_sum, change.delivery_count);
