"""Answers to questions about metrics as files: CSV, NDJSON and Parquet."""

import csv
import io
from collections.abc import Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import msgspec
from fastapi import Response

from logistics_api.as_of.resolving import AsOf
from logistics_api.database.pool import Database
from logistics_api.exports.formats import MEDIA_TYPES, Format
from logistics_api.exports.parquet import SCALE, parquet_type, require_pyarrow
from logistics_api.exports.snapshots import Needs
from logistics_api.querying.answering import answer_rows
from logistics_api.querying.metric_query import PERIOD, MetricQuery, columns_of
from logistics_api.querying.registry import RollupRegistry
from logistics_api.rows.tables import Kind, kind_of
from logistics_core.catalogue import Catalogue, Dataset
from logistics_core.catalogue.metrics import Aggregate, Metric
from logistics_core.metrics.defaults import is_part_of_whole

Rows = Sequence[tuple[Any, ...]]


async def as_file(
    database: Database,
    registry: RollupRegistry,
    catalogue: Catalogue,
    query: MetricQuery,
    format: Format,
    as_of: AsOf | None = None,
) -> Response:
    """The rows of an answer as a file; the header `Metrics-Source` says what they come from.

    Raises:
        Problem: 501, there is no pyarrow for Parquet; whatever `answer_rows` raises.
    """
    if format == "parquet":
        require_pyarrow()
    plan, rows = await answer_rows(database, registry, catalogue, query)
    headers = {
        "Content-Disposition": f'attachment; filename="{query.dataset.slug}-metrics.{format}"',
        "Metrics-Source": plan.source.value,
        "Cache-Control": "no-store",
        **({} if as_of is None else as_of.headers),
    }
    return Response(_WRITERS[format](query, rows), media_type=MEDIA_TYPES[format], headers=headers)


def _csv(query: MetricQuery, rows: Rows) -> bytes:
    found = io.StringIO()
    writer = csv.writer(found, lineterminator="\n")
    writer.writerow(query.columns)
    writer.writerows([_text(value) for value in row] for row in rows)
    return found.getvalue().encode()


def _text(value: Any) -> Any:
    """Numbers without exponents; nothing for NULL."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if isinstance(value, date | datetime | time) else value


def _ndjson(query: MetricQuery, rows: Rows) -> bytes:
    encoder = msgspec.json.Encoder(decimal_format="number", enc_hook=str)
    return b"".join(encoder.encode(dict(zip(query.columns, row, strict=True))) + b"\n" for row in rows)


def _parquet(query: MetricQuery, rows: Rows) -> bytes:
    """Types follow from the contract, as in exports of rows: they are those of another answer to the same question."""
    import pyarrow as pa
    from pyarrow import parquet

    columns = zip(*rows, strict=True) if rows else [()] * len(query.columns)
    arrays = [
        _array(kind, scale, values) for (kind, scale), values in zip(_kinds(query).values(), columns, strict=True)
    ]
    sink = io.BytesIO()
    parquet.write_table(pa.table(dict(zip(query.columns, arrays, strict=True))), sink, compression="zstd")
    return sink.getvalue()


_QUOTIENT_SCALE = 20
"""Digits behind the point of quotients: PostgreSQL computes at least 16 that count."""


def _kinds(query: MetricQuery) -> dict[str, tuple[Kind, int]]:
    """What the values of each column are and, of numbers, how many digits they have behind the point."""
    found: dict[str, tuple[Kind, int]] = {} if query.grain is None else {PERIOD: ("date", 0)}
    found |= {path.name: (kind_of(path.field), SCALE) for path in query.by}
    for metric in query.metrics:
        own = _kind_of_metric(metric, query.dataset)
        for name in columns_of(metric, query):
            is_of_metric = name.removeprefix(metric.name) in ("", "_previous", "_running")
            found[name] = own if is_of_metric else ("number", _QUOTIENT_SCALE)
    return found


def _kind_of_metric(metric: Metric, dataset: Dataset) -> tuple[Kind, int]:
    match metric.aggregate:
        case Aggregate.ROWS | Aggregate.COUNT | Aggregate.DISTINCT:
            return "integer", 0
        case Aggregate.MIN | Aggregate.MAX:
            assert metric.field is not None
            return kind_of(dataset.field(metric.field)), SCALE
        case Aggregate.AVG | Aggregate.RATIO:
            return "number", _QUOTIENT_SCALE
        case Aggregate.DIFFERENCE:
            return "number", SCALE if is_part_of_whole(dataset, metric) else _QUOTIENT_SCALE
        case Aggregate.SUM | Aggregate.QUANTILE:
            return "number", SCALE


def _array(kind: Kind, scale: int, values: Sequence[Any]) -> Any:
    """The values of a column. Numbers that no decimal of Parquet holds are texts, so that no digit is lost."""
    import pyarrow as pa

    if kind not in ("whole", "number"):
        type_ = parquet_type(kind, None)
        given = [None if value is None else str(_text(value)) for value in values] if type_ == pa.string() else values
        return pa.array(given, type_)
    numbers = [None if value is None else Decimal(value) for value in values]
    type_ = parquet_type(kind, _needs([each for each in numbers if each is not None]), scale)
    if type_ == pa.string():
        return pa.array([None if each is None else format(each, "f") for each in numbers], type_)
    return pa.array(numbers, type_)


def _needs(numbers: Sequence[Decimal]) -> Needs:
    digits = max((each.adjusted() + 1 for each in numbers if each), default=0)
    places = (each.as_tuple().exponent for each in numbers)
    return Needs(max(0, digits), max((-each for each in places if isinstance(each, int)), default=0))


_WRITERS = {"csv": _csv, "ndjson": _ndjson, "parquet": _parquet}
