"""A JSON sample as a table: objects are flattened one level, what is deeper stays JSON.

Arrays, arrays in an object, objects one after the other and NDJSON. An array of objects within a record is a dataset of
its own, and is named as one.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from io import BytesIO

import ijson
import ijson.backends.yajl2_c as yajl
from ijson.common import ObjectBuilder

from logistics_pipeline.errors import FileError
from logistics_pipeline.files.byte_stream import Source
from logistics_pipeline.inference.column_types import Doubt
from logistics_pipeline.inference.sampling import Sample, as_source, first_lines, last_lines, shares, thinned
from logistics_pipeline.inference.tables import Cells, SampleTable
from logistics_pipeline.loading.formats.json_decoding import decode
from logistics_pipeline.loading.formats.reader import read_records
from logistics_pipeline.loading.formats.wrapped_arrays import EXPECTED
from logistics_pipeline.loading.layouts import ElementsLayout, Layout, LinesLayout, ObjectsLayout, Unreadable

_WHITE = b" \t\r\n"
_TOO_LONG = re.compile(rb"[0-9]{4301}")
"""Digits of an integer that Python does not take."""
_RUN_BYTES = 1 << 20
_MOST_FIELDS = 1_500
_MOST_RECORDS = 100_000
_MOST_MEMBERS = 400_000
_MOST_CELLS = 4_000_000
"""Records times fields: most of so many are empty, as in records that have other fields each."""
_OPENING, _CLOSING = ("start_map", "start_array"), ("end_map", "end_array")
_ARRAY = "\x00"
"""Stands in a path for being inside an array."""
_FIELD_DEPTH = 4
"""How deep an array of records may be in an object."""


def is_json(text: bytes) -> bool:
    """Whether a text begins as JSON does."""
    return text.lstrip(_WHITE)[:1] in (b"{", b"[")


def read_json_table(sample: Sample, max_record_bytes: int) -> SampleTable:
    """Reads the records of a JSON sample.

    Raises:
        FileError: there are none, or the text is not JSON.
    """
    if sample.is_whole and _has_too_many_members(sample.head):
        sample = thinned(sample)
    records, layout, notes, doubts = _read(sample, max_record_bytes)
    good = [record for record in records if isinstance(record, Mapping)]
    if not good:
        raise FileError(_no_records(sample))
    table = _tabulate(good)
    table.format, table.notes, table.doubts = layout.name, [*notes, *table.notes], doubts
    table.sample = sample
    table.array_path = layout.keys if isinstance(layout, ElementsLayout) else ()
    table.bad_records = len(records) - len(good)
    if table.bad_records:
        reason = next((each.reason for each in records if isinstance(each, Unreadable)), "a value is no object")
        table.notes.append(f"{table.bad_records:,} records are no good: {reason}.")
    return table


def _no_records(sample: Sample) -> str:
    if sample.is_whole:
        return f"The file holds no JSON objects; {EXPECTED}"
    read = f"{len(sample.head):,} bytes"
    return f"No record ends in the first {read}: the keys of one object may be data, or it is nested; {EXPECTED}"


def _has_too_many_members(text: bytes) -> bool:
    return text.count(b"{") > _MOST_RECORDS or max(text.count(b","), text.count(b":")) > _MOST_MEMBERS


def _read(sample: Sample, max_record_bytes: int) -> tuple[list[object], Layout, list[str], list[Doubt]]:
    body = sample.head.lstrip(_WHITE)
    start = len(sample.head) - len(body)
    if body.startswith(b"["):
        layout: Layout = ElementsLayout(start + 1)
        return _records(sample, layout, max_record_bytes), layout, [], []
    if _is_ndjson(body):
        return list(_lines(sample, max_record_bytes)), LinesLayout(0), [], []
    if sample.is_whole:
        document = decode(body)
        if isinstance(document, Mapping):
            return _in_wrapper(document)
    elif found := _first_array(body):
        keys, records = found
        return (
            records,
            ElementsLayout(0, keys),
            [f"The records are those of the first array of objects: {'.'.join(keys)}."],
            [],
        )
    layout = ObjectsLayout(start)
    return _records(sample, layout, max_record_bytes), layout, [], []


def _is_ndjson(body: bytes) -> bool:
    lines = [line.strip(_WHITE) for line in body[: 1 << 20].split(b"\n", 3)[:3] if line.strip(_WHITE)]
    if len(lines) < 2:
        return False
    return lines[1].startswith(b"{") and isinstance(decode(lines[0]), Mapping)


def _records(sample: Sample, layout: Layout, max_record_bytes: int) -> list[object]:
    """The records at the beginning of a sample: what is cut at its end is left out."""
    source: Source = as_source(sample.head)
    source.skip_to(layout.start)
    found: list[object] = []
    try:
        for records in read_records(source, layout, 0, max_record_bytes, run_bytes=_RUN_BYTES):
            found += records.values
            if len(found) >= _MOST_RECORDS:
                break
    except FileError:
        if sample.is_whole:
            raise
    return found


def _lines(sample: Sample, max_record_bytes: int) -> Iterator[object]:
    """The records of NDJSON: whole lines of every part."""
    last = len(sample.pieces)
    shared = shares(sample, _MOST_RECORDS)
    for number, (part, most) in enumerate(zip((sample.head, *sample.pieces), shared, strict=True)):
        begin = part.find(b"\n") + 1 if number else 0
        is_end = sample.is_whole or (number == last and sample.has_end)
        text = part[begin:] if is_end else part[begin : part.rfind(b"\n") + 1]
        text = (last_lines if is_end and number else first_lines)(text, b"\n", most)
        for records in read_records(as_source(text), LinesLayout(0), 0, max_record_bytes):
            yield from records.values


def _in_wrapper(document: Mapping[str, object]) -> tuple[list[object], Layout, list[str], list[Doubt]]:
    """The only array of objects inside an object, the largest of several, or the object itself as the only record."""
    arrays = sorted(_arrays(document, ()), key=lambda pair: -len(pair[1]))
    if not arrays:
        return [document], ObjectsLayout(0), [], []
    (keys, records), *others = arrays
    layout = ElementsLayout(0, keys)
    if not others:
        return list(records), layout, [], []
    names = [".".join(keys) for keys, _ in arrays]
    text = f"The file holds several arrays of objects: {', '.join(names)}. Which one are the records?"
    return list(records), layout, [], [Doubt("records", text, sum(len(each) for _, each in arrays), tuple(names))]


def _arrays(value: Mapping[str, object], keys: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Sequence[object]]]:
    """Arrays of objects in an object, not those inside other arrays."""
    for key, member in value.items():
        if isinstance(member, list) and member and all(isinstance(each, Mapping) for each in member):
            yield (*keys, key), member
        elif isinstance(member, Mapping) and len(keys) < _FIELD_DEPTH:
            yield from _arrays(member, (*keys, key))


def _first_array(text: bytes) -> tuple[tuple[str, ...], list[object]] | None:
    """The first array of objects in the object at the beginning of a large file, as far as the text goes."""
    path: list[str] = []
    records: list[object] = []
    builder: ObjectBuilder | None = None
    depth = 0
    key = ""
    too_long = _TOO_LONG.search(text)  # ijson crashes on it, and the process with it
    with suppress(ijson.JSONError):
        for event, value in yajl.basic_parse(BytesIO(text[: too_long.start()] if too_long else text)):
            if builder is not None:
                builder.event(event, value)
                depth += (event in _OPENING) - (event in _CLOSING)
                if not depth:
                    records.append(builder.value)
                    builder = None
            elif records and event != "start_map":
                break  # the array ends
            elif event == "map_key":
                key = value
            elif event == "start_map" and path and path[-1] == _ARRAY:
                builder, depth = ObjectBuilder(), 1
                builder.event(event, value)
            elif event in _OPENING:
                path += [key, _ARRAY] if event == "start_array" else [key]
            elif event in _CLOSING:
                del path[-2 if event == "end_array" else -1 :]
    return (tuple(path[1:-1]), records) if records else None


# -- records into columns --------------------------------------------------------------------------------------------


def as_table(records: Sequence[Mapping[str, object]], format: str) -> SampleTable:
    """Records that are elements of arrays as a table."""
    table = _tabulate(records)
    table.format, table.notes = format, []
    return table


def _tabulate(records: Sequence[Mapping[str, object]]) -> SampleTable:
    flat = [_flatten(record) for record in records]
    titles = _with_values(flat)
    if len(titles) > _MOST_FIELDS:
        raise FileError(
            f"The records have {len(titles):,} fields; a dataset has at most {_MOST_FIELDS:,}. Keys may be data: "
            "deliver an array of records instead"
        )
    if len(flat) * len(titles) > _MOST_CELLS:
        flat = flat[:: len(flat) * len(titles) // _MOST_CELLS + 1]
    columns: list[Cells] = []
    natives: list[frozenset[str]] = []
    children = []
    for title in titles:
        values = [record.get(title) for record in flat]
        kinds = frozenset(map(_kind, values)) - {"null"}
        natives.append(kinds)
        columns.append([_text(value) for value in values])
        if "nested" in kinds and _holds_objects(values):
            children.append(title)
    notes = [
        f"`{each}` holds arrays of objects: they can be a dataset of their own that refers to this one."
        for each in children
    ]
    return SampleTable(titles, columns, natives, notes=notes, children=children)


def _with_values(flat: Sequence[Mapping[str, object]]) -> list[str]:
    """The names of all members, without objects that are flattened and otherwise null or empty."""
    titles = list(dict.fromkeys(key for record in flat for key in record))
    flattened = {title[:index] for title in titles for index, each in enumerate(title) if each == "."}
    return [
        title
        for title in titles
        if title not in flattened or any(record.get(title) not in (None, {}) for record in flat)
    ]


def _flatten(record: Mapping[str, object]) -> dict[str, object]:
    flat: dict[str, object] = {}
    for key, value in record.items():
        if isinstance(value, Mapping) and value:
            flat.update((f"{key}.{name}", member) for name, member in value.items())
        else:
            flat[key] = value
    return flat


def _kind(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | Decimal):
        return "number"
    return "text" if isinstance(value, str) else "nested"


def _text(value: object) -> str | None:
    """A value as a text, an array or object as JSON."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Decimal):
        return str(value)
    return json.dumps(value, ensure_ascii=False, default=str)


def _holds_objects(values: Iterable[object]) -> bool:
    arrays = [value for value in values if isinstance(value, list) and value]
    return bool(arrays) and all(isinstance(member, Mapping) for array in arrays for member in array)
