"""Who is loading a file at this moment: whoever holds its lock.

Its account alone does not tell: it says "loading" for as long as nobody corrects it when the loader was killed.
"""


def lock_name(path: str) -> str:
    """The advisory lock that a loader holds on a file; PostgreSQL frees it when the loader's connection ends."""
    return f"logistics load {path}"


# pg_locks shows such a key in two halves, with objsubid 1.
IS_HELD = """
EXISTS (
    SELECT FROM pg_locks, hashtextextended('logistics load ' || files.path, 0) AS key
    WHERE locktype = 'advisory'
        AND granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND classid = ((key >> 32) & 4294967295)::oid
        AND objid = (key & 4294967295)::oid
        AND objsubid = 1
)
"""
"""Whether a loader holds the lock of a row of ingest.files."""
