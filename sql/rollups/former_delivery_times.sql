-- Makes a temporary table of the delivery times that some days had before they are refreshed.
-- One row per day and route.
-- Reads analytics.daily_routes, as it was.

CREATE TEMPORARY TABLE former_delivery_times ON COMMIT DROP AS
SELECT
    day,
    origin,
    destination,
    delivery_times
FROM analytics.daily_routes
WHERE day = ANY(%(days)s)
