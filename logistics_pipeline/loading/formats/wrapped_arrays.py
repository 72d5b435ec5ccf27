"""Finds the array of records inside the object at the top of a JSON file, or that the object is a record itself.

An API's pages, saved one after the other, are several such objects: the array is under the same keys in each.
"""

from collections.abc import Collection
from dataclasses import dataclass, field

from logistics_core.catalogue import Dataset
from logistics_pipeline.errors import FileError
from logistics_pipeline.files.byte_stream import Source
from logistics_pipeline.loading.excerpts import excerpt
from logistics_pipeline.loading.formats.field_names import describe_fields
from logistics_pipeline.loading.formats.json_names import json_names
from logistics_pipeline.loading.formats.json_walk import STEPS, Event, JsonWalk
from logistics_pipeline.loading.layouts import ElementsLayout, Layout, ObjectsLayout, OtherArrays

EXPECTED = "expected a JSON array of objects, NDJSON, JSON objects, or CSV with a header"

MAX_CANDIDATES = 1_000
"""Arrays in a wrapper that may hold the records. No wrapper has so many: an object that does uses data as keys."""
MAX_PAGES = 100
"""Pages looked at if several arrays of the first may hold the records, as all are empty."""
LOOK_AHEAD_BYTES = 256 * 1024
"""How far behind the beginning of an array of records another one is looked for, under the dataset's own name."""
MAX_KEYS = 100
"""Keys of the object at the top that a message may name."""


@dataclass
class _Candidate:
    """An array that may hold the records."""

    layout: ElementsLayout
    has_fields: bool = False
    """Its first element names a field of the dataset."""
    marks: set[str | None] = field(default_factory=set)
    """The dataset's marks that its first element names."""


