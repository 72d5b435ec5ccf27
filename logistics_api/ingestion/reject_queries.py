"""Queries for rejected records."""

from collections.abc import Collection

from logistics_api.ingestion.filters import where
from logistics_core.database_contract.reject_kinds import FOUND, IS_OF_KIND, KIND, OTHER_REASONS

# By a kind as the summary shows it, or by a whole reason.
_HAS_REASON = f"""
(
    {KIND} = split_part(%(reason)s, '{FOUND}', 1)
    OR reject.reason = %(reason)s
    OR (%(reason)s = '{OTHER_REASONS}' AND EXISTS (
        SELECT FROM ingest.reject_kinds AS counted
        WHERE counted.file_id = reject.file_id AND counted.kind = '{OTHER_REASONS}' AND {IS_OF_KIND}
    ))
)
"""

REJECT_FILTERS = {
    "file_id": "reject.file_id = %(file_id)s",
    "dataset": "file.dataset = %(dataset)s",
    "field": "reject.field = %(field)s",
    "reason": _HAS_REASON,
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


_KIND_FILTERS = {
    "file_id": "by_file.file_id = %(file_id)s",
    "dataset": "file.dataset = %(dataset)s",
}


def reject_kinds(given: Collection[str]) -> str:
    """Builds the query that counts rejects by reason, most frequent first, with the first of each.

    One row per dataset, field and kind of reason. Reads ingest.reject_kinds, which counts the unresolved ones; of
    ingest.rejects only those that a replay has resolved, by their index, and the first of each kind; ingest.files.
    """
    unresolved = "AND NOT %(resolved)s" if "resolved" in given else ""
    resolved = "AND %(resolved)s" if "resolved" in given else ""
    return f"""
WITH by_file AS (
    SELECT file_id, field, kind, count, first_record
    FROM ingest.reject_kinds
    WHERE count > 0 {unresolved}
    UNION ALL
    SELECT file_id, field, {KIND}, count(*), min(record_no)
    FROM ingest.rejects AS reject
    WHERE resolved_at IS NOT NULL {resolved}
    GROUP BY 1, 2, 3
),
kinds AS (
    SELECT
        file.dataset,
        by_file.field,
        by_file.kind AS reason,
        sum(by_file.count)::bigint AS count,
        count(DISTINCT by_file.file_id) AS files,
        min(ARRAY[by_file.file_id, by_file.first_record]) AS first
    FROM by_file
    JOIN ingest.files AS file USING (file_id)
    {where(_KIND_FILTERS, given)}
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
