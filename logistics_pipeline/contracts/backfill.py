"""Moves the values of a column that a contract has accepted from `extras` to the column of its field, without a reload.

The validators of a load judge each value, by what its file proves about how numbers and dates are written. What does
not fit stays in `extras` and is counted. Works in batches, each its own transaction: what an interruption leaves is
moved by the next call, as are values that a load by the contract before has written in the meantime.

Memory: one batch, and per file what its values prove.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from psycopg import sql

from logistics_core.catalogue import Dataset, Field
from logistics_core.catalogue.model import SOURCE_COLUMNS
from logistics_core.sql_files import read_sql
from logistics_pipeline import ledger
from logistics_pipeline.analytics.rollups import remake_after_change
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.database.distribution import changing_rows, is_distributed
from logistics_pipeline.loading.contract.dates import DateOrder
from logistics_pipeline.loading.contract.file_evidence import FileEvidence
from logistics_pipeline.loading.contract.record_validator import Rejection, value_validator
from logistics_pipeline.loading.formats.column_names import spelling_key
from logistics_pipeline.loading.formats.json_decoding import decode
from logistics_pipeline.migrations.history_tables import has_history_table
from logistics_pipeline.migrations.raw_tables import column_type

BATCH_ROWS = 10_000
_MOST_REASONS = 10


@dataclass
class Backfill:
    """What moving the values of one field has done."""

    field: str
    moved: int = 0
    left: int = 0
    """Values that do not fit the field and stay in `extras`."""
    reasons: tuple[str, ...] = ()
    """Why, for the first of them."""

    @property
    def sentence(self) -> str:
        """The outcome, for people."""
        moved = f"{self.moved:,} {'value' if self.moved == 1 else 'values'} of {self.field} moved from extras."
        if not self.left:
            return moved
        stay = "1 value does not fit and stays" if self.left == 1 else f"{self.left:,} values do not fit and stay"
        return f"{moved} {stay} there: {'; '.join(self.reasons)}."


def backfill_from_extras(
    connection: Connection,
    dataset: Dataset,
    field: str,
    *,
    date_order: DateOrder | None = None,
    batch_rows: int = BATCH_ROWS,
) -> Backfill:
    """Moves the values of a field that is new in the contract, or has a new alias. Its column exists already.

    A row that has a value keeps it.

    Raises:
        KeyError: the dataset has no such field.
    """
    backfill = Backfill(field)
    if not dataset.has_extras:
        return backfill
    arguments = connection, dataset, dataset.field(field), date_order, batch_rows
    movers = [_Mover(*arguments)]
    if has_history_table(connection, dataset.name):
        movers.append(_Mover(*arguments, superseded=True))
    for mover in movers:
        for name in mover.names():
            mover.move(name, backfill)
    return backfill


_Validate = Callable[[object], str | Rejection | None]


class _Mover:
    """Moves the values of one field."""

    def __init__(
        self,
        connection: Connection,
        dataset: Dataset,
        field: Field,
        date_order: DateOrder | None,
        batch_rows: int,
        *,
        superseded: bool = False,
    ) -> None:
        """`superseded`: moves those of records that others have superseded, instead of those of the raw table."""
        self._connection = connection
        self._dataset = dataset
        self._field = field
        self._date_order = date_order
        self._batch_rows = batch_rows
        self._is_of_superseded = superseded
        self._are_distributed = not superseded and is_distributed(connection, dataset)
        identity = (*dataset.identity, *SOURCE_COLUMNS) if superseded else dataset.identity
        self._parts: dict[str, sql.Composable] = {
            "table": sql.Identifier("history" if superseded else "raw", dataset.name),
            "field": sql.Identifier(field.name),
            "type": column_type(field, dataset),
            "identity": sql.SQL(", ").join(map(sql.Identifier, identity)),
        }
        # No statement locks rows on several nodes; a row that a load has replaced is not where it was found.
        self._lock = sql.SQL("" if self._are_distributed else "FOR UPDATE")

    def names(self) -> list[str]:
        """The names in `extras` that are the field: its own, its aliases, and other spellings of them."""
        wanted = [self._field.name, *self._field.aliases]
        spellings = set(map(spelling_key, wanted))
        found = [
            name for (name,) in self._connection.execute(self._statement("names")) if spelling_key(name) in spellings
        ]
        return sorted(found, key=lambda name: (wanted.index(name) if name in wanted else len(wanted), name))

    def move(self, name: str, backfill: Backfill) -> None:
        """Moves the values that are kept under one name."""
        validators = self._validators(name)
        last: Sequence[Any] | None = None
        while True:
            with changing_rows(self._connection, are_distributed=self._are_distributed):
                rows = self._connection.execute(
                    self._statement("batch", is_after=self._is_after(last)) + self._lock,
                    {"name": name, "rows": self._batch_rows, **self._after(last)},
                ).fetchall()
                self._move_batch(name, rows, validators, backfill)
            if len(rows) < self._batch_rows:
                return
            last = rows[-1][4:]

    def _move_batch(
        self, name: str, rows: Sequence[Sequence[Any]], validators: dict[int, _Validate], backfill: Backfill
    ) -> None:
        places, values, filled = list[tuple[str, int, int]](), list[str | None](), Counter[int]()
        for place, file_id, number, text, *_ in rows:
            # A load may have added a file since; its values are judged by themselves.
            validate = validators.get(file_id) or value_validator(self._field, self._date_order)
            outcome = validate(decode(text.encode()))
            if isinstance(outcome, Rejection):
                backfill.left += 1
                if len(backfill.reasons) < _MOST_REASONS:
                    backfill.reasons = tuple(dict.fromkeys((*backfill.reasons, outcome.reason)))
            else:
                places.append((place, file_id, number))
                values.append(outcome)
                filled[file_id] += outcome is not None
        if places:
            at, files, numbers = map(list, zip(*places, strict=True))
            self._connection.execute(
                self._statement("move"),
                {"name": name, "places": at, "files": files, "numbers": numbers, "values": values},
            )
            if not self._is_of_superseded:
                self._count(filled)
                remake_after_change(self._connection, self._dataset)
        backfill.moved += len(places)

    def _count(self, filled: Counter[int]) -> None:
        """Counts the cells that have a value now; files are locked after rows, as by a load."""
        self._connection.execute(
            "SELECT FROM ingest.files WHERE file_id = ANY(%s) ORDER BY file_id FOR UPDATE", (sorted(filled),)
        )
        for file_id, cells in sorted(filled.items()):
            ledger.count_cells(self._connection, file_id, (self._field.name,), {file_id: (cells,)}, {})

    def _validators(self, name: str) -> dict[int, _Validate]:
        """For each file, what judges its values by what all of them prove."""
        dataset = replace(self._dataset, fields=(self._field,))
        evidence: dict[int, FileEvidence] = {}
        for file_id, number, text in self._values(name):
            found = evidence.get(file_id)
            if found is None:
                found = evidence[file_id] = FileEvidence(dataset, self._date_order)
            found.add([[decode(text.encode())]], number)
        return {
            file_id: value_validator(self._field, self._date_order, each.formats())
            for file_id, each in evidence.items()
        }

    def _values(self, name: str) -> Iterator[tuple[int, int, str]]:
        with self._connection.transaction(), self._connection.cursor("backfill") as cursor:
            cursor.itersize = self._batch_rows
            yield from cursor.execute(self._all_values(), {"name": name})

    def _all_values(self) -> sql.Composed:
        """Those of all records of a file, superseded or not: together they prove how it writes them."""
        schemas = ["raw", "history"] if has_history_table(self._connection, self._dataset.name) else ["raw"]
        text = sql.SQL(read_sql("backfill/values"))
        return sql.SQL("\nUNION ALL\n").join(
            text.format(table=sql.Identifier(schema, self._dataset.name)) for schema in schemas
        )

    def _is_after(self, last: Sequence[Any] | None) -> sql.Composable:
        if last is None:
            return sql.SQL("true")
        values = sql.SQL(", ").join(sql.Placeholder(f"last_{index}") for index in range(len(last)))
        return sql.SQL("({}) > ({})").format(self._parts["identity"], values)

    def _after(self, last: Sequence[Any] | None) -> dict[str, Any]:
        return {} if last is None else {f"last_{index}": value for index, value in enumerate(last)}

    def _statement(self, name: str, **parts: sql.Composable) -> sql.Composed:
        return sql.SQL(read_sql(f"backfill/{name}")).format(**self._parts, **parts)
