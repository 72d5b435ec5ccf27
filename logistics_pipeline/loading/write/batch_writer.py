"""Chunks into the table, some of them as one transaction with their rejects, stale days and the file's checkpoint.

COPY goes straight into the keyed table while the chunks arrive, as fast as PostgreSQL takes rows. Only a batch that
meets a key that is already there is written once more, by merging. Rows that PostgreSQL itself refuses are found by
halving the batch and become rejects with its message.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import psycopg
from psycopg import errors, sql

from logistics_core.catalogue import Dataset
from logistics_pipeline import ledger
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.errors import FileError, TransientError
from logistics_pipeline.loading.contract.record_validator import Rejection
from logistics_pipeline.loading.excerpts import shown
from logistics_pipeline.loading.formats.reader import Checkpoint
from logistics_pipeline.loading.layouts import Place
from logistics_pipeline.loading.options import BatchLimits
from logistics_pipeline.loading.parse.chunks import Chunk, Reject
from logistics_pipeline.loading.write.merger import Merged, Merger

_REFUSED = (psycopg.DataError, psycopg.IntegrityError, errors.RaiseException)
"""Errors that PostgreSQL raises for what is in a row."""


class Batch:
    """The chunks of one transaction. They are drawn while they are first written, and kept to be written again."""

    def __init__(self, first: Chunk, rest: Iterator[Chunk], before: Checkpoint, limits: BatchLimits) -> None:
        self._chunks = [first]
        self._rest = rest
        self._limits = limits
        self.before = before

    def chunks(self) -> Iterator[Chunk]:
        """Yields the chunks drawn before, then those still to come until the batch is full."""
        yield from self._chunks
        while not self._is_full and (chunk := next(self._rest, None)) is not None:
            self._chunks.append(chunk)
            yield chunk

    @property
    def checkpoint(self) -> Checkpoint:
        """The place behind its last record."""
        return self._chunks[-1].checkpoint

    @property
    def error(self) -> FileError | None:
        """What ended the file behind this batch, if it did not end well: the batch itself is good."""
        return self._chunks[-1].error

    @property
    def records(self) -> int:
        return self.checkpoint.records - self.before.records

    @property
    def rejected(self) -> int:
        return sum(len(chunk.rejects) for chunk in self._chunks)

    @property
    def _is_full(self) -> bool:
        return (
            self.error is not None
            or self.records >= self._limits.records
            or self.checkpoint.offset - self.before.offset >= self._limits.bytes
        )


@dataclass
class _Written:
    """What became of a batch's rows."""

    merged: Merged
    refused: list[Reject]
    """Those that PostgreSQL does not take."""
    was_merged: bool = True

    def __add__(self, other: "_Written") -> "_Written":
        return _Written(self.merged + other.merged, self.refused + other.refused)


FindPlace = Callable[[int, Checkpoint], Place]
"""Finds a record of the file by its number, reading from a checkpoint before it."""