class ArraySearch:
    """Walks through the first object, and pages after it if its arrays are empty, until it is clear where records are.

    Two findings decide at once: the dataset's marks in the object itself (it is a record), an array under the dataset's
    name. The marks in the first element of another array decide unless an array of records under the dataset's name
    follows within `LOOK_AHEAD_BYTES`. Otherwise the walk goes through the whole object and takes the only likely
    array.
    """

    def __init__(self, dataset: Dataset, dataset_names: Collection[str]) -> None:
        self._dataset = dataset
        self._names_of_others = frozenset(dataset_names) - {dataset.name}
        self._json_names = json_names(dataset)
        self._property = dataset.dialect.array_path
        """What leads to the array, if the contract says so: then no other one is the dataset's."""
        self._path: list[str | None] = []
        """For each open container: its key, None inside an array and at the top."""
        self._key: str | None = None
        self._candidates: list[_Candidate] = []
        self._open: _Candidate | None = None
        """The array whose first element is being read."""
        self._records: ElementsLayout | None = None
        """The first array found to hold records, while one under the dataset's name is looked for."""
        self._is_record = False
        self._marks = set[str | None]()
        """The dataset's marks in the object at the top."""
        self._keys: dict[str, None] = {}
        """Of the object at the top."""
        self._pages = 0
        """Objects that did not show where the records are."""
        self._undecided: FileError | None = None
        """The first object's error, unless a later page decides."""
        self._first_arrays: list[ElementsLayout] = []
        self._has_named_object = False
        """The dataset's name is the key of an object."""

    def run(self, source: Source, max_record_bytes: int) -> Layout:
        """Returns the layout of a source whose next byte opens an object.

        Raises:
            FileError: not JSON; the object does not end; it holds no array of records, or several likely ones.
        """
        start = source.position
        walk = JsonWalk(source, max_record_bytes)
        try:
            found = self._find(walk, start)
        except FileError:
            if self._records is None:
                raise
            found = None  # the load gets as far and reports it
        found = found or self._records
        if found is not None:
            return self._on_first_page(found)
        if self._undecided is not None:
            raise self._undecided
        raise FileError(f"The object at the top never ends; {EXPECTED}", byte_offset=start)

    def _find(self, walk: JsonWalk, start: int) -> Layout | None:
        """Walks until the layout is certain; returns None at the end of the source or of the look-ahead."""
        for events in walk.blocks():
            for index, (event, value) in enumerate(events):
                if len(self._path) > 1 and self._path[-1] is None and event not in STEPS and self._open is None:
                    continue  # nothing inside an array inside an array matters
                found = self._process(event, value, walk, events, index, start)
                if found is not None:
                    return found
            if self._records is not None and walk.offset_after([]) > self._records.start + LOOK_AHEAD_BYTES:
                return None
        return None

    def _process(
        self, event: str, value: object, walk: JsonWalk, events: list[Event], index: int, start: int
    ) -> Layout | None:
        """Processes one event; returns the layout once it is certain."""
        if event == "map_key":
            self._key = str(value)
            return self._check_key(start)
        if event in ("start_map", "start_array"):
            self._path.append(self._key)
            self._key = None
            if event == "start_array":
                return self._enter_array(walk, events, index)
            self._has_named_object |= len(self._path) == 2 and self._is_named(self._path[-1])
        elif event in ("end_map", "end_array"):
            self._leave()
            if not self._path:
                return self._records or self._choose(start)
        return None

    def _on_first_page(self, found: Layout) -> Layout:
        """The array of the first page that a later one shows to be the right one."""
        if self._undecided is None:
            return found
        layout = next(
            (each for each in self._first_arrays if isinstance(found, ElementsLayout) and each.keys == found.keys), None
        )
        if layout is None:
            raise self._undecided
        return layout

    def _is_named(self, key: str | None) -> bool:
        return key is not None and _normalize(key) == self._dataset.name

    def _enter_array(self, walk: JsonWalk, events: list[Event], index: int) -> Layout | None:
        if None in self._path[1:]:
            return None  # an array inside an array: there may be millions of them
        keys = tuple(key for key in self._path[1:] if key is not None)
        if self._property is not None:
            is_meant = ".".join(keys) == self._property
            return ElementsLayout(walk.offset_after(events[: index + 1]), keys) if is_meant else None
        is_named = self._is_named(keys[-1])
        if _normalize(keys[-1]) in self._names_of_others:
            return None  # another dataset's array is not ours, even if its records have our key
        others = OtherArrays(
            self._dataset.marks,
            self._dataset.name if is_named else None,
            self._names_of_others,
            self._json_names.fields,
        )
        layout = ElementsLayout(walk.offset_after(events[: index + 1]), keys, others)
        if is_named and self._records is None:
            return layout
        if self._records is not None:
            self._open = _Candidate(layout) if is_named else None  # what it holds, its first element shows
            return None
        self._open = _Candidate(layout)
        self._candidates.append(self._open)
        if len(self._candidates) > MAX_CANDIDATES:
            raise self._error(layout.start)
        return None

    def _leave(self) -> None:
        self._path.pop()
        self._key = None
        if self._open is not None and len(self._path) <= len(self._open.layout.keys) + 1:
            self._open = None  # its first element has ended, or it has none

    def _check_key(self, start: int) -> Layout | None:
        if len(self._path) == 1 and self._key is not None and len(self._keys) < MAX_KEYS:
            self._keys[self._key] = None
        if (name := self._field_at(1)) is not None:
            self._is_record = True
            is_certain = self._property is None and self._completes(self._marks, name) and self._records is None
            return ObjectsLayout(start) if is_certain else None
        if self._open is not None and (name := self._field_at(len(self._open.layout.keys) + 2)) is not None:
            self._open.has_fields = True
            return self._first_element_is_ours() if self._completes(self._open.marks, name) else None
        return None

    def _field_at(self, depth: int) -> str | None:
        """The field that the key of this event is in a record, given how deep the record's own keys are."""
        if len(self._path) == depth:
            return self._json_names.field_of(None, self._key)
        is_within = len(self._path) == depth + 1 and self._path[-1] is not None
        return self._json_names.field_of(self._path[-1], self._key) if is_within else None

    def _completes(self, found: set[str | None], name: str) -> bool:
        """Whether a field is one of the marks and, with those `found` before, they are all there."""
        if name not in self._dataset.marks:
            return False
        found.add(name)
        return len(found) == len(self._dataset.marks)

    def _first_element_is_ours(self) -> Layout | None:
        """The array whose first element has the marks, unless one of the dataset's name is still to be looked for."""
        assert self._open is not None
        if self._records is not None:
            return self._open.layout
        self._records, self._open = self._open.layout, None
        return None

    def _choose(self, start: int) -> Layout | None:
        likely = [candidate for candidate in self._candidates if candidate.has_fields]
        if self._is_record and not likely:
            return ObjectsLayout(start)  # a record that lacks its marks, whatever arrays it holds
        if not likely and not self._has_named_object:  # otherwise that is where the records are
            likely = self._candidates
        if len(likely) == 1:
            return likely[0].layout
        if self._undecided is None:
            self._undecided = self._error(start)
            self._first_arrays = [candidate.layout for candidate in likely]
        self._pages += 1
        if not likely or self._pages > MAX_PAGES:
            raise self._undecided
        self._candidates, self._is_record, self._marks = [], False, set()
        return None

    def _error(self, offset: int) -> FileError:
        if self._property is not None:
            return FileError(
                f"The object at the top has no array under {excerpt(self._property, 100)}, where the contract of "
                f"{self._dataset.name} says that the records are (dialect.property); keys found: "
                f"{excerpt(', '.join(self._keys), 200) or 'none'}. Correct the contract or the file",
                byte_offset=offset,
            )
        names = ", ".join(".".join(candidate.layout.keys) for candidate in self._candidates[:5]) or "none"
        hint = (
            f"; {self._dataset.name} is an object here, write its values as an array" if self._has_named_object else ""
        )
        return FileError(
            f"The object at the top is neither a record of {self._dataset.name} nor does it hold exactly one array of "
            f"them (arrays found: {excerpt(names, 200)}{hint}); {describe_fields(self._dataset, self._keys)}; "
            f"{EXPECTED}",
            byte_offset=offset,
        )


