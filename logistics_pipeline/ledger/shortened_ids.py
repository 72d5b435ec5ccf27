"""Counts the ids of a file that a spreadsheet has shortened to rounded numbers, and says so in a sentence."""

from collections.abc import Mapping
from typing import NamedTuple

from psycopg.types.json import Jsonb

from logistics_pipeline.database.connections import Connection
from logistics_pipeline.ledger.files import LedgerFile, file_by_id


class ShortenedId(NamedTuple):
    """Shortened values of one field."""

    values: int
    example: str


def count_shortened_ids(connection: Connection, file_id: int, found: Mapping[str, ShortenedId]) -> None:
    """Adds what a batch has found, in its transaction, after the file's row was updated and so locked."""
    if not found:
        return
    known = _shortened_ids(file_by_id(connection, file_id))
    total = {
        **known,
        **{
            name: ShortenedId(each.values + known[name].values, known[name].example) if name in known else each
            for name, each in found.items()
        },
    }
    connection.execute("UPDATE ingest.files SET shortened_ids = %s WHERE file_id = %s", (Jsonb(total), file_id))


def _shortened_ids(file: LedgerFile) -> dict[str, ShortenedId]:
    return {name: ShortenedId(*each) for name, each in file.shortened_ids.items()}


def warning_of_shortened_ids(file: LedgerFile) -> str | None:
    """A sentence for people about the shortened values of a file; None if there are none."""
    found = _shortened_ids(file)
    if not found:
        return None
    counts = " and ".join(
        f"{each.values:,} {'value' if each.values == 1 else 'values'} of {name} ({each.example})"
        for name, each in sorted(found.items())
    )
    return (
        f"{counts} look like numbers that a spreadsheet has shortened: different ids may have become equal, and "
        "records with equal ids replace each other. They are kept as delivered. Export the file again with these "
        "columns formatted as text."
    )
