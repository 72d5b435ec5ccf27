"""Queries for what was counted about datasets, files and days. The scores are computed from it by `logistics_core`."""

from logistics_core.quality.queries import ARRIVALS, DATASETS, IS_COUNTED, LOAD_DAY, counts_query

QUALITY = f"""
-- Returns what was counted about datasets.
-- One row: data version; by dataset, the counts; periods with arrivals and all; when references were counted.
-- Reads analytics.status, ingest.files, .column_counts, .reject_kinds, .reference_counts, .references_counted.
SELECT
    (SELECT data_version FROM analytics.status),
    (SELECT coalesce(json_object_agg(name, counts), '{{}}') FROM ({DATASETS}) AS counted (name, counts)),
    (
        SELECT coalesce(json_object_agg(dataset, json_build_array(arrived, periods)), '{{}}')
        FROM ({ARRIVALS}) AS counted (dataset, arrived, periods)
    ),
    (
        SELECT coalesce(json_object_agg(dataset, counted_at), '{{}}')
        FROM ingest.references_counted
        WHERE dataset = ANY(%(datasets)s)
    )
"""


def files_query(is_first_page: bool) -> str:
    """Builds the query for a page of a dataset's files of which something was read, latest registration first.

    One row: an array of files, each with its counts. Reads ingest.files and what `counts_query` reads.
    """
    after = "" if is_first_page else "AND file.file_id < %(after)s"
    page = f"""
        WHERE file.file_id IN (
            SELECT file.file_id
            FROM ingest.files AS file
            WHERE file.dataset = %(dataset)s AND file.records_read > 0 {after}
            ORDER BY file.file_id DESC
            LIMIT %(limit)s + 1
        )
    """
    return f"""
SELECT coalesce(
    json_agg(
        json_build_object(
            'file_id', file.file_id,
            'path', file.path,
            'version', file.version,
            'state', file.state,
            'loaded_on', {LOAD_DAY},
            'is_counted', {IS_COUNTED},
            'counts', counts
        )
        ORDER BY file.file_id DESC
    ), '[]'
)
FROM ({counts_query("file.file_id", page)}) AS counted (file_id, counts)
JOIN ingest.files AS file USING (file_id)
"""


DAYS = f"""
-- Returns what was counted about the files of a dataset, by the day of their load: the latest days.
-- One row: an array of days, the first one first. Reads ingest.files and what `counts_query` reads.
SELECT coalesce(json_agg(json_build_array(day, counts) ORDER BY day), '[]')
FROM (
    SELECT day, counts
    FROM ({
    counts_query(LOAD_DAY, f"WHERE file.dataset = %(dataset)s AND file.started_at IS NOT NULL AND {IS_COUNTED}")
}) AS counted (day, counts)
    ORDER BY day DESC
    LIMIT %(limit)s
) AS latest
"""
