"""Detects a file's layout from its content, never from its name: people rename files.

An object at the top is a record if it has fields of the dataset, and a wrapper if it leads to an array of records:
`wrapped_arrays` finds out which.
"""

from collections.abc import Collection
from dataclasses import replace
from io import BytesIO

from logistics_core.catalogue import Dataset
from logistics_pipeline.errors import FileError
from logistics_pipeline.files.byte_stream import Source
from logistics_pipeline.loading.excerpts import excerpt
from logistics_pipeline.loading.formats.csv_header import find_header
from logistics_pipeline.loading.formats.error_bodies import check_no_error
from logistics_pipeline.loading.formats.json_decoding import decode
from logistics_pipeline.loading.formats.json_feed import replace_constants
from logistics_pipeline.loading.formats.json_names import json_names
from logistics_pipeline.loading.formats.json_scanner import find_values, value_end
from logistics_pipeline.loading.formats.wrapped_arrays import EXPECTED, ArraySearch
from logistics_pipeline.loading.layouts import ElementsLayout, Layout, LinesLayout, Unreadable

_WHITE = b" \t\r\n"


def detect_layout(source: Source, dataset: Dataset, dataset_names: Collection[str], max_record_bytes: int) -> Layout:
    """Returns the layout of a source, reading only as far as that takes.

    An array under one of the other `dataset_names` is never taken for this dataset's.

    Raises:
        FileError: the content has none of the accepted layouts.
    """
    body = source.head.lstrip(_WHITE)
    if not body:
        raise FileError(f"The file is empty; {EXPECTED}")
    start = source.start + len(source.head) - len(body)
    if not body.startswith(b"{") and _has_records_after_first_line(body, dataset):
        return LinesLayout(start)
    if body.startswith(b"["):
        return ElementsLayout(start + 1)
    if not body.startswith(b"{"):
        return find_header(source, dataset, max_record_bytes)
    search = ArraySearch(dataset, dataset_names)
    layout: Layout
    if _is_ndjson(body, dataset):
        layout = _find_pages(body, start, search, dataset, max_record_bytes) or LinesLayout(start)
    else:
        source.skip_to(start)
        layout = search.run(source, max_record_bytes)
    if isinstance(layout, ElementsLayout):
        check_no_error(body, layout)
    return layout


def _has_records_after_first_line(body: bytes, dataset: Dataset) -> bool:
    """Whether lines after the first are records of ours, and the first is a value that holds none: a bad record."""
    first, _, rest = body.partition(b"\n")
    lines = [line for line in rest.split(b"\n", 2)[:2] if line.strip(_WHITE)]
    if not lines or not _is_object(lines[0].strip(_WHITE)) or not all(line.startswith(b"{") for line in lines):
        return False
    value = decode(replace_constants(first.strip(_WHITE)))
    if isinstance(value, Unreadable) or _holds_records(value, dataset):
        return False
    return _names_required_field(lines[0], dataset)


def _holds_records(value: object, dataset: Dataset) -> bool:
    return isinstance(value, list) and any(_has_required_field(element, dataset) for element in value)


def _find_pages(
    body: bytes, start: int, search: ArraySearch, dataset: Dataset, max_record_bytes: int
) -> ElementsLayout | None:
    """The layout of pages with an array each, one per line; None if the first line holds no records of ours.

    Raises:
        FileError: pages and records follow each other.
    """
    line = body.partition(b"\n")[0]
    if _names_required_field(line, dataset):
        return None
    try:
        layout = search.run(Source(BytesIO(body), None), max_record_bytes)
    except FileError:
        return None
    if not isinstance(layout, ElementsLayout) or not _may_be_page(line, layout, dataset):
        return None
    if any(_names_required_field(other, dataset) for other in body.split(b"\n", 100)[1:]):
        raise FileError(
            f"The file mixes records with objects that hold an array of them under {excerpt('.'.join(layout.keys))}; "
            "deliver it as one or the other",
            byte_offset=start,
        )
    return replace(layout, start=start + layout.start)


def _may_be_page(line: bytes, layout: ElementsLayout, dataset: Dataset) -> bool:
    """Whether the array in a line is empty, or its elements name a required field."""
    value = decode(replace_constants(line.strip(_WHITE)))
    for key in layout.keys:
        value = value.get(key) if isinstance(value, dict) else None
    return not isinstance(value, list) or not value or any(_has_required_field(element, dataset) for element in value)


def _names_required_field(line: bytes, dataset: Dataset) -> bool:
    return _has_required_field(decode(replace_constants(line.strip(_WHITE))), dataset)


def _has_required_field(record: object, dataset: Dataset) -> bool:
    if not isinstance(record, dict):
        return False
    found = json_names(dataset).fields_in(record)
    return any(field.name in found for field in dataset.fields if field.required)


def _is_ndjson(body: bytes, dataset: Dataset) -> bool:
    """Whether lines are objects. One line may be broken, even the first: that is a bad record in a good file."""
    lines = [line.strip(_WHITE) for line in body.split(b"\n", 100) if line.strip(_WHITE)]
    if len(lines) == 1:
        record = decode(lines[0])
        # Without the marks it may be a wrapper.
        if not isinstance(record, dict) or dataset.dialect.array_path is not None:
            return False
        return bool(dataset.marks) and dataset.marks <= json_names(dataset).fields_in(record)
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
