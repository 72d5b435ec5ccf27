"""When a loaded file has a warning: told when it is read, so that a replay of its rejects clears the warning.

No state of its own: `loaded` files whose rejects are more than `LOGISTICS_WARN_REJECTS` allows, or for which the load
has noted a problem.
"""

from logistics_core.database_contract.file_states import FileState

HAS_MANY_REJECTS = """
(
    file.records_rejected > 0 AND CASE
        WHEN %(warn_records)s::bigint IS NULL
            THEN 100 * file.records_rejected > %(warn_per_cent)s::numeric * file.records_read
        ELSE file.records_rejected > %(warn_records)s::bigint
    END
)
"""
"""SQL condition about a row `file` of `ingest.files`, with `RejectThreshold.parameters`."""

HAS_WARNING = f"(file.state = '{FileState.LOADED}' AND (file.warning IS NOT NULL OR {HAS_MANY_REJECTS}))"
"""The same, also true of files with a noted problem."""

REJECTED_SHARE = "coalesce(round(file.records_rejected / nullif(file.records_read, 0)::numeric, 4), 0)"
"""SQL expression: the rejected share of the records read from a row `file`, from 0 to 1."""
