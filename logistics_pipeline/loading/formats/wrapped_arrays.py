"""Finds the array of records inside the object at the top of a JSON file, or that the object is a record itself."""

from collections.abc import Container
from dataclasses import dataclass

from logistics_core.catalogue import Dataset
from logistics_pipeline.errors import FileError
from logistics_pipeline.loading.excerpts import excerpt
from logistics_pipeline.loading.formats.json_feed import cut_pieces, walk_events
from logistics_pipeline.loading.layouts import ElementsLayout, Layout, ObjectsLayout
from logistics_pipeline.sources.byte_stream import Source

EXPECTED = "expected a JSON array of objects, NDJSON, JSON objects, or CSV with a header"


@dataclass
class _Candidate:
    """An array that may hold the records."""

    layout: ElementsLayout
    has_fields: bool = False
    """Its first element names a field of the dataset."""


class ArraySearch:
    """Walks through the first object until it is clear where the records are.

    The walk feeds the parser up to each opening bracket and examines its events, so it knows the exact offset of the
    array it chooses. Three findings decide at once: the dataset's key in the object itself (it is a record), an array
    under the dataset's name, the dataset's key in the first element of an array. Otherwise the walk goes through the
    whole object and takes the only likely array.
    """

    def __init__(self, dataset: Dataset, dataset_names: Container[str]) -> None:
        self._dataset = dataset
        self._dataset_names = dataset_names
        self._fields = set(dataset.columns)
        self._path: list[str | None] = []
        """For each open container: its key, None inside an array and at the top."""
        self._key: str | None = None
        self._candidates: list[_Candidate] = []
        self._open: _Candidate | None = None
        """The array whose first element is being read."""
        self._is_record = False

    def run(self, source: Source, max_record_bytes: int) -> Layout:
        """Returns the layout of a source whose next byte opens an object.

        Raises:
            FileError: not JSON; the object does not end; it holds no array of records, or several likely ones.
        """
        start = source.position
        for offset, events in walk_events(cut_pieces(source, b"[", max_record_bytes), start, max_record_bytes):
            for event, value in events:
                found = self._process(event, value, offset, start)
                if found is not None:
                    return found
        raise FileError(f"The object at the top never ends; {EXPECTED}", byte_offset=start)

    def _process(self, event: str, value: object, offset: int, start: int) -> Layout | None:
        """Processes one event; returns the layout once it is certain."""
        if event == "map_key":
            self._key = str(value)
            return self._check_key(start)
        if event in ("start_map", "start_array"):
            return self._enter(event, offset)
        if event in ("end_map", "end_array"):
            self._leave()
            if not self._path:
                return self._choose(start)
        return None

    def _enter(self, event: str, offset: int) -> Layout | None:
        self._path.append(self._key)
        self._key = None
        keys = tuple(key for key in self._path[1:] if key is not None)
        if event != "start_array" or len(keys) < len(self._path) - 1:
            return None
        named = keys[-1].casefold().replace("-", "_").replace(" ", "_")
        if named == self._dataset.name:
            return ElementsLayout(offset, keys)
        if named not in self._dataset_names:  # another dataset's array is not ours, even if its records have our key
            self._open = _Candidate(ElementsLayout(offset, keys))
            self._candidates.append(self._open)
        return None

    def _leave(self) -> None:
        self._path.pop()
        self._key = None
        if self._open is not None and len(self._path) <= len(self._open.layout.keys) + 1:
            self._open = None  # its first element has ended, or it has none

    def _check_key(self, start: int) -> Layout | None:
        is_ours, is_field = self._key == self._dataset.key, self._key in self._fields
        if len(self._path) == 1:
            self._is_record |= is_field
            return ObjectsLayout(start) if is_ours else None
        if self._open is not None and len(self._path) == len(self._open.layout.keys) + 2:
            self._open.has_fields |= is_field
            return self._open.layout if is_ours else None
        return None

    def _choose(self, start: int) -> Layout:
        likely = [candidate for candidate in self._candidates if candidate.has_fields]
        if self._is_record and not likely:
            return ObjectsLayout(start)  # a record that lacks its key, whatever arrays it holds
        likely = likely or self._candidates
        if len(likely) == 1:
            return likely[0].layout
        names = ", ".join(".".join(candidate.layout.keys) for candidate in self._candidates[:5]) or "none"
        raise FileError(
            f"The object at the top is neither a record of {self._dataset.name} nor does it hold exactly one array of "
            f"them (arrays found: {excerpt(names, 200)}); {EXPECTED}",
            byte_offset=start,
        )
