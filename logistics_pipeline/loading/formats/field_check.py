"""Checks that a JSON file is of its dataset at all: that some record near its beginning names a required field.

A file of another kind would otherwise be read to its end, and each of its records rejected for the same reason.

Memory: one block, and one string or number.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from logistics_core.catalogue import Dataset
from logistics_pipeline.errors import FileError
from logistics_pipeline.files.byte_stream import Source
from logistics_pipeline.loading.excerpts import excerpt
from logistics_pipeline.loading.formats.field_names import describe_fields
from logistics_pipeline.loading.formats.json_decoding import decode
from logistics_pipeline.loading.formats.json_names import Place, json_names
from logistics_pipeline.loading.formats.json_walk import STEPS, Event, JsonWalk
from logistics_pipeline.loading.formats.lines import read_lines
from logistics_pipeline.loading.formats.wrapped_arrays import EXPECTED
from logistics_pipeline.loading.layouts import CsvLayout, ElementsLayout, Layout, LinesLayout

MAX_RECORDS = 10_000
MAX_BYTES = 8 << 20
"""How far the check reads, at most, for a single record with a required field. Nearly always the first has one."""
MAX_NAMES = 100


@dataclass
class _Found:
    """What the records so far are like."""

    records: int = 0
    names: dict[str, None] = field(default_factory=dict)
    is_ours: bool = False
    key: str = ""
    """The last one of a record."""
    first_value: str | None = None
    """Describes the first element that is not an object."""


def check_fields(source: Source, layout: Layout, dataset: Dataset, max_record_bytes: int) -> None:
    """Reads the first records of a source at its layout's beginning, until one names a required field.

    What is not JSON ends the check: whoever reads the file says where and why. Any objects are records of a dataset
    that requires no field.

    Raises:
        FileError: there are records, and none of them names a required field.
    """
    if isinstance(layout, CsvLayout):
        return
    required = _required_places(dataset)
    if not required:
        return
    found = _Found()
    try:
        if isinstance(layout, LinesLayout):
            is_whole = _look_at_lines(source, required, found, max_record_bytes)
        else:
            is_whole = _look_at_events(source, layout, required, found, max_record_bytes)
    except FileError:
        return
    if is_whole and found.records and not found.is_ours:
        raise FileError(_describe(found, layout, dataset), byte_offset=layout.start)


def _required_places(dataset: Dataset) -> set[Place]:
    """Where records have the fields that each of them must have."""
    required = {each.name for each in dataset.fields if each.required}
    return {place for place, name in json_names(dataset).fields.items() if name in required}


def _describe(found: _Found, layout: Layout, dataset: Dataset) -> str:
    of = (
        f" of the array under {excerpt('.'.join(layout.keys))}"
        if isinstance(layout, ElementsLayout) and layout.keys
        else ""
    )
    value = f", and the first is {found.first_value}, not an object" if found.first_value is not None else ""
    return (
        f"No record{of} names a field that every record of {dataset.name} must have{value}: "
        f"{describe_fields(dataset, found.names)}; {EXPECTED}, with exactly these field names"
    )


def _look_at_lines(source: Source, required: set[Place], found: _Found, max_record_bytes: int) -> bool:
    """Returns whether the lines looked at decide: not if none of them could be read."""
    begin, readable = source.position, 0
    for offset, line in read_lines(source, b"\n", max_record_bytes):
        if not line.strip():
            continue
        found.records += 1
        record = decode(line) if len(line) <= MAX_BYTES else None
        if isinstance(record, dict):
            readable += 1
            _add(found, record, required)
            for parent, value in record.items():
                found.is_ours |= isinstance(value, dict) and any((parent, name) in required for name in value)
        if found.is_ours or found.records > MAX_RECORDS or offset - begin > MAX_BYTES:
            break
    return readable > 0


def _add(found: _Found, names: Iterable[str], required: set[Place]) -> None:
    for name in names:
        found.is_ours |= (None, name) in required
        if len(found.names) < MAX_NAMES:
            found.names[excerpt(name, 100)] = None


def _look_at_events(source: Source, layout: Layout, required: set[Place], found: _Found, max_record_bytes: int) -> bool:
    """Returns whether the records looked at decide: not if even the first is too long to be seen whole."""
    begin = source.position
    level = 1 if isinstance(layout, ElementsLayout) else 0
    walk = JsonWalk(source, max_record_bytes, b"[" * level)
    depth = level
    for events in walk.blocks():
        for event in events:
            depth = _look_at(event, depth, level, required, found)
            if found.is_ours or depth < level or found.records > MAX_RECORDS:
                return True
        if source.position - begin > MAX_BYTES:
            return found.records > 1
    return True


def _look_at(event: Event, depth: int, level: int, required: set[Place], found: _Found) -> int:
    """Processes an event; returns the depth after it."""
    kind, value = event
    if depth == level and not kind.startswith("end_"):
        found.records += 1
        if kind != "start_map" and found.first_value is None:
            found.first_value = _describe_value(kind, value)
    elif depth == level + 1 and kind == "map_key":
        found.key = str(value)
        _add(found, [found.key], required)
    elif depth == level + 2 and kind == "map_key":
        found.is_ours |= (found.key, str(value)) in required
    return depth + STEPS.get(kind, 0)


def _describe_value(kind: str, value: object) -> str:
    match kind:
        case "start_array":
            return "an array"
        case "string":
            return f'the text "{excerpt(str(value))}"'
        case "null":
            return "null"
        case "boolean":
            return "true" if value else "false"
        case _:
            return f"the number {excerpt(str(value))}"
