"""Proposes a contract for the elements of an array within the records of another dataset.

The file is read as a load reads it, by the contract of that dataset, so what it says about fields and places holds. The
key is that of the record around an element with the element's place in the array: one file proves no other one.
"""

import time
from collections.abc import Collection, Mapping, Sequence
from itertools import islice
from typing import Any

import msgspec

from logistics_core.catalogue import Dataset, Field, FieldType, Role
from logistics_core.catalogue.model import NestedRecords, Reference
from logistics_pipeline.errors import FileError
from logistics_pipeline.files.byte_stream import MAX_EXPANSION
from logistics_pipeline.files.stored_file import StoredFile
from logistics_pipeline.inference.column_profiles import profile_of
from logistics_pipeline.inference.json_tables import as_table
from logistics_pipeline.inference.keys import Key
from logistics_pipeline.inference.names import allowed_dataset_name, field_names, unique_dataset_name
from logistics_pipeline.inference.proposal import NestedIn, Proposal
from logistics_pipeline.inference.propose import MAX_RECORD_BYTES, proposal_of_table
from logistics_pipeline.inference.sampling import Sample
from logistics_pipeline.inference.tables import SampleTable
from logistics_pipeline.loading.formats.reader import Checkpoint, detect_format, open_after, read_records
from logistics_pipeline.loading.layouts import Unreadable

MOST_ELEMENTS = 20_000
"""Elements that are read: those at the beginning of the file."""
_GENERIC = frozenset({"id", "key", "code", "no", "nr", "number", "name", "uuid", "guid", "ref", "reference"})
"""Names of keys that need the name of what they identify."""
_POSITION = "\x00position"
"""Stands for the field while its name is not chosen: no member of an element has such a name."""


def nested_dataset_name(parent: Dataset, array: str, taken: Collection[str]) -> str:
    """A name for the dataset of an array's elements: `order_lines`."""
    name = array if array.startswith(f"{_word(parent)}_") else f"{_word(parent)}_{array}"
    return unique_dataset_name(allowed_dataset_name(name), taken)


def propose_nested(
    path: StoredFile,
    parent: Dataset,
    document: Mapping[str, Any],
    array: str,
    name: str,
    *,
    max_record_bytes: int = MAX_RECORD_BYTES,
    max_expansion: int = MAX_EXPANSION,
    known: Dataset | None = None,
) -> Proposal:
    """Proposes a contract named `name` for the elements of a field of `parent`, whose contract is `document`.

    With the dataset that is `known` for them already, fields have its names, and columns have profiles to compare.

    Raises:
        FileError: the file cannot be read, or holds no such elements.
    """
    begin = time.perf_counter()
    elements, faults, format, is_whole = _read(path, parent, array, max_record_bytes, max_expansion)
    if not elements:
        reason = f": {faults[0].reason}" if faults else ""
        raise FileError(f"No record of the file has an object in the array {array}{reason}")
    table = as_table(elements, format)
    table.bad_records = len(faults)
    nested = _nested_in(table.titles, parent, document, array, known)
    key = tuple(nested.key.values())
    renamed = {_placeholder(there): here for there, here in nested.key.items()} | {_POSITION: nested.position}
    table.titles = [renamed.get(title, title) for title in table.titles]
    _put_first(table, [*key, nested.position])
    table.notes += [f"`{each}` holds arrays of objects: arrays within arrays stay JSON." for each in table.children]
    sample = Sample(b"", (), is_whole, has_end=False, total_bytes=None, compression=None, encoding_note=None)
    chosen = Key((*key, nested.position), f"the key of the record in {parent.name}, and the place in its array {array}")
    proposal, columns = proposal_of_table(path, name, sample, table, begin, chosen)
    return msgspec.structs.replace(
        proposal,
        nested=nested,
        is_key_confirmed=parent.is_key_confirmed,  # it is as certain as the key of the records around
        questions=tuple(each for each in proposal.questions if each.kind != "key" and not _is_of(each.columns, nested)),
        read=f"{'All' if is_whole else 'The first'} {table.rows:,} elements were read. A load judges every value.",
        children=(),
        array_path=(),
        profiles={each.name: profile_of(each) for each in columns} if known is not None else {},
    )


def _is_of(columns: Sequence[str], nested: NestedIn) -> bool:
    """Whether a question is only about fields that the other contract has decided."""
    return bool(columns) and set(columns) <= nested.fields.keys()


