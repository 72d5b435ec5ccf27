"""Answers to questions about metrics as files: CSV, NDJSON and Parquet."""

import csv
import io
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import msgspec
from fastapi import Response

from logistics_api.database.pool import Database
from logistics_api.exports.formats import MEDIA_TYPES, Format
from logistics_api.exports.parquet import require_pyarrow
from logistics_api.querying.answering import answer_rows
from logistics_api.querying.metric_query import MetricQuery
from logistics_api.querying.registry import RollupRegistry
from logistics_core.catalogue import Catalogue

Rows = Sequence[tuple[Any, ...]]


async def as_file(
    database: Database, registry: RollupRegistry, catalogue: Catalogue, query: MetricQuery, format: Format
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
    import pyarrow as pa
    from pyarrow import parquet

    columns = list(zip(*rows, strict=True)) if rows else [()] * len(query.columns)
    arrays = [_array(list(values)) for values in columns]
    sink = io.BytesIO()
    parquet.write_table(pa.table(dict(zip(query.columns, arrays, strict=True))), sink, compression="zstd")
    return sink.getvalue()


def _array(values: list[Any]) -> Any:
    """The values of a column, of one type. Decimals wider than Parquet's are texts, so that no digit is lost."""
    import pyarrow as pa

    given = [value for value in values if value is not None]
    if any(isinstance(value, timedelta) for value in given):
        values = [None if value is None else str(value) for value in values]
    try:
        return pa.array(values)
    except pa.ArrowInvalid:
        return pa.array([None if value is None else str(_text(value)) for value in values])


_WRITERS = {"csv": _csv, "ndjson": _ndjson, "parquet": _parquet}
