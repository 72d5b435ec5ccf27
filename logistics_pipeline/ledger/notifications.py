"""How the API learns of a file's progress: a notification that goes out with the commit of the change.

It is part of the statement that changes the file's status, so it costs no round trip, and what is rolled back is never
reported. The API listens (`GET /api/events`); without a listener PostgreSQL drops it.
"""

from logistics_core.database_contract.channels import FILE_EVENT_PATH_CHARACTERS, Channel, FileEvent

_VALUES = {
    **{name: name for name in FileEvent.__annotations__},
    "path": f"left(path, {FILE_EVENT_PATH_CHARACTERS})",
    "bytes": "size_bytes",
}
_PAYLOAD = ", ".join(f"'{name}', {value}" for name, value in _VALUES.items())

NOTIFY = f" RETURNING pg_notify('{Channel.FILES}', json_build_object({_PAYLOAD})::text)"
"""Ends a statement that changes rows of `ingest.files`."""
