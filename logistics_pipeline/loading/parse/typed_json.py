"""Decodes JSON text as typed objects by msgspec: one column per field of the dataset.

Only shapes are typed, never values: numbers keep their text, and irregular values go through `record_validator`.
"""

from collections.abc import Callable, Sequence, Set
from decimal import Decimal
from functools import lru_cache
from operator import attrgetter
from typing import Any, Protocol

import msgspec

from logistics_core.catalogue import Dataset, Field, FieldType
from logistics_core.catalogue.model import NESTED_TYPES, NUMERIC_TYPES
from logistics_pipeline.loading.contract.columns import Column, indexes_of
from logistics_pipeline.loading.contract.number_columns import JsonNumbers, NumberTexts
from logistics_pipeline.loading.formats.json_decoding import decode
from logistics_pipeline.loading.formats.json_names import JsonNames, Place, json_names
from logistics_pipeline.loading.formats.json_scanner import MAX_DEPTH, find_deeper, is_too_deep
from logistics_pipeline.loading.layouts import NOT_KNOWN
from logistics_pipeline.loading.parse.chunks import MAX_UNKNOWN_FIELDS

MIN_REGULAR_SHARE = 8
"""If more than one in this many numbers is irregular, for example because numbers are quoted, all are decoded."""

_DECODE_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_EXACT = frozenset({str, int, bool})
"""Types of values that msgspec decodes as the reference parser does."""

_Decode = Callable[[bytes], list[Any]]


class Decoders(Protocol):
    """Two ways to decode objects: from an array, from lines."""

    @property
    def array(self) -> _Decode: ...

    @property
    def lines(self) -> _Decode: ...


ChooseDecoder = Callable[[Decoders], _Decode]
_AS_LINES: ChooseDecoder = attrgetter("lines")


class TypedObjects:
    """Consecutive objects, decoded."""

    def __init__(self, shape: "_Shape", structs: list[Any]) -> None:
        self._shape = shape
        self._structs = structs
        self.cells: list[Sequence[Any]] = []
        """The values of the dataset's fields, one column each; numbers and what is nested as they are written."""
        self.others = shape.find_others(structs)
        """The indexes of those that are no objects, in order."""

    def __len__(self) -> int:
        return len(self._structs)

    @property
    def names(self) -> frozenset[str]:
        """Names of all fields found so far, the dataset's among them."""
        return self._shape.names

    def columns(self) -> list[Column]:
        """The values of the dataset's fields, one column each."""
        self.cells = self._shape.columns(self._structs, self.others)
        return self._shape.decode_numbers(self.cells)

    def other_columns(self) -> dict[str, Column]:
        """The values of the other fields found so far, one column each, by name."""
        return self._shape.other_columns(self._structs, self.others)

    def read_value(self, index: int, position: int) -> object:
        """Returns a value as the reference parser would decode it; `NOT_KNOWN` where that is not certain."""
        value = self.cells[position][index]
        if type(value) in _EXACT:
            return value
        if self.others and not self._shape.is_object(self._structs[index]):
            return NOT_KNOWN
        if type(value) is msgspec.Raw:
            text = bytes(value)
            # A name that an object has twice is lost on msgspec.
            return decode(text) if text.startswith((b"{", b"[")) else _decode_number(value)
        return None if value is None else NOT_KNOWN

    def value(self, index: int) -> object:
        """Returns what stands in place of a record if it is decoded, else `NOT_KNOWN`."""
        struct = self._structs[index]
        return struct if type(struct) in _EXACT else NOT_KNOWN


