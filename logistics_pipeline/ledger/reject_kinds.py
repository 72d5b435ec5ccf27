"""Counts the rejects of a file by kind, in the transactions that write, resolve or judge them.

Every function is called after its transaction has updated, and so locked, the file's row: no two count at once.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from psycopg.rows import class_row

from logistics_core.database_contract.reject_kinds import IS_OF_KIND, OTHER_REASONS
from logistics_pipeline.database.connections import Connection

MAX_KINDS = 1_000
"""Kinds counted apart per file; rejects of all others are counted together."""

EXAMPLE_CHARACTERS = 200
EXAMPLE_BYTES = 4 * EXAMPLE_CHARACTERS
"""As many bytes of a record are enough for the characters of an example."""


class Kind(NamedTuple):
    """What rejects are counted by."""

    field: str | None
    kind: str


@dataclass(frozen=True)
class RejectReason:
    """Unresolved rejects of one file with the same field and kind of reason."""

    field: str | None
    reason: str
    count: int
    first_record: int
    example: str


class CountedReject(NamedTuple):
    """What is counted of a reject, or of several of one kind: then the first of them."""

    kind: Kind
    record_no: int
    raw: bytes
    """At least the first `EXAMPLE_BYTES` of it."""
    number: int = 1


def reject_summary(connection: Connection, file_id: int, limit: int = 20) -> list[RejectReason]:
    """Why records of a file were rejected, most common reason first, regardless of the value found."""
    with connection.cursor(row_factory=class_row(RejectReason)) as cursor:
        return cursor.execute(
            "SELECT field, kind AS reason, count, first_record, coalesce(example, '') AS example "
            "FROM ingest.reject_kinds WHERE file_id = %s AND count > 0 ORDER BY count DESC, first_record LIMIT %s",
            (file_id, limit),
        ).fetchall()


def count_rejects(connection: Connection, file_id: int, rejects: Iterable[CountedReject]) -> None:
    """Adds rejects that this transaction has written or judged again."""
    counts, firsts = Counter[Kind](), dict[Kind, CountedReject]()
    for reject in rejects:
        counts[reject.kind] += reject.number
        first = firsts.setdefault(reject.kind, reject)
        if reject.record_no < first.record_no:
            firsts[reject.kind] = reject
    if counts:
        _add(connection, file_id, counts, firsts)


def _add(connection: Connection, file_id: int, counts: Counter[Kind], firsts: dict[Kind, CountedReject]) -> None:
    apart = _kinds_counted_apart(connection, file_id)
    for kind in sorted(counts.keys() - apart, key=lambda kind: firsts[kind].record_no)[
        max(MAX_KINDS - len(apart), 0) :
    ]:
        _move_to_others(kind, counts, firsts)
    firsts_in_order = [firsts[kind] for kind in counts]
    connection.execute(
        "INSERT INTO ingest.reject_kinds (file_id, field, kind, count, first_record, example) "
        "SELECT %s, * FROM unnest(%s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::text[]) "
        "ON CONFLICT (file_id, field, kind) DO UPDATE SET count = reject_kinds.count + excluded.count, "
        "(first_record, example) = (SELECT first_record, example "
        "FROM (VALUES (excluded.first_record, excluded.example), (reject_kinds.first_record, reject_kinds.example)) "
        "AS either (first_record, example) WHERE reject_kinds.count > 0 OR first_record = excluded.first_record "
        "ORDER BY first_record LIMIT 1)",
        (
            file_id,
            [kind.field for kind in counts],
            [kind.kind for kind in counts],
            list(counts.values()),
            [first.record_no for first in firsts_in_order],
            [_example(first.raw) for first in firsts_in_order],
        ),
    )


_OTHERS = Kind(None, OTHER_REASONS)


def _move_to_others(kind: Kind, counts: Counter[Kind], firsts: dict[Kind, CountedReject]) -> None:
    counts[_OTHERS] += counts.pop(kind)
    first = firsts.pop(kind)
    firsts[_OTHERS] = min(firsts.get(_OTHERS, first), first, key=lambda each: each.record_no)


def _kinds_counted_apart(connection: Connection, file_id: int) -> set[Kind]:
    found = connection.execute("SELECT field, kind FROM ingest.reject_kinds WHERE file_id = %s", (file_id,)).fetchall()
    return {Kind(*row) for row in found} - {_OTHERS}


def _example(raw: bytes) -> str:
    """The beginning of a record as text that PostgreSQL can store."""
    text = raw[:EXAMPLE_BYTES].decode("utf-8", "backslashreplace")
    return text[:EXAMPLE_CHARACTERS].replace("\0", "\\0")


def uncount_rejects(connection: Connection, file_id: int, rejects: Sequence[tuple[Kind, int]]) -> None:
    """Subtracts rejects that this transaction has resolved or judged again: the kind and record number of each.

    A kind that is down to 0 stays, so that further rejects of it are counted in the same place.
    """
    if not rejects:
        return
    apart = _kinds_counted_apart(connection, file_id)
    counts = Counter(kind if kind in apart else _OTHERS for kind, _ in rejects)
    connection.execute(
        "UPDATE ingest.reject_kinds AS counted SET count = counted.count - gone.count "
        "FROM unnest(%s::text[], %s::text[], %s::bigint[]) AS gone (field, kind, count) "
        "WHERE file_id = %s AND counted.field IS NOT DISTINCT FROM gone.field AND counted.kind = gone.kind",
        ([kind.field for kind in counts], [kind.kind for kind in counts], list(counts.values()), file_id),
    )
    _find_first_again(connection, file_id, [number for _, number in rejects])


def _find_first_again(connection: Connection, file_id: int, gone: list[int]) -> None:
    """Finds the first records of the kinds whose first one is gone."""
    found = connection.execute(
        "SELECT counted.field, counted.kind, next_one.* FROM ingest.reject_kinds AS counted, LATERAL ("
        f"SELECT record_no, substring(raw FOR {EXAMPLE_BYTES}) FROM ingest.rejects AS reject "
        "WHERE reject.file_id = counted.file_id AND record_no > counted.first_record AND resolved_at IS NULL "
        f"AND {IS_OF_KIND} ORDER BY record_no LIMIT 1) AS next_one "
        "WHERE counted.file_id = %s AND counted.count > 0 AND counted.first_record = ANY(%s)",
        (file_id, gone),
    ).fetchall()
    for field, kind, number, raw in found:
        connection.execute(
            "UPDATE ingest.reject_kinds SET first_record = %s, example = %s "
            "WHERE file_id = %s AND field IS NOT DISTINCT FROM %s AND kind = %s",
            (number, _example(raw), file_id, field, kind),
        )
