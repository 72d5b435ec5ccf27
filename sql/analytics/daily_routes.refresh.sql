-- Fills analytics.daily_routes for the days in stale_days (every day where full).
-- One row per day and route.
-- Reads raw.vehicle_logs, raw.shipments.

INSERT INTO analytics.daily_routes
SELECT
    log.trip_date,
    shipment.origin,
    shipment.destination,
    count(*),
    coalesce(sum(shipment.cost), 0),
    count(shipment.cost),
    coalesce(sum(shipment.weight), 0),
    count(shipment.weight),
    coalesce(sum(shipment.delivery_time), 0),
    count(shipment.delivery_time),
    coalesce(sum(shipment.delivery_time * shipment.delivery_time), 0),
    min(shipment.delivery_time),
    max(shipment.delivery_time),
    coalesce(sum(shipment.cost) FILTER (WHERE shipment.weight IS NOT NULL), 0),
    coalesce(sum(shipment.weight) FILTER (WHERE shipment.cost IS NOT NULL), 0),
    coalesce(sum(shipment.cost) FILTER (WHERE shipment.delivery_time IS NOT NULL), 0),
    coalesce(sum(shipment.delivery_time) FILTER (WHERE shipment.cost IS NOT NULL), 0),
    array_agg(DISTINCT log.vehicle_id ORDER BY log.vehicle_id)
FROM raw.vehicle_logs AS log
JOIN raw.shipments AS shipment USING (log_id)
WHERE %(full)s OR log.trip_date = ANY(%(stale_days)s)
GROUP BY 1, 2, 3;