class TypedDecoder:
    """Decodes the objects of one file, learning the names of fields that the dataset does not have.

    Unless it `passes_over` such fields: then neither their names are learned nor their values decoded.
    """

    def __init__(self, dataset: Dataset, *, passes_over: bool = False) -> None:
        self._dataset = dataset
        self._names = json_names(dataset)
        self._passes_over = passes_over and self._names.is_plain
        self._shape = _first_shape(dataset, passes_over=self._passes_over)

    @property
    def takes_constants(self) -> bool:
        """Whether a text may be decoded with others in place of the constants that JSON lacks.

        Not if names of members in objects matter: the reference knows only the outer names of such a record.
        """
        return self._names.is_plain

    def decode(self, text: bytes, choose: ChooseDecoder) -> TypedObjects | None:
        """Decodes objects; None if anything about them is irregular.

        Fields that the dataset has may hold something nested too deep: no record with that is valid.
        """
        if self._shape.is_ambiguous or (self._passes_over and not _is_utf8(text)):
            return None
        try:
            structs = choose(self._shape)(text)
        except msgspec.ValidationError:
            is_new = not self._passes_over and self._learn_names(text, choose)
            return self.decode(text, choose) if is_new else None
        except _DECODE_ERRORS:
            return None
        if not (self._shape.is_strict or self._passes_over):
            self._learn_names(text, choose)
            if not self._names.is_plain:  # a value may be under a name that was not learned
                return None
            if self._dataset.has_extras:  # not all values are in the structs
                return None
        if (self._shape.others or self._passes_over) and _may_be_too_deep(text, *self._shape.count_levels(structs)):
            return None
        return TypedObjects(self._shape, structs)

    def decode_each(self, lines: Sequence[bytes]) -> tuple[TypedObjects, list[int]] | None:
        """Decodes objects one by one, and returns the indexes of those that only the reference can read.

        None if there are no lines, or too many names of fields to tell which objects those are.
        """
        structs, undecoded, shape = list[Any](), list[int](), self._shape
        if not lines or shape.is_ambiguous or not (shape.is_strict or self._passes_over):
            return None
        for index, line in enumerate(lines):
            struct = self._decode_object(line)
            if self._shape is not shape:
                return self.decode_each(lines)
            if struct is None:
                undecoded.append(index)
            structs.append(struct)
        return TypedObjects(shape, structs), undecoded

    def _decode_object(self, line: bytes) -> object:
        """Decodes an object; None if that is not possible, or if it becomes possible by what was learned from it."""
        try:
            if is_too_deep(line) or (self._passes_over and not _is_utf8(line)):
                return None
            return self._shape.object(line)
        except msgspec.ValidationError:
            if not self._passes_over:
                self._learn_names(line, _AS_LINES)
        except _DECODE_ERRORS:
            pass
        return None

    def _learn_names(self, text: bytes, choose: ChooseDecoder) -> bool:
        """Adds new names of fields to the shape; returns False if there are none, or enough."""
        if len(self._shape.others) >= MAX_UNKNOWN_FIELDS:
            return False
        try:
            mappings = choose(_ANY_NAMES)(text)
            new = self._places_in(mappings) - self._shape.places
        except _DECODE_ERRORS:
            return False
        if _may_be_too_deep(text, len(mappings)):
            return False  # some of these objects are not records
        if new:
            self._shape = _Shape(self._dataset, self._shape.places | new)
        return bool(new) and not self._shape.is_ambiguous

    def _places_in(self, mappings: Sequence[dict[str, msgspec.Raw]]) -> set[Place]:
        """The places of all values in objects, where fields are looked for: members, and those of objects in them."""
        names = set[str]().union(*mappings)
        found: set[Place] = {(None, name) for name in names - self._names.parents}
        for parent in names & self._names.parents:
            objects = _decode_objects([mapping[parent] for mapping in mappings if parent in mapping])
            found.add((parent, ""))  # the object itself
            found |= {(parent, name) for name in set[str]().union(*objects)}
        return found


