"""Kinds of rejects: the reasons of `ingest.rejects` without what differs from record to record.

`ingest.reject_kinds` counts the unresolved rejects of a file by field and kind, so no summary reads the rejects.
"""

FOUND = ", found "
"""Separates a reason from the value found. What stands before it is the kind of nearly every reject."""

OTHER_REASONS = "other reasons"
"""Counts the rejects of a file that has more kinds than are counted apart."""

KIND = f"coalesce(reject.kind, split_part(reject.reason, '{FOUND}', 1))"
"""SQL expression: the kind of a row `reject` of `ingest.rejects`, whose column is NULL if the reason alone tells it."""

IS_OF_KIND = f"""
(
    (reject.field IS NOT DISTINCT FROM counted.field AND {KIND} = counted.kind)
    OR (counted.kind = '{OTHER_REASONS}' AND NOT EXISTS (
        SELECT FROM ingest.reject_kinds AS apart
        WHERE apart.file_id = reject.file_id AND apart.field IS NOT DISTINCT FROM reject.field AND apart.kind = {KIND}
    ))
)
"""
"""SQL condition: a row `counted` of `ingest.reject_kinds` counts the row `reject` of the same file."""
