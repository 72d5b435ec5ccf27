-- Finds the days that the waiting batches made stale, those of shipment_files among them.
-- One row per day.
-- Reads ingest.batches, ingest.files, raw.shipments, raw.vehicle_logs.

-- A batch of vehicle logs knew its days when it was committed.
SELECT unnest(batch.stale_days) AS day
FROM ingest.batches AS batch
JOIN ingest.files AS file USING (file_id)
WHERE batch.refreshed_as IS NULL AND file.dataset = 'vehicle_logs'
UNION
-- A shipment is dated by its log, which may have arrived or changed its day since: looked up now, in this snapshot.
-- First the logs that lost a shipment or got one by a replay, then those of the shipments in a loaded file.
-- (The files are a parameter: if they were looked up here, the planner would expect a third of the table.)
SELECT log.trip_date
FROM ingest.batches AS batch
JOIN ingest.files AS file USING (file_id)
CROSS JOIN unnest(batch.stale_keys) AS stale (log_id)
JOIN raw.vehicle_logs AS log USING (log_id)
WHERE batch.refreshed_as IS NULL AND file.dataset = 'shipments'
UNION
SELECT log.trip_date
FROM raw.shipments AS shipment
JOIN raw.vehicle_logs AS log USING (log_id)
WHERE shipment.file_id = ANY(%(shipment_files)s);
