"""Parquet files of a query, exact: a number that the 38 digits of a decimal do not hold makes its column a text."""

from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from typing import Any

from psycopg import sql

from logistics_pipeline.database.connections import Connection

_ROWS = 32_768
_PRECISION, _SCALE = 38, 10
_INTEGERS = frozenset({20, 21, 23})
_NUMERIC, _BOOLEAN, _DATE, _TIMESTAMPTZ, _FLOAT = 1700, 16, 1082, 1184, 701
"""Object identifiers of types of PostgreSQL."""


def parquet_blocks(connection: Connection, query: sql.Composable, on_rows: Callable[[int], None]) -> Iterator[bytes]:
    """A Parquet file, row group by row group."""
    import pyarrow as pa
    from pyarrow import parquet

    described = connection.execute(sql.SQL("SELECT * FROM ({}) AS record LIMIT 0").format(query)).description or []
    names, kinds = [each.name for each in described], [each.type_code for each in described]
    types = _types(connection, query, names, kinds)
    schema = pa.schema(list(zip(names, types, strict=True)))
    selected = sql.SQL(", ").join(_selected(name, kind) for name, kind in zip(names, kinds, strict=True))
    out = BytesIO()
    with parquet.ParquetWriter(out, schema, compression="zstd") as writer, connection.cursor("exported") as cursor:
        cursor.itersize = _ROWS
        cursor.execute(sql.SQL("SELECT {} FROM ({}) AS record").format(selected, query))
        while rows := cursor.fetchmany(_ROWS):
            on_rows(len(rows))
            columns = zip(*rows, strict=True)
            arrays = [_array(values, kind) for values, kind in zip(columns, types, strict=True)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            yield _taken(out)
    yield _taken(out)


def _types(connection: Connection, query: sql.Composable, names: Sequence[str], kinds: Sequence[int]) -> list[Any]:
    import pyarrow as pa

    plain = {_BOOLEAN: pa.bool_(), _DATE: pa.date32(), _TIMESTAMPTZ: pa.timestamp("us", "UTC"), _FLOAT: pa.float64()}
    plain |= dict.fromkeys(_INTEGERS, pa.int64())
    numbers = [name for name, kind in zip(names, kinds, strict=True) if kind == _NUMERIC]
    fits = _fitting(connection, query, numbers)
    return [
        plain.get(kind) or (pa.decimal128(_PRECISION, _SCALE) if name in fits else pa.string())
        for name, kind in zip(names, kinds, strict=True)
    ]


def _fitting(connection: Connection, query: sql.Composable, numbers: Sequence[str]) -> set[str]:
    """The columns all of whose numbers a decimal holds exactly."""
    if not numbers:
        return set()
    fits = sql.SQL("coalesce(bool_and({0} <> 'NaN' AND abs({0}) < 1e28 AND scale(trim_scale({0})) <= 10), true)")
    tests = sql.SQL(", ").join(fits.format(sql.Identifier(name)) for name in numbers)
    row = connection.execute(sql.SQL("SELECT {} FROM ({}) AS record").format(tests, query)).fetchone()
    assert row is not None
    return {name for name, is_fit in zip(numbers, row, strict=True) if is_fit}


def _selected(name: str, kind: int) -> sql.Composable:
    """Types that Parquet does not have, or not exactly, as PostgreSQL writes them."""
    column = sql.Identifier(name)
    if kind in _INTEGERS or kind in (_NUMERIC, _BOOLEAN, _DATE, _TIMESTAMPTZ, _FLOAT):
        return column
    return sql.SQL("{}::text").format(column)


def _array(values: Sequence[Any], kind: Any) -> Any:
    import pyarrow as pa

    if pa.types.is_string(kind):
        values = [None if value is None else str(value) for value in values]
    elif pa.types.is_decimal(kind):
        values = [None if value is None else round(value, _SCALE) for value in values]
    return pa.array(values, kind)


def _taken(out: BytesIO) -> bytes:
    """What was written since it was last taken."""
    data = out.getvalue()
    out.seek(0)
    out.truncate()
    return data
