-- Finds the logs that lose a shipment to the staged ones.
-- One row per log.
-- Reads raw.shipments and its staging table; the rows are locked already (overwritten.sql).

-- Logs, not days: until the next refresh a log may still arrive or move to another day.
SELECT DISTINCT existing.log_id
FROM raw.shipments AS existing
JOIN {stage} AS staged USING (shipment_id)
WHERE (existing.file_id, existing.record_no) < (staged.file_id, staged.record_no)
