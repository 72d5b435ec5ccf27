-- Sums up the batches of files that were taken into the analytics long ago.
-- One row of ingest.batches per file then, and one more per file of which rejects were replayed or rows removed; returns
-- how many rows went.
-- Reads ingest.batches, ingest.files, analytics.status.

-- Nobody asks for the single batches any more: a load resumes at its file's own account, a refresh takes those that no
-- refresh has taken yet. Those of the newest data version stay whole, however old: they say what it changed.
WITH old AS (
    SELECT batch.*, batch.last_record IS NULL AS is_replay
    FROM ingest.batches AS batch
    JOIN ingest.files AS file USING (file_id)
    WHERE batch.refreshed_as < (SELECT data_version FROM analytics.status)
      AND batch.committed_at < clock_timestamp() - make_interval(days => %(days)s)
      AND file.state <> 'loading'
),
due AS (
    SELECT
        file_id,
        is_replay,
        max(batch_id) AS batch_id,
        max(last_record) AS last_record,
        sum(records) AS records,
        bool_or(merged) AS merged,
        max(committed_at) AS committed_at,
        max(refreshed_as) AS refreshed_as
    FROM old
    GROUP BY file_id, is_replay
    HAVING count(*) > 1 AND sum(records) <= 2147483647  -- what the column holds
    ORDER BY file_id, is_replay
    LIMIT %(files)s
),
-- The last one takes the sums, so that the order of batch_id stays that of the commits.
summed AS (
    UPDATE ingest.batches AS batch
    SET last_record = due.last_record,
        records = due.records,
        merged = due.merged,
        committed_at = due.committed_at,
        refreshed_as = due.refreshed_as,
        stale_days = '{}'
    FROM due
    WHERE batch.batch_id = due.batch_id
),
removed AS (
    DELETE FROM ingest.batches AS batch
    USING old JOIN due USING (file_id, is_replay)
    WHERE batch.batch_id = old.batch_id AND old.batch_id <> due.batch_id
    RETURNING batch.batch_id
)
SELECT count(*) FROM removed;
