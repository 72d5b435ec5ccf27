"""The queries for what was counted: the same for both programs."""


def _is_counted(moment: str | None = None) -> str:
    def begun(file: str) -> str:
        return "" if moment is None else f" AND {file}.started_at <= {moment}"

    return f"""
(
    file.records_read > 0{begun("file")} AND NOT EXISTS (
        SELECT FROM ingest.files AS newer
        WHERE newer.path = file.path AND newer.version > file.version AND newer.records_read > 0{begun("newer")}
    )
)
"""


IS_COUNTED = _is_counted()
"""SQL condition: a row `file` of ingest.files counts in the score of its dataset. A corrected file replaces its earlier
versions: of each path the newest version of which something was read."""

LOAD_DAY = "(file.started_at AT TIME ZONE 'UTC')::date"
"""SQL expression: the day on which the load of a row `file` began."""


def counts_query(group: str, files: str) -> str:
    """Builds the query for what was counted of files, by some expression of a row `file` of ingest.files.

    `files` is what follows `FROM ingest.files AS file`. One row per group: the group, and the counts as
    `Counts.from_document` takes them. Reads ingest.files, .column_counts, .reject_kinds, .reference_counts.
    """
    return f"""
WITH counted AS MATERIALIZED (
    SELECT
        {group} AS name, file.file_id, file.unknown_fields, file.records_read, file.records_loaded,
        file.records_superseded
    FROM ingest.files AS file
    {files}
),
accounts AS (
    SELECT
        name,
        json_build_array(
            count(*), count(*) FILTER (WHERE unknown_fields = '{{}}'),
            sum(records_read), sum(records_loaded), sum(records_superseded)
        ) AS listed
    FROM counted
    GROUP BY name
),
cells AS (
    SELECT name, json_agg(json_build_array(field, filled, cleared, out_of_bounds)) AS listed
    FROM (
        SELECT
            name, field, sum(filled) AS filled, sum(cleared) AS cleared, sum(cleared_out_of_bounds) AS out_of_bounds
        FROM counted
        JOIN ingest.column_counts USING (file_id)
        GROUP BY name, field
    ) AS summed
    GROUP BY name
),
kinds AS (
    SELECT name, json_agg(json_build_array(field, kind, count)) AS listed
    FROM (
        SELECT name, field, kind, sum(count) AS count
        FROM counted
        JOIN ingest.reject_kinds USING (file_id)
        WHERE count > 0
        GROUP BY name, field, kind
    ) AS summed
    GROUP BY name
),
referring AS (
    SELECT name, json_agg(json_build_array(field, asked, found)) AS listed
    FROM (
        SELECT name, field, sum(asked) AS asked, sum(found) AS found
        FROM counted
        JOIN ingest.reference_counts USING (file_id)
        GROUP BY name, field
    ) AS summed
    GROUP BY name
)
SELECT
    name,
    json_build_object(
        'account', accounts.listed,
        'cells', coalesce(cells.listed, '[]'),
        'kinds', coalesce(kinds.listed, '[]'),
        'references', coalesce(referring.listed, '[]')
    )
FROM accounts
LEFT JOIN cells USING (name)
LEFT JOIN kinds USING (name)
LEFT JOIN referring USING (name)
ORDER BY name
"""


DATASETS = counts_query("file.dataset", f"WHERE file.dataset = ANY(%(datasets)s) AND {IS_COUNTED}")
"""By dataset."""

DATASETS_THEN = counts_query("file.dataset", f"WHERE file.dataset = ANY(%(datasets)s) AND {_is_counted('%(moment)s')}")
"""By dataset, of the files whose load had begun at an earlier moment, by what is counted of them now."""

PERIODS = 30
"""As many periods before now are looked at for files that should have arrived."""


def _arrivals_query(now: str) -> str:
    return f"""
-- Counts the periods in which a file of a dataset arrived.
-- One row per dataset that ever had a file: dataset, periods with a file, all since its first file (some {PERIODS}).
-- Reads ingest.files.
WITH arrived AS (
    SELECT
        dataset,
        floor(extract(epoch FROM {now} - registered_at) / expected.seconds)::bigint AS periods_ago
    FROM unnest(%(expected)s::text[], %(seconds)s::double precision[]) AS expected (dataset, seconds)
    JOIN ingest.files USING (dataset)
    WHERE records_read > 0 AND registered_at <= {now}
),
looked_at AS (
    SELECT dataset, periods_ago, least(max(periods_ago) OVER (PARTITION BY dataset), {PERIODS}) AS periods FROM arrived
)
SELECT dataset, count(DISTINCT periods_ago) FILTER (WHERE periods_ago < periods), max(periods)
FROM looked_at
GROUP BY dataset
"""


ARRIVALS = _arrivals_query("clock_timestamp()")
"""By dataset, how many periods had a file that arrived."""

ARRIVALS_THEN = _arrivals_query("%(moment)s")
"""The same at an earlier moment."""