def _placeholder(name: str) -> str:
    """Stands for a field with the key while its name is not chosen."""
    return f"\x00{name}"


def _read(
    path: StoredFile, parent: Dataset, array: str, max_record_bytes: int, max_expansion: int
) -> tuple[list[Mapping[str, object]], list[Unreadable], str, bool]:
    """The elements at the beginning of a file with key and place, what is none, the format, and whether that is all."""
    stub = _stub(parent, array)
    format = detect_format(path, stub, (), max_record_bytes, is_nested=True)
    found: list[object] = []
    with open_after(path, format.layout, Checkpoint(), max_expansion, encoding=parent.encoding) as source:
        runs = read_records(source, format.layout, 0, max_record_bytes)
        values = (value for records in runs for value in records.values)
        found += islice(values, MOST_ELEMENTS)
        is_whole = next(values, None) is None
    elements = [value for value in found if isinstance(value, Mapping)]
    faults = [
        value if isinstance(value, Unreadable) else Unreadable("no object")
        for value in found
        if not isinstance(value, Mapping)
    ]
    return elements, faults, format.name, is_whole


def _stub(parent: Dataset, array: str) -> Dataset:
    """A dataset of the elements that knows no more than where they are."""
    fields = [Field(_placeholder(name), "", FieldType.STRING, Role.DIMENSION, "") for name in parent.key]
    position = Field(_POSITION, "", FieldType.INTEGER, Role.DIMENSION, "")
    return Dataset(
        name="elements",
        title="",
        singular="element",
        key=(),
        fields=(*fields, position),
        description="",
        references=(Reference(tuple(each.name for each in fields), parent.name, parent.key),),
        records=NestedRecords(parent.name, array, _POSITION),
        parent=parent,
    )


def _nested_in(
    titles: Sequence[str], parent: Dataset, document: Mapping[str, Any], array: str, known: Dataset | None
) -> NestedIn:
    """Where the elements are, with names for the fields that no member of them has."""
    if known is not None and known.records is not None:
        position, key = known.records.position, dict(known.parent_fields)
    else:
        own = [title for title in titles if not title.startswith("\x00")]
        taken = {*own, *field_names(own)}
        key = {}
        for name in parent.key:
            word = f"{_word(parent)}_{name}"
            key[name] = _first_free([word] if name in _GENERIC else [name, word], taken)
        position = _first_free([f"{_singular(array)}_no"], taken)
    declared = {each["name"]: each for each in document["schema"]["fields"]}
    words = document["schema"].get("missingValues")
    fields = {here: _key_field(declared[there], here, parent, words) for there, here in key.items()}
    fields[position] = {
        "name": position,
        "title": position.replace("_", " ").capitalize(),
        "type": "integer",
        "role": "dimension",
        "description": f"Place in the array {array}, from 1",
        "constraints": {"required": True, "minimum": 1},
    }
    return NestedIn(parent.name, array, position, key, fields)


def _key_field(declared: Mapping[str, Any], name: str, parent: Dataset, words: object) -> dict[str, Any]:
    """The field with the key of the record around, read as the other contract reads it."""
    kept = {key: value for key, value in declared.items() if key not in ("aliases", "expect", "invalidValues")}
    found = kept | {"name": name, "role": "dimension", "description": f"The record of {parent.title} that it is in"}
    found["constraints"] = {**kept.get("constraints", {}), "required": True}
    return found if words is None else {"missingValues": words} | found


def _first_free(names: Sequence[str], taken: set[str]) -> str:
    """The first name that is not taken, or the last with a number; it is taken then."""
    candidates = [*names, *(f"{names[-1]}_{number}" for number in range(2, 10_000))]
    allowed = (field_names([each])[0] for each in candidates)
    name = next(each for each in allowed if each not in taken)
    taken.add(name)
    return name


def _word(parent: Dataset) -> str:
    """What one record of the other dataset is called."""
    is_chosen = not parent.singular.endswith("_record")
    return parent.singular if is_chosen else _singular(parent.name)


def _singular(word: str) -> str:
    if word.endswith("ies"):
        return f"{word[:-3]}y"
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word


def _put_first(table: SampleTable, titles: Sequence[str]) -> None:
    """Moves columns to the beginning."""
    order = [table.titles.index(title) for title in titles]
    order += [index for index in range(len(table.titles)) if index not in order]
    table.titles = [table.titles[index] for index in order]
    table.columns = [table.columns[index] for index in order]
    table.natives = [table.natives[index] for index in order]