def _normalize(key: str) -> str:
    return key.casefold().replace("-", "_").replace(" ", "_")


def skip_to_next_array(source: Source, layout: ElementsLayout, max_record_bytes: int) -> bool:
    """Moves from the end of an array to the beginning of the same array on the next page; returns False without one.

    What surrounds the array does not matter, unless it holds records as well; but a file that is cut off there is
    incomplete. Arrays at the top may follow each other, too, if each begins on a line of its own.

    Raises:
        FileError: not JSON; the file ends in the middle; what follows is not a page with that array; another array of
            the page holds records.
    """
    if not layout.keys:
        return _skip_to_array_at_top(source, max_record_bytes)
    walk = JsonWalk(source, max_record_bytes, b'{"":' * len(layout.keys) + b"[]")
    search = _PageSearch(layout, depth=walk.depth)
    for events in walk.blocks():
        for index, (event, value) in enumerate(events):
            if search.finds(event, value):
                walk.stop_after(events[: index + 1])
                return True
            if search.fault is not None:
                raise FileError(search.fault, byte_offset=walk.offset_after(events[:index]))
    reason = walk.close()
    if reason is not None or search.is_inside:
        raise FileError(
            f"The file ends in the middle ({reason or 'a page is incomplete'})", byte_offset=source.position
        )
    return False


def _skip_to_array_at_top(source: Source, max_bytes: int) -> bool:
    begin, is_new_line = source.position, False
    while block := source.read():
        rest = block.lstrip(b" \t\r\n")
        is_new_line = is_new_line or b"\n" in block[: len(block) - len(rest)]
        if is_new_line and rest.startswith(b"["):
            source.unread(rest[1:])
            return True
        if rest:
            raise FileError("Not JSON: trailing garbage after the array", byte_offset=source.position - len(rest))
        if source.position - begin > max_bytes:
            raise FileError(
                f"More than {max_bytes:,} blanks follow the array (LOGISTICS_MAX_RECORD_BYTES)",
                byte_offset=source.position,
            )
    return False


