-- Finds the days that lose a log to the staged ones.
-- One row per day.
-- Reads raw.vehicle_logs and its staging table.

SELECT DISTINCT existing.trip_date
FROM raw.vehicle_logs AS existing
JOIN {stage} AS staged USING (log_id)
WHERE (existing.file_id, existing.record_no) < (staged.file_id, staged.record_no)
