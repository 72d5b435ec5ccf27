-- Computes analytics.daily_routes for the days in stale_days (every day where full): its columns, in its order.
-- One row per day and route.
-- Reads raw.vehicle_logs, raw.shipments.

SELECT
    log.trip_date AS day,
    shipment.origin,
    shipment.destination,
    count(*) AS shipments,
    coalesce(sum(shipment.cost), 0) AS cost_sum,
    count(shipment.cost) AS cost_count,
    coalesce(sum(shipment.weight), 0) AS weight_sum,
    count(shipment.weight) AS weight_count,
    coalesce(sum(shipment.delivery_time), 0) AS delivery_sum,
    count(shipment.delivery_time) AS delivery_count,
    coalesce(sum(shipment.delivery_time * shipment.delivery_time), 0) AS delivery_squares,
    min(shipment.delivery_time) AS delivery_min,
    max(shipment.delivery_time) AS delivery_max,
    coalesce(sum(shipment.cost) FILTER (WHERE shipment.weight IS NOT NULL), 0) AS cost_with_weight,
    coalesce(sum(shipment.weight) FILTER (WHERE shipment.cost IS NOT NULL), 0) AS weight_with_cost,
    coalesce(sum(shipment.cost) FILTER (WHERE shipment.delivery_time IS NOT NULL), 0) AS cost_with_time,
    coalesce(sum(shipment.delivery_time) FILTER (WHERE shipment.cost IS NOT NULL), 0) AS time_with_cost,
    array_agg(DISTINCT log.vehicle_id ORDER BY log.vehicle_id) AS vehicle_ids
FROM raw.vehicle_logs AS log
JOIN raw.shipments AS shipment USING (log_id)
WHERE %(full)s OR log.trip_date = ANY(%(stale_days)s)
GROUP BY 1, 2, 3;
