"""Statements about histories."""

from functools import lru_cache

from psycopg import sql

from logistics_api.rows.queries import chosen, dating, files
from logistics_api.rows.tables import Table
from logistics_core import versions

HISTORIES = """
-- Returns the datasets that keep earlier versions of their records, or did.
-- One row: an array of them as JSON.
-- Reads ingest.histories, .history_gaps, .files.
SELECT coalesce(json_agg(row_to_json("Row") ORDER BY dataset), '[]')::text
FROM (
    SELECT
        dataset,
        ended_at IS NULL AS is_kept,
        since_file_id,
        (SELECT path FROM ingest.files WHERE file_id = since_file_id) AS since_path,
        started_at,
        ended_at,
        (SELECT count(*) FROM ingest.history_gaps AS gap WHERE gap.dataset = history.dataset) AS files_with_gaps,
        (SELECT coalesce(sum(records_superseded), 0) FROM ingest.files WHERE files.dataset = history.dataset)
            AS superseded
    FROM ingest.histories AS history
    WHERE dataset = ANY(%(datasets)s)
) AS "Row"
"""

# A version counts from when its file was registered until the file of the next one was.
TIMELINE = """
-- Returns the versions of one record of {table}, the newest first, with what each changed.
-- One row per version: its file, record, when it was registered, and the same of the next version; the columns that
-- differ from the version before, or NULL for the first; the record as JSON.
-- Reads {table}, the records that others superseded, ingest.files.
SELECT
    versions.file_id, record_no, file.path, file.version, file.registered_at,
    next.file_id, next.path, next.version, next.registered_at,
    "Changed", "Document"
FROM (
    SELECT
        page.file_id, page.record_no,
        lead(page.file_id) OVER "In order" AS "Next",
        CASE WHEN lag(page.file_id) OVER "In order" IS NOT NULL THEN array_remove(ARRAY[{changed}]::text[], NULL) END
            AS "Changed",
        (SELECT row_to_json("Row") FROM (SELECT {chosen}) AS "Row")::text AS "Document"
    FROM {versions} AS page
    {dating}
    WINDOW "In order" AS (ORDER BY page.file_id, page.record_no)
) AS versions
JOIN ingest.files AS file ON file.file_id = versions.file_id
LEFT JOIN ingest.files AS next ON next.file_id = "Next"
WHERE (versions.file_id, record_no) < (%(Before_file)s, %(Before_record)s)
ORDER BY versions.file_id DESC, record_no DESC
LIMIT %(Limit)s
"""

CHANGED_FILES = """
-- Finds the files that may have changed figures of datasets since a file.
-- One row: the files as JSON, in the order of their registration.
-- Reads ingest.files.
SELECT coalesce(json_agg(json_build_object(
    'file_id', file_id, 'path', path, 'version', version, 'registered_at', registered_at
) ORDER BY file_id), '[]')
FROM ingest.files
WHERE
    dataset = ANY(%(datasets)s) AND file_id > %(since)s AND file_id <= %(until)s
    AND records_loaded + records_superseded > 0
"""

NEWEST_FILE = "SELECT coalesce(max(file_id), 0) FROM ingest.files"


@lru_cache(1024)
def timeline(table: Table, *, has_history: bool) -> bytes:
    """The statement of the versions of the record whose key is `Key0`, … ; `has_history`: of earlier ones too."""
    dataset = table.dataset
    columns = tuple(table.own)
    is_record = sql.SQL(" AND ").join(
        sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(f"Key{number}"))
        for number, name in enumerate(dataset.key)
    )
    differs = 'CASE WHEN {0} IS DISTINCT FROM lag({0}) OVER "In order" THEN {1} END'
    return (
        sql.SQL(TIMELINE)
        .format(
            table=sql.Identifier("raw", table.name),
            versions=versions.all_versions(dataset, is_record, has_history=has_history),
            changed=sql.SQL(", ").join(
                sql.SQL(differs).format(sql.Identifier("page", name), sql.Literal(name)) for name in columns
            ),
            chosen=chosen(table, columns),
            dating=sql.SQL(" ").join([dating(table, columns), files(columns)]),
        )
        .as_bytes(None)
    )
