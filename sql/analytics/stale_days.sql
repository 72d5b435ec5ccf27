-- Finds the days that the waiting batches made stale.
-- One row per day.
-- Reads ingest.batches, ingest.files, raw.shipments, raw.vehicle_logs.

-- A batch of logs knew its days when it was committed.
SELECT unnest(stale_days) AS day
FROM ingest.batches
WHERE refreshed_as IS NULL
UNION
-- A shipment is dated by its log, which may have arrived or moved since: asked now, in this snapshot.
-- First the logs that lost a shipment or were given one by a replay, then those that a loaded file's shipments name.
SELECT log.trip_date
FROM ingest.batches AS batch
CROSS JOIN unnest(batch.stale_logs) AS stale (log_id)
JOIN raw.vehicle_logs AS log USING (log_id)
WHERE batch.refreshed_as IS NULL
UNION
SELECT log.trip_date
FROM raw.shipments AS shipment
JOIN raw.vehicle_logs AS log USING (log_id)
WHERE shipment.file_id = ANY(
    SELECT DISTINCT batch.file_id
    FROM ingest.batches AS batch
    JOIN ingest.files AS file USING (file_id)
    WHERE batch.refreshed_as IS NULL AND batch.last_record IS NOT NULL AND file.dataset = 'shipments'
);
