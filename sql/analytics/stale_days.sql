-- Finds the days that the waiting batches made stale, those of shipment_files among them.
-- One row per day.
-- Reads ingest.batches, raw.shipments, raw.vehicle_logs.

-- A batch of logs knew its days when it was committed.
SELECT unnest(stale_days) AS day
FROM ingest.batches
WHERE refreshed_as IS NULL
UNION
-- A shipment is dated by its log, which may have arrived or moved since: asked now, in this snapshot.
-- First the logs that lost a shipment or were given one by a replay, then those that a loaded file's shipments name.
-- (The files are given: were they looked up in here, the planner would take them for a third of the table.)
SELECT log.trip_date
FROM ingest.batches AS batch
CROSS JOIN unnest(batch.stale_keys) AS stale (log_id)
JOIN raw.vehicle_logs AS log USING (log_id)
WHERE batch.refreshed_as IS NULL
UNION
SELECT log.trip_date
FROM raw.shipments AS shipment
JOIN raw.vehicle_logs AS log USING (log_id)
WHERE shipment.file_id = ANY(%(shipment_files)s);
