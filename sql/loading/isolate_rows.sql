-- The staged rows of a range, as JSON that becomes the table's types.
-- One row per record.
-- Reads the staged documents, inside the function that `isolate` makes.

SELECT {columns}
FROM {documents} AS documents
CROSS JOIN LATERAL json_populate_record(null::{table}, documents.document) AS given -- noqa: AL05
WHERE documents.ordinal BETWEEN {first_row} AND {last_row}
