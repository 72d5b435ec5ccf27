-- Sorts the delivery times of routes, which several nodes of a cluster have collected.
-- No rows.
-- Reads and writes the rows that are to be those of analytics.daily_routes.

UPDATE pg_temp.fresh_daily_routes
SET delivery_times = (
    SELECT array_agg(delivery_time ORDER BY delivery_time) FROM unnest(delivery_times) AS times (delivery_time)
)
WHERE cardinality(delivery_times) > 1
