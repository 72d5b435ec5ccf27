"""Queries for rejected records."""

from collections.abc import Collection

from logistics_api.ingestion.filters import where

# The reason without the value found: rejects that differ only in that value are of one kind.
_KIND = "split_part(reject.reason, ', found ', 1)"

REJECT_FILTERS = {
    "file_id": "reject.file_id = %(file_id)s",
    "dataset": "file.dataset = %(dataset)s",
    "field": "reject.field = %(field)s",
    "reason": f"{_KIND} = split_part(%(reason)s, ', found ', 1)",
    "resolved": "(reject.resolved_at IS NOT NULL) = %(resolved)s",
    "after": "(reject.file_id, reject.record_no) > (%(after_file)s, %(after_record)s)",
}


def rejects(given: Collection[str]) -> str:
    """Builds the query for a page of rejected records, by file and record.

    One row per reject; of the raw text, which may be no text at all, only the beginning.
    Reads ingest.rejects, ingest.files.
    """
    return f"""
SELECT
    reject.file_id,
    file.path,
    file.version,
    file.dataset,
    reject.record_no,
    reject.byte_offset,
    reject.field,
    reject.reason,
    substring(reject.raw FOR %(raw_bytes)s) AS raw,
    octet_length(reject.raw) AS raw_bytes,
    reject.rejected_at,
    reject.resolved_at,
    reject.mended IS NOT NULL AS is_mended
FROM ingest.rejects AS reject
JOIN ingest.files AS file USING (file_id)
{where(REJECT_FILTERS, given)}
ORDER BY reject.file_id, reject.record_no
LIMIT %(limit)s + 1
"""


def reject_kinds(given: Collection[str]) -> str:
    """Builds the query that counts rejects by reason, most frequent first, with the first of each.

    One row per dataset, field and kind of reason. Reads ingest.rejects, ingest.files.
    """
    return f"""
WITH by_file AS (
    SELECT
        reject.file_id,
        file.dataset,
        reject.field,
        {_KIND} AS reason,
        count(*) AS count,
        min(reject.record_no) AS first_record
    FROM ingest.rejects AS reject
    JOIN ingest.files AS file USING (file_id)
    {where(REJECT_FILTERS, given)}
    GROUP BY 1, 2, 3, 4
),
kinds AS (
    SELECT
        dataset,
        field,
        reason,
        sum(count)::bigint AS count,
        count(*) AS files,
        min(ARRAY[file_id, first_record]) AS first
    FROM by_file
    GROUP BY 1, 2, 3
    ORDER BY count DESC, first
    LIMIT %(limit)s
)
SELECT
    kinds.dataset,
    kinds.field,
    kinds.reason,
    kinds.count,
    kinds.files,
    reject.file_id,
    file.path,
    reject.record_no,
    substring(reject.raw FOR %(raw_bytes)s) AS raw,
    octet_length(reject.raw) AS raw_bytes
FROM kinds
JOIN ingest.rejects AS reject ON (reject.file_id, reject.record_no) = (kinds.first[1], kinds.first[2])
JOIN ingest.files AS file ON file.file_id = reject.file_id
ORDER BY kinds.count DESC, kinds.first
"""
