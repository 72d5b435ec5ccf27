-- Publishes a refresh: the new data version and the figures about the analytics as a whole.
-- Returns one row: shipments without a log, days with logs.
-- Reads ingest.files (the balance says how many shipments there are), analytics.days.

WITH days AS (
    SELECT min(day) AS first_day, max(day) AS last_day, count(*) AS days, coalesce(sum(shipments), 0) AS shipments
    FROM analytics.days
),
unassigned AS (
    SELECT coalesce(sum(records_loaded), 0) - (SELECT shipments FROM days) AS shipments
    FROM ingest.files
    WHERE dataset = 'shipments'
)
UPDATE analytics.status
SET data_version = %(version)s,
    full_refresh_due = false,
    last_calculated_at = clock_timestamp(),
    seconds = %(seconds)s,
    error_message = NULL,
    unassigned_shipments = unassigned.shipments,
    first_day = days.first_day,
    last_day = days.last_day
FROM days, unassigned
RETURNING unassigned_shipments, days.days;
