"""A batch into its table, in one transaction with its rejects, its stale days and the file's checkpoint.

COPY goes straight into the keyed table, as fast as PostgreSQL takes rows. Only a batch that meets a key that is already
there takes the merge path: staged, the rows it overwrites locked and counted, merged, the older files' accounts moved.
Rows that PostgreSQL itself refuses are found by halving the batch and become rejects with its message.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import psycopg
from psycopg import errors, sql

from logistics_pipeline import ledger
from logistics_pipeline.database import Connection
from logistics_pipeline.datasets import Dataset, Touches
from logistics_pipeline.errors import TransientError
from logistics_pipeline.loading.batching import Batch, Place, Reject
from logistics_pipeline.loading.encoding import encode_rows
from logistics_pipeline.loading.reading import Checkpoint
from logistics_pipeline.loading.records import Rejection, Row
from logistics_pipeline.sql_files import read_sql

_REFUSED = (psycopg.DataError, psycopg.IntegrityError, errors.RaiseException)
"""Errors that PostgreSQL raises for what is in a row."""


@dataclass
class _Written:
    """What became of a batch's rows."""

    loaded: int = 0
    superseded: int = 0
    merged: bool = False
    overwritten: Counter[int] = field(default_factory=Counter)
    """Rows that were there before and lost their key to one of these, by the file they came from."""

    def __add__(self, other: "_Written") -> "_Written":
        return _Written(
            self.loaded + other.loaded,
            self.superseded + other.superseded,
            self.merged or other.merged,
            self.overwritten + other.overwritten,
        )

    @property
    def met_known_keys(self) -> bool:
        return self.superseded > 0 or bool(self.overwritten)


_WriteRows = Callable[[list[Row], list[Place], list[Reject]], _Written]
"""Writes rows with their places, adds to the rejects those that cannot be written."""


