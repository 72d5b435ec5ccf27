-- Computes analytics.daily_routes for the days in stale_days (every day where full): its columns but the route's number.
-- One row per day and route.
-- Reads raw.vehicle_logs, raw.shipments, analytics.vehicle_numbers, which is brought up to date before.

-- A sum over shipments that have another measure too is that of all less that of those without it: few lack one, and a
-- sum over none costs nothing. In the order of the key, as its index grows at its end.
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
    coalesce(sum(shipment.cost), 0)
    - coalesce(sum(shipment.cost) FILTER (WHERE shipment.weight IS NULL), 0) AS cost_with_weight,
    coalesce(sum(shipment.weight), 0)
    - coalesce(sum(shipment.weight) FILTER (WHERE shipment.cost IS NULL), 0) AS weight_with_cost,
    coalesce(sum(shipment.cost), 0)
    - coalesce(sum(shipment.cost) FILTER (WHERE shipment.delivery_time IS NULL), 0) AS cost_with_time,
    coalesce(sum(shipment.delivery_time), 0)
    - coalesce(sum(shipment.delivery_time) FILTER (WHERE shipment.cost IS NULL), 0) AS time_with_cost,
    -- bit_or wants strings of one length: one bit for every vehicle, then nothing after the last one that is set.
    substring(
        bit_or(set_bit((SELECT repeat('0', count(*)::int)::bit varying FROM analytics.vehicle_numbers), vehicle.number, 1))
        FOR max(vehicle.number) + 1
    ) AS vehicles,
    coalesce(
        array_agg(shipment.delivery_time ORDER BY shipment.delivery_time) FILTER (WHERE shipment.delivery_time IS NOT NULL),
        '{}'
    ) AS delivery_times
FROM raw.vehicle_logs AS log
JOIN raw.shipments AS shipment USING (log_id)
JOIN analytics.vehicle_numbers AS vehicle USING (vehicle_id)
WHERE (%(full)s OR log.trip_date = ANY(%(stale_days)s)) AND log.trip_date BETWEEN %(first)s AND %(last)s
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3;