class _Shape:
    """The members that objects are expected to have: the dataset's fields, and others found so far, of any kind.

    Fields with aliases are bound to the places at which the file has them, which may be in objects within the records.
    """

    def __init__(self, dataset: Dataset, places: Set[Place] = frozenset(), *, passes_over: bool = False) -> None:
        names = json_names(dataset)
        self.places = places | {(None, name) for name in dataset.columns} if names.is_plain else frozenset(places)
        """The places at which something was found so far."""
        self._fields = dataset.fields
        self._missing_words = [_words_in_json(field) if field.type in NUMERIC_TYPES else None for field in self._fields]
        """Of each field of numbers."""
        bound = _Bound(dataset, names, places)
        self._bound = bound
        self.others = bound.others
        """Those of them that are no fields, by the name that their values have."""
        self.names = frozenset(dataset.columns) | self.others.keys()
        typed = [name for name in sorted(self.others) if _can_be_field_name(self.others[name][1])]
        self._typed_others = typed[: MAX_UNKNOWN_FIELDS - 1]
        self._passes_over = passes_over
        self.is_strict = not passes_over and len(self._typed_others) == len(self.others)
        """Every name found so far is a field of the struct, so an object with a new one does not decode."""
        self.is_ambiguous = bound.is_ambiguous
        """Only the reference can tell which values are whose."""
        self._struct, self._inner = self._make_structs()
        element = self._struct | _NOT_AN_OBJECT
        self.array: _Decode = msgspec.json.Decoder(list[element]).decode  # type: ignore[valid-type]
        self.lines: _Decode = msgspec.json.Decoder(element).decode_lines
        self.object: Callable[[bytes], object] = msgspec.json.Decoder(self._struct).decode

    def _make_structs(self) -> tuple[type[Any], dict[str, type[Any]]]:
        """The struct of a record, and those of the objects in it that fields have paths into."""
        if self.is_ambiguous:
            return msgspec.defstruct("Record", ()), {}
        members: dict[str | None, list[_Member]] = {parent: [] for parent in (None, *self._bound.parents)}
        for index, (field, (parent, name)) in enumerate(zip(self._fields, self._bound.places, strict=True)):
            members[parent].append((*_struct_field(index, field.type), name))
        for index, other in enumerate(self._typed_others):
            parent, name = self.others[other]
            members[parent].append((f"other_{index}", msgspec.Raw, _NULL, name))
        inner = {parent: _make_struct("Object", members[parent], is_strict=True) for parent in self._bound.parents}
        for index, (parent, struct) in enumerate(inner.items()):
            members[None].append((f"object_{index}", struct | None, None, parent))
        return _make_struct("Record", members[None], is_strict=self.is_strict), inner

    def find_others(self, structs: list[Any]) -> list[int]:
        """The indexes of what is no object, in order."""
        others = set(map(type, structs)) - {self._struct}
        return indexes_of(others, list(map(type, structs))) if others else []

    def count_levels(self, structs: list[Any]) -> tuple[int, int]:
        """The number of objects that the structs stand for, and how deep they are within records."""
        count = len(structs)
        for index in range(len(self._inner)):
            count += sum(getattr(struct, f"object_{index}", None) is not None for struct in structs)
        return count, 1 if self._inner else 0

    def is_object(self, struct: object) -> bool:
        return type(struct) is self._struct

    def columns(self, structs: list[Any], others: Sequence[int]) -> list[Sequence[Any]]:
        """The values of the dataset's fields, one column each; numbers as written."""
        structs = self._with_records_only(structs, others)
        if self._inner:
            owners = self._owners(structs)
            return [
                list(map(attrgetter(f"field_{index}"), owners[parent]))
                for index, (parent, _) in enumerate(self._bound.places)
            ]
        if len(self._fields) == 1:  # a search for formats: this takes a tenth of the time
            return [[struct.field_0 for struct in structs]]
        columns = zip(*map(msgspec.structs.astuple, structs), strict=True)
        return [column for _, column in zip(self._fields, columns, strict=False)]

    def other_columns(self, structs: list[Any], others: Sequence[int]) -> dict[str, Column]:
        """The values of other fields than the dataset's, decoded."""
        structs = self._with_records_only(structs, others)
        owners = self._owners(structs)
        return {
            name: _decode_all([getattr(struct, f"other_{index}") for struct in owners[self.others[name][0]]])
            for index, name in enumerate(self._typed_others)
        }

    def _owners(self, structs: list[Any]) -> dict[str | None, list[Any]]:
        """For each object that values are in, one struct per record: one without values if a record lacks it."""
        owners: dict[str | None, list[Any]] = {None: structs}
        for index, (parent, struct) in enumerate(self._inner.items()):
            name, nothing = f"object_{index}", struct()
            found = list(map(attrgetter(name), structs))
            owners[parent] = [nothing if owner is None else owner for owner in found] if None in found else found
        return owners

    def _with_records_only(self, structs: list[Any], others: Sequence[int]) -> list[Any]:
        """The same objects, with one without a key, which is not plain, in place of anything else."""
        if not others:
            return structs
        nothing, replaced = self._struct(), list(structs)
        for index in others:
            replaced[index] = nothing
        return replaced

    def decode_numbers(self, columns: list[Sequence[Any]]) -> list[Column]:
        """The same columns with numbers decoded, unless only texts among them matter and there are none."""
        return [
            column if words is None else _decode_texts(column) if self._passes_over else _decode_numbers(column, words)
            for words, column in zip(self._missing_words, columns, strict=False)
        ]


class _Bound:
    """Where the fields of a dataset are in a file, as far as it was read, and where there is something else."""

    def __init__(self, dataset: Dataset, names: JsonNames, places: Set[Place]) -> None:
        found: dict[str, list[Place]] = {}
        for place in places:
            if (field := names.fields.get(place)) is not None:
                found.setdefault(field, []).append(place)
        self.places = [found.get(name, [(None, name)])[0] for name in dataset.columns]
        """Of each field."""
        self.parents = sorted({parent for parent, _ in places if parent is not None})
        """Objects in which there is something."""
        others = [place for place in places if place not in names.fields and (place[0] is None or place[1])]
        self.others: dict[str, Place] = {_flat_name(place): place for place in others}
        written = [name for place in self.places for name in place if name is not None]
        self.is_ambiguous = (
            any(len(each) > 1 for each in found.values())
            or len(self.others) < len(others)
            or any((None, parent) in names.fields for parent in names.parents)
            or not all(map(_can_be_field_name, [*written, *self.parents]))
        )


def _flat_name(place: Place) -> str:
    parent, name = place
    return name if parent is None else f"{parent}.{name}"


