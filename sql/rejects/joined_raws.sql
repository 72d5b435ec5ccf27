-- Joins the texts of a file's next unresolved rejects: at most so many, of limited size together, or one.
-- One row: the number of the last (NULL if there are no more), and the text.
-- Reads ingest.rejects.

WITH next_ones AS (
    SELECT record_no, raw
    FROM ingest.rejects
    WHERE file_id = %(file_id)s AND record_no > %(after)s AND resolved_at IS NULL
    ORDER BY record_no
    LIMIT %(records)s
),
measured AS (
    SELECT
        record_no,
        raw,
        sum(octet_length(raw)) OVER (ORDER BY record_no) AS total,
        row_number() OVER (ORDER BY record_no) AS place
    FROM next_ones
)

SELECT max(record_no) AS record_no, string_agg(raw, %(between)s ORDER BY record_no) AS raw
FROM measured
WHERE total <= %(size)s OR place = 1