class BatchWriter:
    """Writes the batches of one file through one connection."""

    def __init__(
        self,
        connection: Connection,
        dataset: Dataset,
        file_id: int,
        find_place: FindPlace,
        layout: dict[str, Any] | None,
    ) -> None:
        self._connection = connection
        self._dataset = dataset
        self._file_id = file_id
        self._find_place = find_place
        self._layout = layout
        self._merger = Merger(connection, dataset)
        self._copy = sql.SQL("COPY {} ({}) FROM STDIN").format(
            sql.Identifier("raw", dataset.name),
            sql.SQL(", ").join(map(sql.Identifier, (*dataset.columns, "record_no", "file_id"))),
        )
        self._expects_known_keys = False
        """The last batch met known keys: the next one probably does too, so COPY is not tried first."""

    def write(self, batch: Batch, seconds: Callable[[], float]) -> None:
        """Commits a batch; `seconds` tells the time spent since it told last.

        Raises:
            TransientError: another loader moved this file's checkpoint, or overtook this one on a key.
            psycopg.OperationalError: the database went away; nothing of the batch is written.
        """
        if not self._expects_known_keys:
            try:
                return self._commit(batch, seconds, self._copy_rows)
            except errors.UniqueViolation:
                self._expects_known_keys = True
            except _REFUSED:
                pass
        try:
            self._commit(batch, seconds, self._merge_rows)
        except _REFUSED:
            self._commit(batch, seconds, self._isolate_rows)

    def _commit(self, batch: Batch, seconds: Callable[[], float], write_rows: Callable[[Batch], _Written]) -> None:
        with self._connection.transaction():
            written = write_rows(batch)
            if not batch.records:
                return
            self._write_rejects(batch, written.refused)
            self._note_batch(batch, written)
            self._move_accounts(batch, written, seconds())
        if written.was_merged:
            self._expects_known_keys = bool(written.merged.superseded or written.merged.overwritten)

    # -- three ways to write rows: copy, merge, isolate ------------------------------------------------------------

    def _copy_rows(self, batch: Batch) -> _Written:
        merged = Merged()
        with self._connection.cursor() as cursor, cursor.copy(self._copy) as copy:
            for chunk in batch.chunks():
                copy.write(chunk.text)
                merged.written[self._file_id] += chunk.rows
        return _Written(merged, [], was_merged=False)

    def _merge_rows(self, batch: Batch) -> _Written:
        return _Written(self._merger.merge(b"".join([chunk.text for chunk in batch.chunks()])), [])

    def _isolate_rows(self, batch: Batch) -> _Written:
        lines = [line for chunk in batch.chunks() for line in chunk.text.splitlines(keepends=True)]
        return self._isolate(lines, batch.before)

    def _isolate(self, lines: list[bytes], before: Checkpoint) -> _Written:
        """Merges the rows that PostgreSQL accepts and makes rejects of the others, halving until they stand alone."""
        try:
            with self._connection.transaction():  # a savepoint
                return _Written(self._merger.merge(b"".join(lines)), [])
        except _REFUSED as error:
            if len(lines) == 1:
                reason = f"PostgreSQL refused it: {shown(str(error).splitlines()[0], 500)}"
                number = int(lines[0].split(b"\t")[-2])
                return _Written(Merged(), [Reject(self._find_place(number, before), Rejection(None, reason))])
        half = len(lines) // 2
        return self._isolate(lines[:half], before) + self._isolate(lines[half:], before)

    # -- what goes with them ---------------------------------------------------------------------------------------

    def _write_rejects(self, batch: Batch, refused: list[Reject]) -> None:
        rejects = [*(reject for chunk in batch.chunks() for reject in chunk.rejects), *refused]
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
        days = set(written.merged.stale_days)
        if self._dataset.dating is not None and self._dataset.dating.is_own:
            days.update(date.fromisoformat(day) for chunk in batch.chunks() for day in chunk.days)
        self._connection.execute(
            "INSERT INTO ingest.batches (file_id, last_record, records, stale_days, stale_keys, merged) "
            "VALUES (%s, %s, %s, %s, %s, %s)",
            (
                self._file_id,
                batch.checkpoint.records,
                batch.records,
                sorted(days),
                sorted(written.merged.stale_keys),
                written.was_merged,
            ),
        )

    def _move_accounts(self, batch: Batch, written: _Written, seconds: float) -> None:
        merged, rejected = written.merged, batch.rejected + len(written.refused)
        for file_id, rows in sorted(merged.overwritten.items()):  # in one order, so that loads do not deadlock
            if file_id != self._file_id:
                ledger.supersede(self._connection, file_id, rows)
        own = merged.overwritten[self._file_id]
        moved = ledger.advance(
            self._connection,
            self._file_id,
            ledger.Progress(
                records_before=batch.before.records,
                records_read=batch.records,
                records_loaded=merged.written[self._file_id] - own,
                records_superseded=merged.superseded[self._file_id] + own,
                records_rejected=rejected,
                bytes_read=batch.checkpoint.offset,
                unknown_fields=sorted({name for chunk in batch.chunks() for name in chunk.unknown_fields}),
                seconds=seconds,
                layout=self._layout,
            ),
        )
        if not moved:
            raise TransientError("Another loader has moved on with this file; looking again where it stands")
