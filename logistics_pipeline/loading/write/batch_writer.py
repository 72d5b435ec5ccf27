"""Writes batches of chunks, each as one transaction with its rejects, stale days and the file's checkpoint.

COPY writes straight into the keyed table while the chunks arrive, as fast as PostgreSQL takes rows. Only a batch that
contains a key already in the table is written again: by replacing rows where all are the latest of their keys, else by
merging. Rows that PostgreSQL itself refuses are isolated and become rejects with its message.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from psycopg import errors, sql

from logistics_pipeline import ledger
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.database.distribution import NodeError, changing_rows
from logistics_pipeline.errors import TransientError
from logistics_pipeline.loading.contract.file_formats import NOT_LOOKED_FOR
from logistics_pipeline.loading.layouts import layout_to_json
from logistics_pipeline.loading.parse.parsers import ReadTask, find_records
from logistics_pipeline.loading.parse.written_rejects import (
    COLUMNS,
    Reject,
    WrittenRejects,
    merge_rejects,
    write_rejects,
)
from logistics_pipeline.loading.write.batch import Batch
from logistics_pipeline.loading.write.bookkeeping import file_counts, stale_after, supersede_other_files
from logistics_pipeline.loading.write.distributed_merger import merger_of
from logistics_pipeline.loading.write.key_guard import KeyConflictError, KeyGuard
from logistics_pipeline.loading.write.merger import Merged
from logistics_pipeline.loading.write.profiling import FileProfiler
from logistics_pipeline.loading.write.replacing import Replacer, SupersededRowError
from logistics_pipeline.loading.write.row_isolation import REFUSED, isolate
from logistics_pipeline.loading.write.shortened_ids import ShortenedIds


@dataclass
class _Written:
    """What became of a batch's rows."""

    merged: Merged
    refused: list[Reject]
    """Rows that PostgreSQL does not accept."""
    was_merged: bool = True


