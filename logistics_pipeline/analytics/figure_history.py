"""What figures of a dataset were as of an earlier file, and which files have changed them since.

Computed from the versions of records, one statement per file: exact, and nothing is stored for it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from psycopg import sql

from logistics_core import versions
from logistics_core.as_of import EXPECTED, read_as_of
from logistics_core.catalogue import Dataset
from logistics_core.catalogue.metrics import Aggregate, Metric
from logistics_core.metrics import rollups
from logistics_core.metrics.conditions import all_of, as_literal
from logistics_core.metrics.defaults import metrics_of
from logistics_core.metrics.states import State, all_states, all_values, value_expression, values_read_by
from logistics_pipeline import ledger
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.errors import PipelineError
from logistics_pipeline.ledger import LedgerFile

Values = dict[str, Any]
"""Figures by the names of their metrics."""


@dataclass(frozen=True)
class Change:
    """A file that changed figures."""

    file: LedgerFile
    before: Values
    after: Values


@dataclass(frozen=True)
class FigureHistory:
    """What figures were and are, and the files that changed them in between."""

    since: LedgerFile | None
    """The last file that counted then; None if there was none."""
    then: Values
    now: Values
    files: int
    """Files in between that the figures may depend on."""
    changes: list[Change]


def file_as_of(connection: Connection, text: str) -> LedgerFile | None:
    """The last file that counts as of a file, a day or a moment; None before the first one.

    Raises:
        PipelineError: the text means nothing, or the ledger has no such file.
    """
    asked = read_as_of(text)
    if asked is None:
        raise PipelineError(f"{text!r} means no time. Expected: {EXPECTED}.")
    found = ledger.last_file(connection, file_id=asked.file_id, path=asked.path, until=asked.moment)
    if found is None and not asked.may_be_before_all:
        raise PipelineError(f"The ledger has no file {text!r}. Expected: {EXPECTED}.")
    return found


def figure_history(
    connection: Connection,
    dataset: Dataset,
    metrics: Sequence[Metric],
    since: str,
    start: date | None = None,
    end: date | None = None,
) -> FigureHistory:
    """Compares figures of records of some days as of an earlier time with those of now.

    Raises:
        PipelineError: a dataset that they depend on does not keep its history, or not since then.
    """
    datasets = [dataset, *([dataset.dated_through] if dataset.dated_through is not None else [])]
    first = file_as_of(connection, since)
    file_id = first.file_id if first is not None else 0
    for each in datasets:
        _refuse_unknown(connection, each, file_id)
    files = ledger.files_with_records_since(connection, [each.name for each in datasets], file_id)
    then = now = _values(connection, dataset, metrics, file_id, start, end)
    changes = []
    for file in files:
        after = _values(connection, dataset, metrics, file.file_id, start, end)
        if after != now:
            changes.append(Change(file, now, after))
        now = after
    return FigureHistory(first, then, now, len(files), changes)


def _refuse_unknown(connection: Connection, dataset: Dataset, file_id: int) -> None:
    if not dataset.key:
        return
    history = next((each for each in ledger.histories(connection) if each.dataset == dataset.name), None)
    if history is None or history.ended_at is not None:
        raise PipelineError(
            f"{dataset.name} does not keep earlier versions of its records: see `logistics history --help`."
        )
    gaps = ledger.files_with_gaps(connection, dataset.name)
    if gaps and file_id < history.since_file_id:
        raise PipelineError(
            f"The history of {dataset.name} began after file {history.since_file_id}. Of {len(gaps):,} earlier files "
            "some records are not known any more: `logistics history show` lists these files; load them again to have "
            "them."
        )


def _values(
    connection: Connection,
    dataset: Dataset,
    metrics: Sequence[Metric],
    file_id: int,
    start: date | None,
    end: date | None,
) -> Values:
    """The figures as of a file."""
    known = metrics_of(dataset)
    sources: list[State | Metric] = [*all_states(metrics, known), *all_values(metrics, known)]
    names = {source: sql.Identifier(f"state {number}") for number, source in enumerate(sources)}
    file = sql.Literal(file_id)
    other = dataset.dated_through
    statement = sql.SQL("SELECT {columns} FROM (SELECT {states} FROM {source} WHERE {condition}) AS found").format(
        columns=_listed(value_expression(each, known, names.__getitem__) for each in metrics),
        states=_listed(sql.SQL("{} AS {}").format(_aggregate(source), name) for source, name in names.items()),
        source=rollups.source(
            dataset, versions.as_of(dataset, file), None if other is None else versions.as_of(other, file)
        ),
        condition=_days(dataset, start, end),
    )
    row = connection.execute(statement).fetchone()
    assert row is not None
    return {metric.name: value for metric, value in zip(metrics, row, strict=True)}


def _aggregate(source: State | Metric) -> sql.Composable:
    if isinstance(source, State):
        return source.of_rows(rollups.page_column)
    read = values_read_by(source)
    column = rollups.page_column(read.field)
    wanted = sql.SQL("FILTER (WHERE {} IS NOT NULL AND {})").format(
        column, all_of(read.conditions, rollups.page_column, as_literal)
    )
    if source.aggregate is Aggregate.DISTINCT:
        return sql.SQL("count(DISTINCT {}) {}").format(column, wanted)
    # The least value that has the share below or at it: exactly, not by a product of floating point numbers.
    place = sql.SQL("greatest(1, ceil({}::numeric * count(*) {}))::int").format(sql.Literal(source.quantile), wanted)
    return sql.SQL("((array_agg({column} ORDER BY {column}) {wanted})[{place}])::numeric").format(
        column=column, wanted=wanted, place=place
    )


def _days(dataset: Dataset, start: date | None, end: date | None) -> sql.Composable:
    day = rollups.day_of(dataset)
    if day is None:
        return sql.SQL("true")
    parts = [sql.SQL("{} IS NOT NULL").format(day)]
    parts += [sql.SQL("{} >= {}").format(day, sql.Literal(start))] if start is not None else []
    parts += [sql.SQL("{} <= {}").format(day, sql.Literal(end))] if end is not None else []
    return sql.SQL(" AND ").join(parts)


def _listed(parts: Iterator[sql.Composable]) -> sql.Composed:
    return sql.SQL(", ").join(parts)
