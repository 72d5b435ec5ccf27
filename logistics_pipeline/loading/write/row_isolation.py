"""Merges rows and isolates those that PostgreSQL refuses, by bisection. Loads and replays do this in the same way."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import psycopg
from psycopg import errors

from logistics_pipeline.database.connections import Connection
from logistics_pipeline.loading.contract.record_validator import Rejection
from logistics_pipeline.loading.excerpts import excerpt
from logistics_pipeline.loading.write.merger import Merged, Merger

REFUSED = (psycopg.DataError, psycopg.IntegrityError, errors.RaiseException)
"""Errors that PostgreSQL raises because of what is in a row."""

MAX_REASON_CHARACTERS = 500


@dataclass
class Isolated:
    """What became of rows: merged, or refused."""

    merged: Merged = field(default_factory=Merged)
    refused: dict[int, Rejection] = field(default_factory=dict)
    """Rows that PostgreSQL refuses, by their index."""


def merge_or_isolate(connection: Connection, merger: Merger, lines: Sequence[bytes]) -> Isolated:
    """Merges the rows that PostgreSQL accepts, bisecting down to those that it refuses, in the caller's transaction.

    `lines` are rows as `Merger.merge` takes them.

    Raises:
        TransientError: another loader wrote one of these keys at the same moment.
    """
    isolated = Isolated()
    _bisect(connection, merger, lines, 0, isolated)
    return isolated


def _bisect(connection: Connection, merger: Merger, lines: Sequence[bytes], first: int, isolated: Isolated) -> None:
    """Merges consecutive rows, of which the first has the index `first`."""
    if not lines:
        return
    try:
        with connection.transaction():  # a savepoint
            merged = merger.merge(b"".join(lines))
    except REFUSED as error:
        if len(lines) == 1:
            isolated.refused[first] = _rejection(error)
            return
        half = len(lines) // 2
        _bisect(connection, merger, lines[:half], first, isolated)
        _bisect(connection, merger, lines[half:], first + half, isolated)
    else:
        isolated.merged += merged


def _rejection(error: Exception) -> Rejection:
    return Rejection(None, f"PostgreSQL refused it: {excerpt(str(error).splitlines()[0], MAX_REASON_CHARACTERS)}")
