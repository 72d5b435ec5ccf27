-- Sums up what executions of models have cost that ended long ago, and of which no prediction is kept.
-- One row of models.executions per model, version and kind then; returns how many rows went.
-- Reads models.predictions; reads and writes models.executions.

WITH old AS (
    SELECT execution.*
    FROM models.executions AS execution
    WHERE
        execution.finished_at < clock_timestamp() - make_interval(days => %(days)s)
        AND NOT EXISTS (
            SELECT
            FROM models.predictions AS prediction
            WHERE prediction.execution_id = execution.execution_id
        )
),

due AS (
    SELECT
        max(execution_id) AS execution_id,
        array_agg(execution_id) AS summed,
        max(data_version) AS data_version,
        sum(rows) AS rows,
        sum(scored) AS scored,
        sum(seconds) AS seconds,
        sum(cpu_seconds) AS cpu_seconds,
        sum(queue_seconds) AS queue_seconds,
        max(memory_bytes) AS memory_bytes,
        max(finished_at) AS finished_at,
        sum(executions) AS executions
    FROM old
    GROUP BY model, version, kind
    HAVING count(*) > 1
),

-- The last one takes the sums.
summed AS (
    UPDATE models.executions AS execution
    SET
        data_version = due.data_version,
        rows = due.rows,
        scored = due.scored,
        seconds = due.seconds,
        cpu_seconds = due.cpu_seconds,
        queue_seconds = due.queue_seconds,
        memory_bytes = due.memory_bytes,
        error = NULL,
        finished_at = due.finished_at,
        executions = due.executions
    FROM due
    WHERE execution.execution_id = due.execution_id
),

removed AS (
    DELETE FROM models.executions AS execution
    USING due
    WHERE execution.execution_id = ANY(due.summed) AND execution.execution_id <> due.execution_id
    RETURNING execution.execution_id
)

SELECT count(*) FROM removed
