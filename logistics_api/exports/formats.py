"""Writes CSV and NDJSON, on request with a trailer that reveals truncated files. `parquet` writes Parquet."""

import json
from codecs import BOM_UTF8
from collections.abc import AsyncGenerator
from contextlib import aclosing
from hashlib import sha256
from typing import Literal

from logistics_api.exports.snapshots import Snapshot

Format = Literal["csv", "ndjson", "parquet"]

MEDIA_TYPES: dict[Format, str] = {
    "csv": "text/csv; charset=utf-8; header=present",
    "ndjson": "application/x-ndjson",
    "parquet": "application/vnd.apache.parquet",
}
Chunks = AsyncGenerator[bytes, None]


async def write_ndjson(snapshot: Snapshot, *, trailer: bool) -> Chunks:
    """One JSON object per line; at the end, with `trailer`, `{"_end": …}` about all lines before it."""
    ending = Ending()
    async with aclosing(snapshot.batches("ndjson")) as batches:
        async for batch in batches:
            yield ending.add(batch.lines, batch.rows)
    if trailer:
        yield ending.as_ndjson()


async def write_csv(snapshot: Snapshot, *, trailer: bool, for_excel: bool = False) -> Chunks:
    """A header, then a line per row (RFC 4180, with line feeds); at the end, with `trailer`, a line `#end,…`.

    `for_excel`: with a byte order mark, and without texts that a spreadsheet takes for formulas.
    """
    ending = Ending()
    header = (BOM_UTF8 if for_excel else b"") + ",".join(snapshot.wanted.columns).encode() + b"\n"
    async with aclosing(snapshot.batches("excel" if for_excel else "csv")) as batches:
        async for batch in batches:
            yield ending.add(header + batch.lines, batch.rows)  # together: nothing is sent before rows could be read
            header = b""
    if header:
        yield ending.add(header, 0)
    if trailer:
        yield ending.as_csv()


class Ending:
    """Counts the rows and computes the checksum of all bytes sent."""

    def __init__(self) -> None:
        self._rows = 0
        self._digest = sha256()

    def add(self, chunk: bytes, rows: int) -> bytes:
        """Adds the next chunk to the totals and returns it."""
        self._rows += rows
        self._digest.update(chunk)
        return chunk

    def as_ndjson(self) -> bytes:
        ending = {"_end": {"rows": self._rows, "sha256": self._digest.hexdigest()}}
        return json.dumps(ending, separators=(",", ":")).encode() + b"\n"

    def as_csv(self) -> bytes:
        return f"#end,rows={self._rows},sha256={self._digest.hexdigest()}\n".encode()
