"""The keys that are known before a file is read: a source says by what it tells its records apart."""

import re

from logistics_core.sql_files import read_sql
from logistics_pipeline.database.connections import Connection

_PULLED = re.compile(r"(?P<dataset>[^/]+)/(?P<source>[^/]+)/(?P<resource>[^/]+)/[0-9]{10,}\.ndjson\.zst")
"""The file of a pull, by its path in the raw folder."""


def declared_key(connection: Connection, path: str) -> tuple[str, ...]:
    """The fields of a file that are its key, as the source declares that has landed it; none if that is not known."""
    pulled = _PULLED.fullmatch(path)
    if pulled is None:
        return ()
    rows = connection.execute(read_sql("describing/key_of_pulled_file").encode(), pulled.groupdict()).fetchall()
    fields = [field for (field,) in rows]
    return () if None in fields else tuple(fields)
