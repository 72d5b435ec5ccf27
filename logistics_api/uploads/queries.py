"""Statements about uploads."""

from logistics_api.ingestion.queries import FILE

DATASETS = """
-- Finds the names of the datasets: each has a table.
-- One row: an array of names.
-- Reads the catalogue.
SELECT coalesce(array_agg(relname::text ORDER BY relname), '{}')
FROM pg_catalog.pg_class
WHERE relnamespace = 'raw'::regnamespace AND relkind IN ('r', 'p')
"""

UPLOAD = f"""
-- Finds what became of an uploaded file, and another one with the same content that is loaded.
-- One row: the file as a JSON object or NULL; the other one as a JSON object or NULL.
-- Reads ingest.files.
SELECT
    (
        SELECT {FILE}::text
        FROM ingest.files AS file
        WHERE path = %(path)s
            AND (content_hash = %(sha256)s OR (size_bytes, modified_ns) = (%(size_bytes)s, %(modified_ns)s))
        ORDER BY version DESC
        LIMIT 1
    ),
    (
        SELECT json_build_object('file_id', file_id, 'path', path)::text
        FROM ingest.files
        WHERE content_hash = %(sha256)s AND dataset = %(dataset)s AND state = 'loaded' AND path <> %(path)s
        ORDER BY file_id DESC
        LIMIT 1
    )
"""
