-- Finds the days that the waiting batches of a dataset made stale, where another dataset dates it.
-- One row per day.
-- Reads ingest.batches, ingest.files and both raw tables.

-- A batch of the dating dataset knew its days when it was committed.
SELECT unnest(batch.stale_days) AS day
FROM ingest.batches AS batch
JOIN ingest.files AS file USING (file_id)
WHERE batch.refreshed_as IS NULL AND file.dataset = {other_name}
UNION
-- A record is dated by another one, which may have arrived or changed its day since: looked up now, in this snapshot.
-- First the records that lost one or got one by a replay, then those of the records in a loaded file.
SELECT {day}
FROM ingest.batches AS batch
JOIN ingest.files AS file USING (file_id)
CROSS JOIN unnest(batch.stale_keys) AS stale (key)
JOIN {other} AS dating ON dating.{key} = stale.key::{key_type}
WHERE batch.refreshed_as IS NULL AND file.dataset = {name}
UNION
SELECT {day}
FROM {table} AS dated
JOIN {other} AS dating ON dating.{key} = dated.{field}
WHERE dated.file_id = ANY({files})
