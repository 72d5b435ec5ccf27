"""Detects a file's layout from its content, never from its name: people rename files.

An object at the top is a record if it has fields of the dataset, and a wrapper if it leads to an array of records:
`wrapped_arrays` finds out which.
"""

from collections.abc import Container

from logistics_core.catalogue import Dataset
from logistics_pipeline.errors import FileError
from logistics_pipeline.loading.formats.csv_header import find_header
from logistics_pipeline.loading.formats.json_decoding import decode
from logistics_pipeline.loading.formats.json_scanner import find_values, value_end
from logistics_pipeline.loading.formats.wrapped_arrays import EXPECTED, ArraySearch
from logistics_pipeline.loading.layouts import ElementsLayout, Layout, LinesLayout
from logistics_pipeline.sources.byte_stream import Source

_WHITE = b" \t\r\n"


def detect_layout(source: Source, dataset: Dataset, dataset_names: Container[str], max_record_bytes: int) -> Layout:
    """Returns the layout of a source, reading only as far as that takes.

    An array under one of the other `dataset_names` is never taken for this dataset's.

    Raises:
        FileError: the content has none of the accepted layouts.
    """
    body = source.head.lstrip(_WHITE)
    if not body:
        raise FileError(f"The file is empty; {EXPECTED}")
    start = source.start + len(source.head) - len(body)
    if body.startswith(b"["):
        return ElementsLayout(start + 1)
    if not body.startswith(b"{"):
        return find_header(source, dataset, max_record_bytes)
    if _is_ndjson(body, dataset):
        return LinesLayout(start)
    source.skip_to(start)
    return ArraySearch(dataset, dataset_names).run(source, max_record_bytes)


def _is_ndjson(body: bytes, dataset: Dataset) -> bool:
    """Whether lines are objects. One line may be broken, even the first: that is a bad record in a good file."""
    lines = [line.strip(_WHITE) for line in body.split(b"\n", 100) if line.strip(_WHITE)]
    if len(lines) == 1:
        record = decode(lines[0])
        return isinstance(record, dict) and dataset.key in record  # without the key it may be a wrapper
    if _is_object(lines[0]):
        return not _has_multiline_object(body)
    # In no other layout can a line begin an object right after a line that was one.
    return len(lines) > 2 and _is_object(lines[1]) and lines[2].startswith(b"{")


def _is_object(line: bytes) -> bool:
    """Whether a line is one object from its first brace to its last, well formed or not."""
    return line.startswith(b"{") and value_end(line, 0) == len(line)


def _has_multiline_object(body: bytes) -> bool:
    """Whether an object spans several lines. A broken line never forms a valid object with its neighbours."""
    if not body.count(b"\n") - body.count(b"}\n") - body.count(b"}\r\n"):
        return False
    multiline = (body[begin:end] for begin, end in find_values(body) if b"\n" in body[begin:end])
    return isinstance(decode(next(multiline, b"")), dict)
