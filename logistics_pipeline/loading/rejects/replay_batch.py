"""One batch of a replay in one transaction: rejects of one file judged anew, the good ones merged and resolved.

What is replayed, in which batches, and how often it is tried is decided in `replay`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import psycopg
from psycopg import errors

from logistics_core.catalogue import DATASETS
from logistics_pipeline import ledger
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.ledger import LedgerFile
from logistics_pipeline.loading.contract.copy_text import encode_row
from logistics_pipeline.loading.contract.record_validator import Rejection, Row
from logistics_pipeline.loading.excerpts import shown
from logistics_pipeline.loading.rejects.export_lines import MendedReject
from logistics_pipeline.loading.rejects.replay_results import MOST_PROBLEMS, MOST_UNKNOWN_FIELDS, Problem, Replay
from logistics_pipeline.loading.rejects.revalidation import Judge, Judged
from logistics_pipeline.loading.write.merger import Merged, Merger

_REFUSED = (psycopg.DataError, psycopg.IntegrityError, errors.RaiseException)
"""Errors that PostgreSQL raises for what is in a row."""

Wanted = Mapping[int, MendedReject | None]
"""Rejects to replay by their record numbers: mended as a line of an export says, or as they stand in the ledger."""


@dataclass
class _Taken:
    """What became of good records: accepted with what their merge did, or refused by PostgreSQL."""

    accepted: list[Judged] = field(default_factory=list)
    merged: Merged = field(default_factory=Merged)
    refused: list[Judged] = field(default_factory=list)


class BatchReplayer:
    """Replays rejects of one file through one connection."""

    def __init__(self, connection: Connection, file: LedgerFile, judge: Judge) -> None:
        assert file.dataset is not None, "only a file of a dataset is loaded, and so has rejects"
        self._connection = connection
        self._file = file
        self._dataset = DATASETS[file.dataset]
        self._judge = judge
        self._merger = Merger(connection, self._dataset)

    def replay(self, wanted: Wanted) -> Replay:
        """Commits what becomes of the wanted rejects and returns it.

        Raises:
            TransientError: a loader wrote one of the keys at the same moment; nothing is written.
            psycopg.OperationalError: the database went away; nothing is written, unless the commit had arrived.
        """
        done = Replay()
        with self._connection.transaction():
            judged = list(self._judge_each(wanted, done))
            taken = _Taken()
            self._take_in([each for each in judged if not isinstance(each.outcome, Rejection)], taken)
            self._resolve(taken, done)
            bad = [each for each in judged if isinstance(each.outcome, Rejection)]
            self._keep(sorted([*bad, *taken.refused], key=lambda each: each.record_no), wanted, done)
        return done

    # -- judging ---------------------------------------------------------------------------------------------------

    def _judge_each(self, wanted: Wanted, done: Replay) -> Iterator[Judged]:
        """Judges those that are still to be resolved; notes the others."""
        found = ledger.lock_rejects(self._connection, self._file.file_id, wanted.keys())
        locked = {reject.record_no: reject for reject in found}
        for number, line in wanted.items():
            reject = locked.get(number)
            if reject is None or (line is not None and line.raw != reject.raw):
                done.unusable += 1
                done.problems.append(self._problem(number, line, _NO_SUCH if reject is None else _NOT_THIS))
            elif reject.is_resolved:
                done.resolved_before += 1
            else:
                yield self._judge.judge(reject, line.record if line else None)

    def _keep(self, bad: Sequence[Judged], wanted: Wanted, done: Replay) -> None:
        """Leaves rejects as they are. The ledger's reasons are those of the raw texts, whatever was tried instead."""
        reasons = {}
        for each in bad:
            assert isinstance(each.outcome, Rejection)
            if each.is_of_raw_text:
                reasons[each.record_no] = (each.outcome.field, each.outcome.reason)
            done.problems.append(self._problem(each.record_no, wanted[each.record_no], each.outcome.reason))
        done.still_bad += len(bad)
        del done.problems[MOST_PROBLEMS:]
        if reasons:
            ledger.update_reasons(self._connection, self._file.file_id, reasons)

    def _problem(self, number: int, line: MendedReject | None, reason: str) -> Problem:
        return Problem(self._file.path, self._file.version, number, line.line_no if line else None, reason)

    # -- taking in -------------------------------------------------------------------------------------------------

    def _take_in(self, good: list[Judged], taken: _Taken) -> None:
        """Merges what PostgreSQL accepts, halving until what it refuses stands alone."""
        if not good:
            return
        try:
            with self._connection.transaction():  # a savepoint
                merged = self._merger.merge(self._encode(good))
        except _REFUSED as error:
            if len(good) == 1:
                refusal = Rejection(None, f"PostgreSQL refused it: {shown(str(error).splitlines()[0], 500)}")
                taken.refused.append(replace(good[0], outcome=refusal))
                return
            half = len(good) // 2
            self._take_in(good[:half], taken)
            self._take_in(good[half:], taken)
        else:
            taken.accepted += good
            taken.merged += merged

    def _encode(self, good: list[Judged]) -> bytes:
        end = f"\t{self._file.file_id}\n"
        return "".join(encode_row(_row(each), each.record_no) + end for each in good).encode()

    def _resolve(self, taken: _Taken, done: Replay) -> None:
        """Moves the accounts of all files concerned: older ones first, this one last, so that nobody deadlocks."""
        if not taken.accepted:
            return
        ours, merged = self._file.file_id, taken.merged
        for file_id, rows in sorted(merged.overwritten.items()):
            if file_id != ours:
                ledger.supersede(self._connection, file_id, rows)
        own = merged.overwritten[ours]
        days, keys = self._stale(taken)
        unknown = self._unknown_fields(taken.accepted)
        ledger.resolve_rejects(
            self._connection,
            ours,
            ledger.Replayed(
                records_loaded=merged.written[ours] - own,
                records_superseded=merged.superseded[ours] + own,
                mended={each.record_no: each.mended for each in taken.accepted},
                unknown_fields=unknown,
                stale_days=days,
                stale_keys=keys,
            ),
        )
        done.loaded, done.superseded = merged.written[ours], merged.superseded[ours]
        done.unknown_fields = unknown

    def _stale(self, taken: _Taken) -> tuple[list[date], list[str]]:
        """The days, or the keys of the dataset that dates this one, that gained or lost a row."""
        days, keys = set(taken.merged.stale_days), set(taken.merged.stale_keys)
        dating, index = self._dataset.dating, self._dataset.date_index
        if dating is not None and index is not None:
            gaining = {value for each in taken.accepted if (value := _row(each)[index]) is not None}
            if dating.is_own:
                days |= {date.fromisoformat(day) for day in gaining}
            else:
                keys |= gaining
        return sorted(days), sorted(keys)

    def _unknown_fields(self, accepted: list[Judged]) -> list[str]:
        """Of mended records only: those of the raw texts were noticed when their file was loaded."""
        names = frozenset[str]().union(*(each.fields for each in accepted if each.mended is not None))
        unknown = sorted(names.difference(self._dataset.columns))
        return [shown(name, 255) for name in unknown[:MOST_UNKNOWN_FIELDS]]


_NO_SUCH = "the ledger knows no such reject: is the export of another database?"
_NOT_THIS = "the raw text is not the one that was rejected: export it anew"


def _row(judged: Judged) -> Row:
    assert not isinstance(judged.outcome, Rejection)
    return judged.outcome