class _PageSearch:
    """Follows the events after an array until the same array of another page begins."""

    def __init__(self, layout: ElementsLayout, depth: int) -> None:
        self._keys = layout.keys
        self._other_records = _OtherRecords(layout)
        self._other_array: str | None = None
        """Another array that holds records."""
        self._depth = depth
        self._matched = 0
        """How many of the keys lead to where the walk is."""
        self._key: object = None
        self._is_found = True
        """The array of this page was found, or is null."""
        self.fault: str | None = None

    @property
    def is_inside(self) -> bool:
        return self._depth > 0

    def finds(self, event: str, value: object) -> bool:
        """Processes an event; returns whether it opens the array."""
        self._other_array = self._other_array or self._other_records.find(event, value)
        if self._is_found and self._other_array is not None:
            self.fault = self._describe_other(self._other_array)
            return False
        if event == "map_key":
            if self._depth <= len(self._keys):
                self._key = value
            return False
        if self._depth == 0:
            return self._enter_page(event)
        is_on_path = not self._is_found and self._depth == self._matched + 1 and self._key == self._keys[self._matched]
        is_array = is_on_path and self._depth == len(self._keys)
        if is_array and event in ("start_array", "null"):
            self._is_found = True
            if self._other_array is not None:
                self.fault = self._describe_other(self._other_array)
            return event == "start_array" and self.fault is None
        if is_on_path and event == "start_map" and not is_array:
            self._matched += 1
        self._depth += STEPS.get(event, 0)
        if event == "end_map":
            self._matched = min(self._matched, max(self._depth - 1, 0))
        if self._depth == 0 and not self._is_found:
            self.fault = self._describe("A page has no array")
        return False

    def _enter_page(self, event: str) -> bool:
        if event != "start_map":
            self.fault = self._describe("What follows a page is not a page with an array")
        self._depth, self._matched, self._is_found, self._key = 1, 0, False, None
        return False

    def _describe_other(self, path: str) -> str:
        return (
            f"Records are under {excerpt('.'.join(self._keys), 100)}, and under {excerpt(path, 100)} as well: "
            "which of them are meant cannot be told; deliver a file with one of these arrays"
        )

    def _describe(self, what: str) -> str:
        return f"{what} under {excerpt('.'.join(self._keys), 100)}, where the first page has its records"


class _OtherRecords:
    """Follows the events beside an array of records, until another array begins with a record."""

    def __init__(self, layout: ElementsLayout) -> None:
        self._others = layout.others
        self._path: list[str] = ["", *layout.keys[:-1]]
        """The key of each open object and array; empty at the top and inside arrays."""
        self._key = ""
        self._marks = set[object]()
        """The dataset's marks that the first element names."""
        self._first_at = 0
        """Depth of the first element of an array that may hold records, from that array's beginning to that element's
        end; 0 elsewhere."""
        self._array_at = 0
        """Depth of the outermost array that is open; 0 outside."""

    def find(self, event: str, value: object) -> str | None:
        """Processes an event; returns the path of an array if it shows that the array holds records."""
        if self._others is None:
            return None
        if event == "map_key":
            if (mark := self._mark_at(value)) is not None:
                self._marks.add(mark)
                if len(self._marks) == len(self._others.marks):
                    return ".".join(self._path[1:-1])
            self._key = "" if self._array_at else str(value)
        elif event in ("start_map", "start_array"):
            self._path.append(self._key)
            self._enter(is_array=event == "start_array")
            self._key = ""
        else:
            if event in ("end_map", "end_array"):
                self._path.pop()
            self._leave()
        return None

    def _mark_at(self, key: object) -> str | None:
        """The mark that a key is in the first element."""
        if self._others is None or not self._first_at:
            return None
        within = {self._first_at: None, self._first_at + 1: self._path[-1]}.get(len(self._path), "")
        name = self._others.places.get((within, str(key)), str(key) if within is None else "")
        return name if name in self._others.marks else None

    def _enter(self, *, is_array: bool) -> None:
        depth = len(self._path)
        if is_array and not self._array_at:
            self._array_at = depth
            if self._others is not None and self._others.may_hold_records(_normalize(self._key)):
                self._first_at, self._marks = depth + 1, set()
        elif is_array and depth == self._first_at:
            self._first_at = 0  # the first element is an array

    def _leave(self) -> None:
        depth = len(self._path)
        if depth < self._first_at:
            self._first_at = 0
        if depth < self._array_at:
            self._array_at = 0
