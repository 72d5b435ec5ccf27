-- Computes analytics.daily_routes for the days in stale_days (every day where full): its columns but the route's number.
-- One row per day and route.
-- Reads raw.vehicle_logs, raw.shipments, analytics.vehicle_numbers, which is brought up to date before.

-- The states of the rollup that has the same groups are computed too, where it is made anew: `page` and `Dating` are what it
-- calls a shipment and its log.
-- A sum over shipments that have another measure too is that of all less that of those without it: few lack one, and a
-- sum over none costs nothing. In the order of the key, as its index grows at its end.
SELECT
    "Dating".trip_date AS day,
    page.origin,
    page.destination,
    count(*) AS shipments,
    coalesce(sum(page.cost), 0) AS cost_sum,
    count(page.cost) AS cost_count,
    coalesce(sum(page.weight), 0) AS weight_sum,
    count(page.weight) AS weight_count,
    coalesce(sum(page.delivery_time), 0) AS delivery_sum,
    count(page.delivery_time) AS delivery_count,
    coalesce(sum(page.delivery_time * page.delivery_time), 0) AS delivery_squares,
    min(page.delivery_time) AS delivery_min,
    max(page.delivery_time) AS delivery_max,
    coalesce(sum(page.cost), 0)
    - coalesce(sum(page.cost) FILTER (WHERE page.weight IS NULL), 0) AS cost_with_weight,
    coalesce(sum(page.weight), 0)
    - coalesce(sum(page.weight) FILTER (WHERE page.cost IS NULL), 0) AS weight_with_cost,
    coalesce(sum(page.cost), 0)
    - coalesce(sum(page.cost) FILTER (WHERE page.delivery_time IS NULL), 0) AS cost_with_time,
    coalesce(sum(page.delivery_time), 0)
    - coalesce(sum(page.delivery_time) FILTER (WHERE page.cost IS NULL), 0) AS time_with_cost,
    -- bit_or wants strings of one length: one bit for every vehicle, then nothing after the last one that is set.
    substring(
        bit_or(set_bit((SELECT repeat('0', count(*)::int)::bit varying FROM analytics.vehicle_numbers), vehicle.number, 1))
        FOR max(vehicle.number) + 1
    ) AS vehicles,
    coalesce(
        array_agg(page.delivery_time ORDER BY page.delivery_time) FILTER (WHERE page.delivery_time IS NOT NULL),
        '{}'
    ) AS delivery_times{further_states}
FROM raw.shipments AS page
JOIN raw.vehicle_logs AS "Dating" ON "Dating".log_id = page.log_id
JOIN analytics.vehicle_numbers AS vehicle ON vehicle.vehicle_id = "Dating".vehicle_id
WHERE (%(full)s OR "Dating".trip_date = ANY(%(stale_days)s)) AND "Dating".trip_date BETWEEN %(first)s AND %(last)s
GROUP BY 1, 2, 3
ORDER BY 1, 2, 3;
