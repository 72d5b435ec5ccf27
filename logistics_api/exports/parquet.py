"""Parquet files, by pyarrow. The only module that imports it, and only for the first such file.

Exact, as everywhere: a measure becomes a decimal with 10 digits behind the point (28 before it), so that the type does
not change from one export to the next; with more digits behind it where the data has more; and a text where the 38
digits of a decimal do not hold them all. Readers would round a wider decimal, or refuse it. An integer becomes a
decimal without digits behind the point. Times of day, durations, months, arrays and objects are texts: Parquet's own
types lack 24:00, months beside days, and values of any shape.

Memory: a row group of 32,768 rows or 8 MiB, whichever is less, and the batch that is being read.
"""

import asyncio
from contextlib import aclosing
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from logistics_api.errors import Problem
from logistics_api.exports.formats import Chunks
from logistics_api.exports.snapshots import Needs, Snapshot
from logistics_api.rows.tables import NUMERIC_KINDS, Kind

if TYPE_CHECKING:
    import pyarrow as pa

PRECISION, SCALE = 38, 10
ROW_GROUP_ROWS = 32_768
ROW_GROUP_BYTES = 8 << 20


def is_pyarrow_installed() -> bool:
    """Returns whether pyarrow is installed."""
    return find_spec("pyarrow") is not None


def require_pyarrow() -> None:
    """Refuses the request if pyarrow is not installed.

    Raises:
        Problem: 501.
    """
    if not is_pyarrow_installed():
        raise Problem(
            501,
            "parquet-unavailable",
            "Parquet unavailable",
            "This server has no pyarrow, although it is a dependency. Install it: pip install pyarrow; "
            "or request .csv or .ndjson.",
        )


async def write_parquet(snapshot: Snapshot) -> Chunks:
    """A Parquet file. Readers need its footer, so they reject a truncated file."""
    kinds = {column: snapshot.wanted.table.columns[column] for column in snapshot.wanted.columns}
    needs = await snapshot.needs([column for column, kind in kinds.items() if kind in NUMERIC_KINDS])
    writer = await asyncio.to_thread(Writer, kinds, needs)
    async with aclosing(snapshot.batches("trimmed")) as batches:
        async for batch in batches:
            if chunk := await asyncio.to_thread(writer.add, batch.lines):
                yield chunk
    yield await asyncio.to_thread(writer.finish)


class Writer:
    """Converts CSV lines to the bytes of a Parquet file. Used by one thread at a time."""

    def __init__(self, kinds: dict[str, Kind], needs: dict[str, Needs]) -> None:
        import pyarrow as pa
        from pyarrow import csv, parquet

        self._schema = pa.schema(
            [(column, parquet_type(kind, needs.get(column))) for column, kind in kinds.items()],
        )
        self._read = csv.ReadOptions(column_names=list(kinds), use_threads=False)
        self._parse = csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False)
        self._convert = csv.ConvertOptions(
            column_types=self._schema,
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        )
        self._sink = Drain()
        self._file = parquet.ParquetWriter(self._sink, self._schema, compression="zstd")
        self._waiting: list[pa.Table] = []
        self._rows = self._bytes = 0

    def add(self, lines: bytes) -> bytes:
        """Adds a batch. Returns the bytes ready to send, often none."""
        import pyarrow as pa
        from pyarrow import csv

        self._read.block_size = len(lines) + 1
        part = csv.read_csv(
            pa.BufferReader(lines), read_options=self._read, parse_options=self._parse, convert_options=self._convert
        )
        self._waiting.append(part)
        self._rows += part.num_rows
        self._bytes += part.nbytes
        if self._rows >= ROW_GROUP_ROWS or self._bytes >= ROW_GROUP_BYTES:
            self._write()
        return self._sink.drain()

    def finish(self) -> bytes:
        """The rest of the file."""
        if self._waiting:
            self._write()
        self._file.close()
        return self._sink.drain()

    def _write(self) -> None:
        import pyarrow as pa

        self._file.write_table(pa.concat_tables(self._waiting), row_group_size=self._rows)
        self._waiting.clear()
        self._rows = self._bytes = 0
        pa.default_memory_pool().release_unused()  # returns the memory used for encoding


class Drain:
    """A write-only file whose content is drained while it is written."""

    closed = False

    def __init__(self) -> None:
        self._chunks: list[bytes] = []
        self._position = 0

    def write(self, data: Any) -> int:
        chunk = bytes(data)
        self._chunks.append(chunk)
        self._position += len(chunk)
        return len(chunk)

    def tell(self) -> int:
        return self._position

    def flush(self) -> None:
        """Does nothing: there is nothing to flush."""

    def close(self) -> None:
        self.closed = True

    def drain(self) -> bytes:
        """Returns what was written since the last call."""
        written = b"".join(self._chunks)
        self._chunks.clear()
        return written


def parquet_type(kind: Kind, needs: Needs | None, scale: int = SCALE) -> "pa.DataType":
    """The type of a column; of a number, with `scale` digits behind the point unless its values need more."""
    import pyarrow as pa

    match kind:
        case "date":
            return pa.date32()
        case "integer":
            return pa.int64()
        case "year":
            return pa.int32()
        case "boolean":
            return pa.bool_()
        case "datetime":
            return pa.timestamp("us")
        case "moment":
            return pa.timestamp("us", tz="UTC")
        case "whole":
            return pa.decimal128(PRECISION, 0) if needs and needs.digits <= PRECISION else pa.string()
        case "number":
            assert needs is not None
            found = _scale(needs, scale)
            return pa.string() if found is None else pa.decimal128(PRECISION, found)
        case _:
            return pa.string()


def _scale(needs: Needs, usual: int) -> int | None:
    """Returns the scale of a decimal that holds every value, or None if there is none."""
    if needs.scale <= usual and needs.digits <= PRECISION - usual:
        return usual
    return needs.scale if needs.digits + needs.scale <= PRECISION else None
