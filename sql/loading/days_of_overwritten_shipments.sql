-- Finds the days that lose a shipment to the staged ones: the days of the logs those shipments were on.
-- One row per day.
-- Reads raw.shipments, raw.vehicle_logs and the staging table of shipments.

-- The logs are locked against moving to another day until this batch has committed: a log that moved between this
-- look and the commit would take the shipment along to a day that nobody marks.
WITH logs AS MATERIALIZED (
    SELECT log.trip_date
    FROM raw.vehicle_logs AS log
    WHERE log.log_id IN (
        SELECT existing.log_id
        FROM raw.shipments AS existing
        JOIN {stage} AS staged USING (shipment_id)
        WHERE (existing.file_id, existing.record_no) < (staged.file_id, staged.record_no)
    )
    ORDER BY log.log_id
    FOR SHARE OF log
)
SELECT DISTINCT trip_date FROM logs
