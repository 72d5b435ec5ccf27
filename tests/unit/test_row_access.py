"""Rules about rows as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logistics_core.catalogue import built_in_catalogue
from logistics_core.catalogue.metrics import Condition, Operator
from logistics_core.metrics.conditions import EVERYTHING, AllOf, AnyOf
from logistics_core.row_access.rule_texts import read_rules
from logistics_core.row_access.rules import RowAccess

CATALOGUE = built_in_catalogue()
SHIPMENTS = CATALOGUE["shipments"]


def _filter(*texts: str) -> object:
    return read_rules(texts, CATALOGUE).filter(SHIPMENTS, CATALOGUE)


def test_a_rule_names_fields_and_the_values_that_they_may_have() -> None:
    assert _filter("shipments: origin = Berlin | Bad Homburg") == Condition(
        "origin", Operator.IN, ("Bad Homburg", "Berlin")
    )
    assert _filter('shipments:origin="a = ""b"" | c" and log.vehicle.vehicle_id=V-1 or destination = "and"') == AnyOf(
        (
            Condition("destination", Operator.IN, ("and",)),
            AllOf(
                (
                    Condition("log.vehicle.vehicle_id", Operator.IN, ("V-1",)),
                    Condition("origin", Operator.IN, ('a = "b" | c',)),
                )
            ),
        )
    )


def test_rules_of_one_dataset_add_up_and_the_dataset_alone_means_all_of_it() -> None:
    several = _filter("shipments: origin = Berlin", "shipments: destination = Berlin")
    assert several == _filter("shipments: destination = Berlin or origin = Berlin")
    assert _filter("shipments: origin = Berlin", "shipments") == EVERYTHING
    assert _filter("vehicles") is None


def test_who_may_see_the_same_rows_has_the_same_text() -> None:
    one = read_rules(["vehicles", "shipments: origin = B | A | A and destination = C"], CATALOGUE)
    other = read_rules(["shipments: destination = C and origin = A | B", "vehicles", "vehicles"], CATALOGUE)
    assert one == other
    assert RowAccess.from_document(one.document) == one


VALUES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)


@given(st.dictionaries(st.sampled_from(["origin", "destination"]), st.lists(VALUES, min_size=1, max_size=3)))
def test_what_rules_are_described_as_reads_as_the_same_rules(alternative: dict[str, list[str]]) -> None:
    access = RowAccess.of([("shipments", {path: tuple(values) for path, values in alternative.items()})])
    assert read_rules(list(access.described()), CATALOGUE) == access


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("shipmnts: origin = A", "'shipmnts: origin = A': there is no dataset 'shipmnts'. Did you mean shipments?"),
        ("shipments: orgin = A", "has no field 'orgin'"),
        ("shipments: weight = heavy", "weight takes a number"),
        ("shipments: origin", "expected a field, = and values, such as"),
        ("shipments:", "expected a field, = and values"),
        ("shipments: origin =", "expected a field, = and values"),
        ("shipments: origin = A |", "expected values separated by |"),
        ('shipments: origin = "A" B', "expected values separated by |"),
        ('shipments: origin = "A', "a quotation mark is not closed"),
        ("shipments: origin = A and origin = B", "origin stands twice where both must hold"),
        ("shipments: origin = A\0", "origin takes a text"),
    ],
)
def test_what_is_no_rule_is_refused_with_what_was_expected(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=r".") as refused:
        read_rules([text], CATALOGUE)
    assert message in str(refused.value)