class BatchWriter:
    """Writes the batches of one file through one connection."""

    def __init__(self, connection: Connection, dataset: Dataset, file_id: int) -> None:
        self._connection = connection
        self._dataset = dataset
        self._file_id = file_id
        self._table = sql.Identifier("raw", dataset.name)
        self._stage = sql.Identifier(f"stage_{dataset.name}")
        self._columns = sql.SQL(", ").join(map(sql.Identifier, (*dataset.columns, "file_id", "record_no")))
        self._expect_known_keys = False
        """The last batch met known keys: the next one probably does too, so COPY is not tried first."""

    def write(self, batch: Batch, before: Checkpoint, seconds: float) -> None:
        """Commits a batch that follows the checkpoint `before`; `seconds` is the time spent on it so far.

        Raises:
            TransientError: another loader moved this file's checkpoint, or overtook this one on a key.
            psycopg.OperationalError: the database went away; nothing of the batch is written.
        """
        if not self._expect_known_keys:
            try:
                return self._commit(batch, before, seconds, self._copy_rows)
            except errors.UniqueViolation:
                self._expect_known_keys = True
            except _REFUSED:
                pass
        try:
            self._commit(batch, before, seconds, self._merge_rows)
        except _REFUSED:
            self._commit(batch, before, seconds, self._isolate_rows)

    def _commit(self, batch: Batch, before: Checkpoint, seconds: float, write_rows: _WriteRows) -> None:
        rejects = list(batch.rejects)
        self._stale_days: set[date] = set()
        self._stale_logs: set[str] = set()
        with self._connection.transaction():
            written = write_rows(batch.rows, batch.places, rejects)
            self._write_rejects(rejects)
            self._note_batch(batch, written)
            own = written.overwritten.pop(self._file_id, 0)
            for file_id, count in sorted(written.overwritten.items()):  # in one order, so that loads do not deadlock
                ledger.supersede(self._connection, file_id, count)
            moved = ledger.advance(
                self._connection,
                self._file_id,
                ledger.Progress(
                    records_before=before.records,
                    records_read=batch.records,
                    records_loaded=written.loaded - own,
                    records_superseded=written.superseded + own,
                    records_rejected=len(rejects),
                    bytes_read=batch.checkpoint.offset,
                    unknown_fields=sorted(batch.unknown_fields),
                    seconds=seconds,
                ),
            )
            if not moved:
                raise TransientError("Another loader has moved on with this file; looking again where it stands")
        if written.merged:
            self._expect_known_keys = written.met_known_keys

    # -- three ways to write rows: copy, merge, isolate ------------------------------------------------------------

    def _copy_rows(self, rows: list[Row], places: list[Place], rejects: list[Reject]) -> _Written:
        self._copy(self._table, rows, [place.record_no for place in places])
        self._note_own_days(rows)
        return _Written(loaded=len(rows))

    def _merge_rows(self, rows: list[Row], places: list[Place], rejects: list[Reject]) -> _Written:
        # In one file the last record wins: only it is staged.
        last = {row[self._dataset.key_index]: index for index, row in enumerate(rows)}
        kept = sorted(last.values())
        self._connection.execute(self._sql("stage"))
        self._connection.execute(sql.SQL("TRUNCATE {}").format(self._stage))
        self._copy(self._stage, [rows[i] for i in kept], [places[i].record_no for i in kept])
        self._note_own_days([rows[i] for i in kept])
        written, overwritten = self._merge_stage()
        return _Written(written, len(rows) - written, merged=True, overwritten=overwritten)

    def _merge_stage(self) -> tuple[int, Counter[int]]:
        """Merges what is staged; returns how many rows it wrote, and how many it overwrote of which file."""
        overwritten: Counter[int] = Counter(dict(self._connection.execute(self._sql("overwritten")).fetchall()))
        if overwritten:
            self._note_overwritten()
        row = self._connection.execute(self._sql("merge")).fetchone()
        assert row is not None
        inserted, overwrote = row
        if overwrote != overwritten.total():
            # A row came in by another loader after the count: the older file's account would not be moved.
            raise TransientError("Another loader wrote one of these keys at the same moment; merging again")
        return inserted + overwrote, overwritten

    def _isolate_rows(self, rows: list[Row], places: list[Place], rejects: list[Reject]) -> _Written:
        """Merges the rows that PostgreSQL accepts and makes rejects of the others, halving until they stand alone."""
        try:
            with self._connection.transaction():  # a savepoint
                return self._merge_rows(rows, places, rejects)
        except _REFUSED as error:
            if len(rows) == 1:
                reason = f"PostgreSQL refused it: {str(error).splitlines()[0]}"
                rejects.append(Reject(places[0], Rejection(None, reason)))
                return _Written(merged=True)
        half = len(rows) // 2
        return self._isolate_rows(rows[:half], places[:half], rejects) + self._isolate_rows(
            rows[half:], places[half:], rejects
        )

    # -- the pieces ------------------------------------------------------------------------------------------------

    def _copy(self, table: sql.Identifier, rows: list[Row], record_numbers: list[int]) -> None:
        if not rows:
            return
        statement = sql.SQL("COPY {} ({}) FROM STDIN").format(table, self._columns)
        with self._connection.cursor() as cursor, cursor.copy(statement) as copy:
            for block in encode_rows(rows, record_numbers, self._file_id):
                copy.write(block)

    def _write_rejects(self, rejects: list[Reject]) -> None:
        if not rejects:
            return
        statement = (
            "COPY ingest.rejects (file_id, record_no, byte_offset, field, reason, raw) FROM STDIN (FORMAT BINARY)"
        )
        with self._connection.cursor() as cursor, cursor.copy(statement) as copy:
            copy.set_types(["int4", "int8", "int8", "text", "text", "bytea"])
            for reject in rejects:
                number, offset, raw = reject.place
                copy.write_row((self._file_id, number, offset, reject.rejection.field, reject.rejection.reason, raw))

    def _note_batch(self, batch: Batch, written: _Written) -> None:
        if batch.records:
            self._connection.execute(
                "INSERT INTO ingest.batches (file_id, last_record, records, stale_days, stale_logs, merged) "
                "VALUES (%s, %s, %s, %s, %s, %s)",
                (
                    self._file_id,
                    batch.checkpoint.records,
                    batch.records,
                    sorted(self._stale_days),
                    sorted(self._stale_logs),
                    written.merged,
                ),
            )

    def _note_own_days(self, rows: list[Row]) -> None:
        if self._dataset.touches is Touches.OWN_DATE:
            index = self._dataset.columns.index("trip_date")
            self._stale_days.update(date.fromisoformat(str(row[index])) for row in rows)

    def _note_overwritten(self) -> None:
        """Notes the days that lose a log, or the logs that lose a shipment: those are dated by the refresh."""
        match self._dataset.touches:
            case Touches.OWN_DATE:
                self._stale_days.update(self._column("days_of_overwritten_logs"))
            case Touches.DATE_OF_LOG:
                self._stale_logs.update(self._column("logs_of_overwritten_shipments"))

    def _column(self, name: str) -> list[Any]:
        return [value for (value,) in self._connection.execute(self._sql(name)).fetchall()]

    def _sql(self, name: str) -> sql.Composed:
        """A statement of `sql/loading` for this dataset."""
        others = [column for column in (*self._dataset.columns, "file_id", "record_no") if column != self._dataset.key]
        return sql.SQL(read_sql(f"loading/{name}")).format(
            table=self._table,
            stage=self._stage,
            key=sql.Identifier(self._dataset.key),
            assignments=sql.SQL(", ").join(
                sql.SQL("{0} = excluded.{0}").format(sql.Identifier(column)) for column in others
            ),
        )
