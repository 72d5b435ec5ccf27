"""Objects made of plain events are what ijson's own `items` would make of them."""

import json
from decimal import Decimal

import ijson.backends.yajl2_c as yajl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from logistics_pipeline.loading.formats.flat_objects import read_flat_objects
from logistics_pipeline.loading.layouts import Table

_NAMES = st.sampled_from(["id", "weight", "", "köln", "end_map", "{"])
_SCALARS = st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False, allow_infinity=False) | st.text()
_NESTED = st.dictionaries(_NAMES, st.text() | st.integers(), max_size=2) | st.lists(st.integers(), max_size=2)
_PAIRS = st.lists(st.tuples(_NAMES, _SCALARS), max_size=4)
_REGULAR = st.builds(
    lambda names, rows: [list(zip(names, row, strict=False)) for row in rows],
    st.lists(_NAMES, min_size=3, max_size=3),
    st.lists(st.tuples(_SCALARS, _SCALARS, _SCALARS), min_size=1, max_size=5),
)


@given(st.lists(_PAIRS, min_size=1, max_size=5) | _REGULAR, st.sampled_from([b"[", b"[null", b'{"keys":[', b""]))
def test_flat_objects_are_those_of_the_items_parser(objects: list[list[tuple[str, object]]], opening: bytes) -> None:
    text = (b"," if opening else b"\n").join(map(_written, objects))
    text = b"," + text if opening == b"[null" else text

    found = read_flat_objects(opening, text)

    if b"[" in text:
        assert found is None
        return
    assert found is not None
    assert (
        [*found] == [*yajl.items(b"[" + text.removeprefix(b",") + b"]", "item")]
        if opening
        else [*yajl.items(text, "", multiple_values=True)]
    )


@given(st.lists(_PAIRS, max_size=3), _NAMES, _NESTED, st.lists(_PAIRS, max_size=3))
def test_one_nested_value_among_flat_objects_is_seen(
    before: list[list[tuple[str, object]]], name: str, nested: object, behind: list[list[tuple[str, object]]]
) -> None:
    objects = [*before, [(name, nested)], *behind]

    assert read_flat_objects(b"[", b", ".join(map(_written, objects))) is None


def test_objects_with_the_same_fields_come_as_columns() -> None:
    found = read_flat_objects(b"[null", b' , {"id": "A", "weight": 1.50},\n{"id": null, "weight": 2}')

    assert isinstance(found, Table)
    assert found.columns == {"id": ("A", None), "weight": (Decimal("1.50"), 2)}


@pytest.mark.parametrize("text", [b"", b" ", b'{"a": 1', b'{"a": 1} {"a": 2}', b'{"a": 01}', b"7", b'{"a" 1}'])
def test_what_is_no_array_of_objects_is_left_to_others(text: bytes) -> None:
    assert read_flat_objects(b"[", text) is None


def _written(pairs: list[tuple[str, object]]) -> bytes:
    """An object as JSON: a name may come twice."""
    return b"{" + ", ".join(f"{json.dumps(name)}: {_value(value)}" for name, value in pairs).encode() + b"}"


def _value(value: object) -> str:
    return str(value) if isinstance(value, Decimal) else json.dumps(value, ensure_ascii=False)
