-- Keeps the records of a batch that lose their key to another record of the same batch.
-- No rows.
-- Reads the staged rows, writes the table of superseded records.

INSERT INTO {history} ({columns}, {successor})
SELECT {columns}, "_winner"
FROM (
    SELECT
        {columns},
        row_number() OVER (PARTITION BY {key} ORDER BY file_id DESC, record_no DESC) AS "_place",
        max(file_id) OVER (PARTITION BY {key}) AS "_winner"
    FROM {stage}
) AS staged -- noqa: AL05
WHERE "_place" > 1