@lru_cache(maxsize=16)
def _first_shape(dataset: Dataset, *, passes_over: bool) -> _Shape:
    """The shape that the first objects of a file are expected to have.

    Making one takes longer than reading a small file.
    """
    return _Shape(dataset, passes_over=passes_over)


_Member = tuple[str, Any, Any, str]
"""A field of a struct, its type, its default, and the name that it has in JSON."""


def _make_struct(name: str, members: Sequence[_Member], *, is_strict: bool) -> type[Any]:
    fields = [(field, type, default) for field, type, default, _ in members]
    names = {field: written for field, *_, written in members}
    return msgspec.defstruct(name, fields, rename=names, gc=False, forbid_unknown_fields=is_strict)


def _struct_field(index: int, type: FieldType) -> tuple[str, Any, Any]:
    """A field that takes any value. Numbers stay raw, as a float would not keep every digit; so does what is nested."""
    is_raw = type in NUMERIC_TYPES or type in NESTED_TYPES
    return (f"field_{index}", msgspec.Raw, _NULL) if is_raw else (f"field_{index}", Any, None)


def _decode_objects(values: Sequence[msgspec.Raw]) -> list[dict[str, msgspec.Raw]]:
    """Decodes raw values that are objects or null.

    Raises:
        msgspec.DecodeError: one of them is not.
    """
    return [value for value in _decode_members(b"[" + b",".join(values) + b"]") if value is not None]


_decode_members = msgspec.json.Decoder(list[dict[str, msgspec.Raw] | None]).decode


def _can_be_field_name(name: str) -> bool:
    """Whether msgspec accepts a name for a field."""
    return not any(character in '"\\' or character < " " for character in name)


_NULL = msgspec.Raw(b"null")
_NOT_AN_OBJECT = bool | int | float | str | list[Any] | None
"""Other values in the position of a record: they decode, and are rejected afterwards."""


class _AnyNames:
    """Decodes objects of any shape."""

    def __init__(self) -> None:
        self.array: _Decode = msgspec.json.Decoder(list[dict[str, msgspec.Raw]]).decode
        self.lines: _Decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode_lines


_ANY_NAMES = _AnyNames()

_encode = msgspec.json.Encoder().encode
_decode_values = msgspec.json.Decoder(list[Any], float_hook=Decimal).decode


_decode_value = msgspec.json.Decoder(Any, float_hook=Decimal).decode


def _decode_number(value: msgspec.Raw) -> object:
    """Decodes what stands in place of a number."""
    try:
        return _decode_value(value)
    except _DECODE_ERRORS:  # for example an integer of a thousand digits
        return decode(bytes(value))


def _decode_texts(column: Sequence[msgspec.Raw]) -> Column:
    """Decodes raw values if there may be a text among them."""
    elements = b",".join(column)
    return _decode_numbers(column) if b'"' in elements else JsonNumbers(column)


def _decode_all(column: Sequence[msgspec.Raw]) -> Column:
    """Decodes raw values of any kind."""
    try:
        return _decode_values(_encode(column))
    except _DECODE_ERRORS:  # for example an integer of a thousand digits
        return [decode(bytes(raw)) for raw in column]


def _words_in_json(field: Field) -> list[bytes]:
    """Texts that mean "nothing" in a field, as JSON: those that stand between commas if they stand anywhere."""
    return [_encode(word) for word in field.missing_words if not set(word) & set(',"\\')]


def _decode_numbers(column: Sequence[msgspec.Raw], missing_words: Sequence[bytes] = ()) -> Column:
    """Decodes raw values: numbers to their own text, or as they are if texts among them may be numbers too.

    Where there are many texts, the words among them that mean "nothing" become null. In a longer text, a replaced part
    leaves a quotation mark before it.
    """
    elements = _encode(column)[1:-1]
    if _has_many_texts(elements, column):
        for word in missing_words:
            elements = elements.replace(word, b"null")
    if not _has_many_texts(elements, column):
        texts = NumberTexts.from_json(elements, column)
        if len(texts.irregular) * MIN_REGULAR_SHARE <= len(column):
            return texts
    return _decode_all(column)


def _has_many_texts(elements: bytes, column: Sequence[msgspec.Raw]) -> bool:
    return elements.count(b'"') * MIN_REGULAR_SHARE > 2 * len(column)


def _is_utf8(text: bytes) -> bool:
    """Whether a text decodes: values that are passed over are not looked at."""
    if text.isascii():
        return True
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _may_be_too_deep(text: bytes, objects: int, levels: int = 0) -> bool:
    """Whether something may be too deep in a text with some objects that are known, up to a level within records."""
    arrays = text.count(b"[", 1) if text.find(b"[", 1) >= 0 else 0  # looking is much faster than counting
    nested = text.count(b"{") + text[:1].count(b"[") + arrays - objects
    return nested >= MAX_DEPTH - levels and find_deeper(text) is not None
