"""One batch of a replay in one transaction: validates rejects of one file again, merges and resolves the valid ones.

`replay` decides what is replayed, in which batches, and how often it is tried.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from logistics_core.catalogue import Dataset
from logistics_pipeline import ledger
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.database.distribution import changing_rows
from logistics_pipeline.ledger import LedgerFile
from logistics_pipeline.loading.contract.copy_text import encode_row
from logistics_pipeline.loading.contract.dates import DateOrder
from logistics_pipeline.loading.contract.file_formats import AS_THE_CONTRACT, stored_formats
from logistics_pipeline.loading.contract.record_days import day_of_record
from logistics_pipeline.loading.contract.record_validator import Rejection
from logistics_pipeline.loading.contract.reject_kinds import stored_kind
from logistics_pipeline.loading.excerpts import excerpt
from logistics_pipeline.loading.layouts import layout_from_json
from logistics_pipeline.loading.reject_limit import RejectLimit
from logistics_pipeline.loading.rejects.export_lines import CorrectedReject
from logistics_pipeline.loading.rejects.replay_results import MAX_PROBLEMS, MAX_UNKNOWN_FIELDS, Problem, Replay
from logistics_pipeline.loading.rejects.revalidation import RecordRevalidator, Revalidated
from logistics_pipeline.loading.write.bookkeeping import file_counts, stale_after, supersede_other_files
from logistics_pipeline.loading.write.distributed_merger import merger_of
from logistics_pipeline.loading.write.merger import Merged
from logistics_pipeline.loading.write.row_isolation import merge_or_isolate

RejectsToReplay = Mapping[int, CorrectedReject | None]
"""Rejects by their record numbers: corrected by a line of an export, or None to replay the raw text in the ledger."""

_UNKNOWN_REJECT = "the ledger knows no such reject: is the export of another database?"
_OTHER_TEXT = "the raw text is not the one that was rejected: export it again"


@dataclass
class _Accepted:
    """Records that are valid now, and what merging them did."""

    records: list[Revalidated]
    merged: Merged


class BatchReplayer:
    """Replays rejects of one file through one connection."""

    def __init__(
        self,
        connection: Connection,
        file: LedgerFile,
        dataset: Dataset,
        date_order: DateOrder | None,
        max_rejects: RejectLimit,
    ) -> None:
        self._connection = connection
        self._file = file
        self._dataset = dataset
        self._max_rejects = max_rejects
        formats = stored_formats(file.layout).completed_by(AS_THE_CONTRACT)
        self._revalidator = RecordRevalidator(dataset, layout_from_json(file.layout), date_order, formats)
        self._merger = merger_of(connection, dataset)

    def replay(self, rejects: RejectsToReplay) -> Replay:
        """Replays rejects in a transaction of its own and returns what became of them.

        Raises:
            TransientError: a loader wrote one of the keys at the same moment; nothing is written.
            psycopg.OperationalError: the connection was lost; nothing is written, unless the commit had arrived.
        """
        done = Replay()
        with changing_rows(self._connection, are_distributed=self._merger.is_distributed):
            validated = list(self._revalidate(rejects, done))
            valid = [each for each in validated if not isinstance(each.outcome, Rejection)]
            accepted, refused = self._merge(valid)
            self._resolve(accepted, done)
            bad = [each for each in validated if isinstance(each.outcome, Rejection)]
            self._keep(sorted([*bad, *refused], key=lambda each: each.record_no), rejects, done)
            self._finish_file(done)
        return done

    # -- validating ------------------------------------------------------------------------------------------------

    def _revalidate(self, rejects: RejectsToReplay, done: Replay) -> Iterator[Revalidated]:
        """Validates the rejects that are not resolved yet, and counts the others."""
        found = ledger.lock_rejects(self._connection, self._file.file_id, rejects.keys())
        locked = {reject.record_no: reject for reject in found}
        for number, line in rejects.items():
            reject = locked.get(number)
            if reject is None or (line is not None and line.raw != reject.raw):
                done.unusable += 1
                done.problems.append(self._problem(number, line, _UNKNOWN_REJECT if reject is None else _OTHER_TEXT))
            elif reject.is_resolved:
                done.resolved_before += 1
            else:
                yield self._revalidator.revalidate(reject, line.record if line else None)

    def _keep(self, bad: Sequence[Revalidated], rejects: RejectsToReplay, done: Replay) -> None:
        """Leaves rejects unresolved. Their reasons in the ledger stay those of the raw texts, whatever was tried."""
        judged = []
        for each in bad:
            assert isinstance(each.outcome, Rejection)
            if each.is_of_raw_text:
                reason = each.outcome.reason
                judged.append(ledger.Judged(each.record_no, each.outcome.field, reason, stored_kind(reason)))
            done.problems.append(self._problem(each.record_no, rejects[each.record_no], each.outcome.reason))
        done.still_bad += len(bad)
        del done.problems[MAX_PROBLEMS:]
        if judged:
            ledger.update_reasons(self._connection, self._file.file_id, judged)

    def _problem(self, number: int, line: CorrectedReject | None, reason: str) -> Problem:
        return Problem(self._file.path, self._file.version, number, line.line_no if line else None, reason)

    # -- writing ---------------------------------------------------------------------------------------------------

    def _merge(self, valid: list[Revalidated]) -> tuple[_Accepted, list[Revalidated]]:
        """Merges records; returns those that PostgreSQL accepts, and those that it refuses with its reason."""
        end = f"\t{self._file.file_id}\n"
        lines = [(encode_row(each.row, each.record_no) + end).encode() for each in valid]
        isolated = merge_or_isolate(self._connection, self._merger, lines)
        records = [each for index, each in enumerate(valid) if index not in isolated.refused]
        refused = [replace(valid[index], outcome=rejection) for index, rejection in isolated.refused.items()]
        return _Accepted(records, isolated.merged), refused

    def _resolve(self, accepted: _Accepted, done: Replay) -> None:
        """Marks rejects as resolved and moves the counts of every file concerned, this file's last."""
        if not accepted.records:
            return
        file_id, merged = self._file.file_id, accepted.merged
        supersede_other_files(self._connection, merged, file_id)
        counts = file_counts(merged, file_id)
        stale = stale_after(self._dataset, merged, self._gained(accepted.records))
        unknown = self._unknown_fields(accepted.records)
        cleared = [(each.record_no, value) for each in accepted.records for value in each.cleared]
        ledger.keep_cleared_values(
            self._connection, file_id, ((number, v.field, v.reason, v.raw) for number, v in cleared)
        )
        ledger.resolve_rejects(
            self._connection,
            file_id,
            ledger.Replayed(
                records_loaded=counts.loaded,
                records_superseded=counts.superseded,
                values_cleared=len(cleared),
                mended={each.record_no: each.correction for each in accepted.records},
                unknown_fields=unknown,
                stale_days=stale.days,
                stale_keys=stale.keys,
            ),
        )
        reasons = Counter((value.field, value.reason) for _, value in cleared)
        ledger.count_cells(self._connection, file_id, self._dataset.columns, merged.filled, reasons)
        done.loaded, done.superseded = merged.written[file_id], merged.superseded[file_id]
        done.unknown_fields = unknown

    def _finish_file(self, done: Replay) -> None:
        """Marks the file as loaded if it failed only by its rejects, and few enough of these are left."""
        file = ledger.file_by_id(self._connection, self._file.file_id)
        if self._max_rejects.is_exceeded_at_end(file.records_read, file.records_rejected):
            return
        if ledger.finish_replayed(self._connection, file.file_id):
            done.files_finished.append(file.path)

    def _gained(self, records: list[Revalidated]) -> set[str]:
        """The dating values of records: the days, or the keys of the dataset that dates this one, that gained a row."""
        index = self._dataset.date_index
        values = set() if index is None else {value for each in records if (value := each.row[index]) is not None}
        if self._dataset.own_date_index is None:
            return values
        return set(map(day_of_record(self._dataset), values))

    def _unknown_fields(self, records: list[Revalidated]) -> list[str]:
        """Only those of corrected records: those of raw texts were reported when the file was loaded."""
        names = frozenset[str]().union(*(each.fields for each in records if each.correction is not None))
        unknown = sorted(names.difference(self._dataset.columns))
        return [excerpt(name, 255) for name in unknown[:MAX_UNKNOWN_FIELDS]]