class BatchWriter:
    """Writes the batches of one file through one connection."""

    def __init__(self, connection: Connection, task: ReadTask) -> None:
        self._connection = connection
        self._task = task
        self._dataset = task.dataset
        self._file_id = task.file_id
        self._layout = layout_to_json(task.layout)
        if task.formats != NOT_LOOKED_FOR:
            self._layout["values"] = task.formats.to_json()
        if task.widened:
            self._layout["widened"] = sorted(task.widened)
        if task.codec:
            self._layout["encoding"] = task.codec
        self._shortened_ids = ShortenedIds(task.dataset)
        self._profiler = FileProfiler(connection, task)
        self._merger = merger_of(connection, task.dataset)
        self._replacer = Replacer(connection, self._merger) if task.dataset.key else None
        """None if there is nothing to replace, or not all rows of the file are the latest of their keys."""
        self._key_guard = KeyGuard(connection, task.dataset, task.file_id)
        self._copy = sql.SQL("COPY {} ({}) FROM STDIN").format(
            sql.Identifier("raw", task.dataset.name),
            sql.SQL(", ").join(map(sql.Identifier, (*task.dataset.stored_columns, "record_no", "file_id"))),
        )
        self.held = list(task.held)
        """The numbers of the records that are held back: the file's status does not count them yet."""
        self._expects_known_keys: bool | None = None if task.dataset.key else False
        """The last batch contained known keys. The next one probably does too, so COPY is not tried first."""

    def write(self, batch: Batch, take_seconds: Callable[[], float]) -> None:
        """Commits a batch. `take_seconds` returns the time spent since it was last called.

        Raises:
            KeyConflictError: most of its rows have the key of another record, and nobody has confirmed the key.
            TransientError: another loader moved this file's checkpoint, or wrote one of the keys at the same moment.
            psycopg.OperationalError: the connection was lost; nothing of the batch is written.
        """
        try:
            self._write(batch, take_seconds)
        except KeyConflictError as error:
            self._key_guard.hold(error)
            raise

    def _write(self, batch: Batch, take_seconds: Callable[[], float]) -> None:
        try:
            if self._expects_known_keys is None:
                self._expects_known_keys = batch.is_large and self._merger.has_any_of(batch.first.text)
            if not self._expects_known_keys:
                try:
                    return self._commit(batch, take_seconds, self._copy_rows, only_adding=True)
                except (errors.UniqueViolation, NodeError):
                    self._expects_known_keys = bool(self._dataset.key)
            try:
                self._commit(batch, take_seconds, self._replace_or_merge_rows)
            except SupersededRowError:
                self._replacer = None
                self._commit(batch, take_seconds, self._merge_rows)
        except REFUSED:
            self._commit(batch, take_seconds, self._isolate_rows)

    def _commit(
        self,
        batch: Batch,
        take_seconds: Callable[[], float],
        write_rows: Callable[[Batch], _Written],
        *,
        only_adding: bool = False,
    ) -> None:
        are_distributed = self._merger.is_distributed
        with changing_rows(self._connection, are_distributed=are_distributed, only_adding=only_adding):
            written = write_rows(batch)
            held = batch.held_after(self.held)
            if not batch.records:
                self.held = held  # stored with the next batch, as the checkpoint is
                return
            self._key_guard.check(written.merged, sum(chunk.rows for chunk in batch.chunks()), batch.before.records)
            rejects = [chunk.written_rejects for chunk in batch.chunks() if chunk.written_rejects.count]
            if written.refused:
                rejects.append(write_rejects(self._file_id, written.refused))
            all_rejects = merge_rejects(rejects)
            self._write_rejects(all_rejects)
            cleared = self._write_cleared_values(batch, written.refused)
            self._note_batch(batch, written)
            supersede_other_files(self._connection, written.merged, self._file_id)
            self._advance(batch, written, held, cleared.total(), take_seconds())
            ledger.count_cells(self._connection, self._file_id, self._dataset.columns, written.merged.filled, cleared)
            self._count_rejects(all_rejects)
            shortened = self._shortened_ids.find(chunk.text for chunk in batch.chunks())
            ledger.count_shortened_ids(self._connection, self._file_id, shortened)
            profile = self._profiler.write(batch)
        self._profiler.keep(profile)
        self.held = held
        if written.was_merged and self._dataset.key:
            self._expects_known_keys = bool(written.merged.superseded or written.merged.overwritten)

    # -- four ways to write rows: copy, replace, merge, isolate ----------------------------------------------------

    def _copy_rows(self, batch: Batch) -> _Written:
        merged = Merged()
        with self._connection.cursor() as cursor, cursor.copy(self._copy) as copy:
            for chunk in batch.chunks():
                copy.write(chunk.text)
                merged.written[self._file_id] += chunk.rows
                if chunk.rows:
                    merged.count_filled(self._file_id, chunk.filled)
        self._merger.copy_keys(chunk.text for chunk in batch.chunks())
        return _Written(merged, [], was_merged=False)

    def _replace_or_merge_rows(self, batch: Batch) -> _Written:
        """Replaces rows where that is possible: it takes the server four fifths of the time of a merge."""
        chunks = [chunk for chunk in batch.chunks() if chunk.rows]
        if self._replacer is None or not chunks:
            return self._merge_rows(batch)
        filled = [sum(numbers) for numbers in zip(*(chunk.filled for chunk in chunks), strict=True)]
        replaced = self._replacer.replace([chunk.text for chunk in chunks], self._file_id, filled)
        return self._merge_rows(batch) if replaced is None else _Written(replaced, [])

    def _merge_rows(self, batch: Batch) -> _Written:
        return _Written(self._merger.merge(b"".join([chunk.text for chunk in batch.chunks()])), [])

    def _isolate_rows(self, batch: Batch) -> _Written:
        lines = [line for chunk in batch.chunks() for line in chunk.text.splitlines(keepends=True)]
        isolated = isolate(self._connection, self._merger, lines)
        rejections = {int(lines[index].split(b"\t")[-2]): rejection for index, rejection in isolated.refused.items()}
        found = find_records(self._task, rejections, batch.before)
        return _Written(isolated.merged, [Reject(raw, rejections[raw.record_no]) for raw in found])

    # -- what is committed with them -------------------------------------------------------------------------------

    def _write_rejects(self, rejects: WrittenRejects) -> None:
        if not rejects.count:
            return
        columns = sql.SQL(", ").join(map(sql.Identifier, COLUMNS))
        statement = sql.SQL("COPY ingest.rejects ({}) FROM STDIN").format(columns)
        with self._connection.cursor() as cursor, cursor.copy(statement) as copy:
            for text in rejects.copy_text():
                copy.write(text)

    def _count_rejects(self, rejects: WrittenRejects) -> None:
        ledger.count_rejects(
            self._connection,
            self._file_id,
            [
                ledger.CountedReject(ledger.Kind(*kind), counted.first_record, counted.example, counted.count)
                for kind, counted in rejects.kinds.items()
            ],
        )

    def _write_cleared_values(self, batch: Batch, refused: list[Reject]) -> Counter[tuple[str, str]]:
        """Keeps the values that were cleared in stored records, and counts them by field and reason."""
        rejected = {reject.raw_record.record_no for reject in refused}
        cleared = [each for chunk in batch.chunks() for each in chunk.cleared if each[0] not in rejected]
        ledger.keep_cleared_values(
            self._connection, self._file_id, ((number, v.field, v.reason, v.raw) for number, v in cleared)
        )
        return Counter((value.field, value.reason) for _, value in cleared)

    def _note_batch(self, batch: Batch, written: _Written) -> None:
        dating = self._dataset.dating
        # Where another dataset dates the rows, the refresh finds the days of a loaded file's rows by itself.
        gained = {day for chunk in batch.chunks() for day in chunk.days} if dating is not None and dating.is_own else ()
        stale = stale_after(self._dataset, written.merged, gained)
        self._connection.execute(
            "INSERT INTO ingest.batches (file_id, last_record, records, stale_days, stale_keys, merged) "
            "VALUES (%s, %s, %s, %s, %s, %s)",
            (
                self._file_id,
                batch.checkpoint.records,
                batch.records,
                stale.days,
                stale.keys,
                written.was_merged,
            ),
        )

    def _advance(self, batch: Batch, written: _Written, held: list[int], cleared: int, seconds: float) -> None:
        for formats in (chunk.formats for chunk in batch.chunks() if chunk.formats is not None):
            self._layout["values"] = formats.to_json()
        for widened in (chunk.widened for chunk in batch.chunks() if chunk.widened):
            self._layout["widened"] = sorted(widened)
        for codec in (chunk.codec for chunk in batch.chunks() if chunk.codec is not None):
            self._layout["encoding"] = codec
        if held or self.held or "held" in self._layout:
            self._layout["held"] = held
        counts = file_counts(written.merged, self._file_id)
        progress = ledger.Progress(
            records_before=batch.before.records - len(self.held),
            records_read=batch.records,
            records_loaded=counts.loaded,
            records_superseded=counts.superseded,
            records_rejected=batch.rejected + len(written.refused),
            values_cleared=cleared,
            bytes_read=batch.checkpoint.offset,
            unknown_fields=sorted({name for chunk in batch.chunks() for name in chunk.unknown_fields}),
            seconds=seconds,
            notes=list(dict.fromkeys(note for chunk in batch.chunks() for note in chunk.notes))[: ledger.MAX_NOTES],
            layout=self._layout,
        )
        if not ledger.advance(self._connection, self._file_id, progress):
            raise TransientError("Another loader has advanced this file; resuming from where it is now")
