"""Cursors: what went in comes out, for the same question and for no other."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logistics_api.errors import Problem
from logistics_api.parameters.cursors import decode, encode, fingerprint

KEYS = {
    str: st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=50),
    int: st.integers(-(2**63), 2**63 - 1),
    date: st.dates(),
    datetime: st.datetimes(timezones=st.just(UTC)),
    Decimal: st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**20), max_value=10**20),
}
QUESTION = fingerprint("/api/x", "newest", {"dataset": "shipments"})


@given(st.data())
def test_the_keys_of_a_cursor_come_back_as_they_were(data: st.DataObject) -> None:
    types = data.draw(st.lists(st.sampled_from(list(KEYS)), max_size=4))
    keys = [data.draw(st.none() | KEYS[kind]) for kind in types]
    cursor = encode(QUESTION, keys)
    assert decode(QUESTION, cursor, types) == keys
    assert cursor.isascii() and not set(cursor) & set('+/="\\ ')


@given(st.text(max_size=60))
def test_what_is_no_cursor_is_an_unknown_one_and_nothing_else(text: str) -> None:
    with pytest.raises(Problem) as caught:
        decode(QUESTION, text, [int])
    assert (caught.value.status, caught.value.kind) == (404, "unknown-cursor")


@pytest.mark.parametrize(
    "question",
    [
        fingerprint("/api/y", "newest", {"dataset": "shipments"}),
        fingerprint("/api/x", "oldest", {"dataset": "shipments"}),
        fingerprint("/api/x", "newest", {"dataset": "vehicles"}),
        fingerprint("/api/x", "newest", {"state": "shipments"}),
        fingerprint("/api/x", "newest", {}),
    ],
)
def test_a_cursor_belongs_to_path_order_and_filters(question: str) -> None:
    with pytest.raises(Problem):
        decode(question, encode(QUESTION, [7]), [int])


def test_a_filter_that_was_not_given_is_none() -> None:
    assert fingerprint("/api/x", "newest", {"dataset": "shipments", "state": None}) == QUESTION


@pytest.mark.parametrize(
    ("keys", "types"),
    [
        (["x"], [int]),
        (["1"], [date]),
        ([2**63], [int]),
        (["a\0b"], [str]),
        (["NaN"], [Decimal]),
        (["1e999999999"], [Decimal]),
        (["Infinity"], [Decimal]),
        (["9" * 5000], [int]),
        ([1, 2], [int]),
        ([], [int]),
    ],
)
def test_made_up_keys_that_postgresql_would_not_take_never_get_there(keys: list[Any], types: list[Any]) -> None:
    with pytest.raises(Problem):
        decode(QUESTION, encode(QUESTION, keys), types)
