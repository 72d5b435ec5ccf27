"""How whoever looks on learns that a file moved: a notification that goes out with the commit of what moved it.

It is part of the statement that changes the account, so it costs no round trip, and nobody hears of what was rolled
back. The API listens (`GET /api/events`); without a listener it is forgotten.
"""

CHANNEL = "ingest"

NOTIFY = (
    f" RETURNING pg_notify('{CHANNEL}', json_build_object('file_id', file_id, 'path', left(path, 1500), "
    "'version', version, 'dataset', dataset, 'state', state, 'records_read', records_read, "
    "'bytes_read', bytes_read, 'bytes', size_bytes)::text)"
)
"""Ends a statement that changes rows of `ingest.files`. PostgreSQL takes texts of less than 8,000 bytes, and paths may
be longer: whoever needs the whole path has the file_id."""
