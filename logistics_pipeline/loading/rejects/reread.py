"""Reads a rejected record again by itself, as its file's reader read it.

The ledger stores the layout of every file that has rejects (`ledger.Progress.layout`).
"""

from io import BytesIO

from logistics_pipeline.errors import FileError
from logistics_pipeline.files.byte_stream import Source
from logistics_pipeline.loading.formats.large_records import decode_record
from logistics_pipeline.loading.formats.reader import read_records
from logistics_pipeline.loading.layouts import CsvLayout, Layout, Unreadable


def read_again(raw: bytes, layout: Layout) -> object:
    """Decodes the raw text of one record to the value that its file's reader made of it, perhaps `Unreadable`."""
    return _read_row(raw, layout) if isinstance(layout, CsvLayout) else decode_record(raw)


def _read_row(raw: bytes, layout: CsvLayout) -> object:
    # After a blank line, which the reader skips: at the very beginning, U+FEFF would be taken for a byte order mark.
    source = Source(BytesIO(layout.newline + raw), None)
    try:
        for records in read_records(source, layout, 0, len(raw) + 1):
            return records.values[0]
    except FileError as error:
        return Unreadable(error.message)
    return Unreadable("the row is empty")
