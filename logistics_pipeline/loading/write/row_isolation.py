"""Merges rows and isolates those that PostgreSQL refuses. Loads and replays do this in the same way.

What the data contract accepts, the tables accept. A row can still be refused by a constraint, a trigger or a column
type that somebody has added. PostgreSQL itself merges the rows range by range, and divides a range with a refused row
until that row is alone: some hundred microseconds for each refused row, without a round trip.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import psycopg
from psycopg import errors, sql

from logistics_core.catalogue.model import EXTRAS, NESTED_TYPES
from logistics_core.sql_files import read_sql
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.loading.contract.copy_text import unescape
from logistics_pipeline.loading.contract.record_validator import Rejection
from logistics_pipeline.loading.excerpts import excerpt
from logistics_pipeline.loading.write.merger import Merged, Merger

REFUSED = (psycopg.DataError, psycopg.IntegrityError, errors.RaiseException, errors.ProgramLimitExceeded)
"""Errors that PostgreSQL raises because of what is in a row; the last one for a key longer than an index can
hold, or a row longer than a page."""

MAX_REASON_CHARACTERS = 500

_TOO_WIDE = re.compile(r"row is too big: size ([0-9]+), maximum size ([0-9]+)")

RANGE_ROWS = 128
"""Rows that are merged together at first. A range with a refused row costs its merge once more for each division."""


@dataclass
class Isolated:
    """What became of rows: merged, or refused."""

    merged: Merged = field(default_factory=Merged)
    refused: dict[int, Rejection] = field(default_factory=dict)
    """Rows that PostgreSQL refuses, by their index."""


def merge_or_isolate(connection: Connection, merger: Merger, lines: Sequence[bytes]) -> Isolated:
    """Merges the rows that PostgreSQL accepts, in the caller's transaction.

    `lines` are rows as `Merger.merge` takes them.

    Raises:
        TransientError: another loader wrote one of these keys at the same moment.
    """
    try:
        with connection.transaction():  # a savepoint
            return Isolated(merger.merge(b"".join(lines)))
    except REFUSED:
        return isolate(connection, merger, lines)


def isolate(connection: Connection, merger: Merger, lines: Sequence[bytes]) -> Isolated:
    """Does the same for rows of which PostgreSQL is known to refuse one."""
    merger.prepare()
    names = _names(merger)
    connection.execute(sql.SQL(read_sql("loading/isolate")).format(**names))
    connection.execute("SELECT set_config('plan_cache_mode', 'force_generic_plan', true)")
    copy_documents = sql.SQL("COPY {documents} FROM STDIN").format(**names)
    with connection.cursor() as cursor, cursor.copy(copy_documents) as copy:
        for row in enumerate(_documents(merger, lines)):
            copy.write_row(row)
    merger.look_up(sql.SQL("({}) AS staged").format(_keys(merger, names)))
    merge_ranges = sql.SQL(
        "SELECT {merge_or_note}(first, least(first + %(size)s, %(rows)s) - 1) "
        "FROM generate_series(0, %(rows)s - 1, %(size)s) AS first"
    ).format(**names)
    with merger.translated_errors():
        connection.execute(merge_ranges, {"rows": len(lines), "size": RANGE_ROWS})
    refused = _refused(connection, merger, names)
    results = sql.SQL("SELECT file_id, overwritten_file_id, rows, touched, filled FROM {results} WHERE refused IS NULL")
    rows = connection.execute(results.format(**names)).fetchall()
    accepted = [line for index, line in enumerate(lines) if index not in refused]
    merged = merger.merged(rows, accepted)
    merger.write_back()
    return Isolated(merged, refused)


def _names(merger: Merger) -> dict[str, sql.Composable]:
    """What the statements call their objects; they are of this session, and emptied by every commit."""
    dataset, function = merger.dataset, f"merge_or_note_{merger.dataset.name}"
    names: dict[str, sql.Composable] = {
        "table": merger.table,
        "key_constraint": sql.Literal(f"{dataset.name}_pkey"),
        "columns": sql.SQL(", ").join(sql.Identifier("given", column) for column in merger.columns),
        "documents": sql.Identifier("pg_temp", f"documents_{dataset.name}"),
        "results": sql.Identifier("pg_temp", f"results_{dataset.name}"),
        "merge_or_note": sql.Identifier("pg_temp", function),
        "first_row": sql.Identifier(function, "first_row"),
        "last_row": sql.Identifier(function, "last_row"),
        "touched_type": sql.SQL("date" if dataset.dating is not None and dataset.dating.is_own else "text"),
    }
    rows = sql.SQL("({}) AS given").format(sql.SQL(read_sql("loading/isolate_rows")).format(**names))
    return names | {"merge": merger.statement(rows, has_repeated=True), "keep_repeated": merger.keep_repeated(rows)}


def _keys(merger: Merger, names: dict[str, sql.Composable]) -> sql.Composed:
    """The keys of the rows as far as they are values of their columns."""
    value = (
        "CASE WHEN pg_input_is_valid(document ->> {name}, {type}) THEN (document ->> {name})::{cast} END AS {column}"
    )
    columns = (
        sql.SQL(value).format(
            name=sql.Literal(name), type=sql.Literal(type_), cast=sql.SQL(type_), column=sql.Identifier(name)
        )
        for name, type_ in merger.identity_types()
    )
    return sql.SQL("SELECT {} FROM {}").format(sql.SQL(", ").join(columns), names["documents"])


def _documents(merger: Merger, lines: Sequence[bytes]) -> Iterator[str]:
    """Rows of COPY text as JSON objects of texts; what is JSON already stays JSON."""
    nested = {field.name for field in merger.dataset.fields if field.type in NESTED_TYPES} | {EXTRAS}
    names = [(json.dumps(name), name in nested) for name in merger.columns]
    for line in lines:
        values = map(unescape, line.decode().removesuffix("\n").split("\t"))
        members = (
            f"{name}: {value if is_json and value is not None else json.dumps(value)}"
            for (name, is_json), value in zip(names, values, strict=True)
        )
        yield f"{{{', '.join(members)}}}"


def _refused(connection: Connection, merger: Merger, names: dict[str, sql.Composable]) -> dict[int, Rejection]:
    statement = sql.SQL(read_sql("loading/refused_rows")).format(**names)
    found = connection.execute(statement, {"table": merger.dataset.table}).fetchall()
    return {index: _rejection(field, type, message) for index, message, field, type in found}


def _rejection(field: str | None, type: str | None, message: str) -> Rejection:
    said = excerpt(message.partition("\n")[0], MAX_REASON_CHARACTERS)
    too_wide = _TOO_WIDE.match(said)
    if too_wide is not None:
        size, most = (int(number) for number in too_wide.groups())
        return Rejection(
            None,
            f"The values of the record need {size:,} bytes, and a row of PostgreSQL has at most {most:,}. Divide the "
            "columns among several files of different datasets, which share the key.",
        )
    if field is not None and type is not None:
        return Rejection(field, f"{field} cannot be stored in its column, which is of type {type}: {said}")
    return Rejection(field, f"PostgreSQL refused it: {said}")
