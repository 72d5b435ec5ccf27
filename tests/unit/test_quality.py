"""Rules and scores of the definition q1, without a database."""

from collections import Counter
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logistics_core.catalogue import Dataset, Expectations, Field, FieldType, Role, built_in_catalogue
from logistics_core.catalogue.model import Reference
from logistics_core.quality import Counts, Dimension, Failure, Rule, failure_of, rules_of, score_of
from logistics_core.quality.documents import dataset_document
from logistics_pipeline.loading.contract.record_validator import PartialRow, Rejection, compile_validator


def field(name: str, **changes: Any) -> Field:
    given = {"title": name, "type": FieldType.NUMBER, "role": Role.MEASURE, "description": name, "required": False}
    return Field(name=name, **(given | changes))


DATASET = Dataset(
    name="payments",
    title="Payments",
    singular="payment",
    key=("id",),
    description="Payments",
    fields=(
        field("id", type=FieldType.STRING, required=True),
        field("litres", at_least=Decimal(0)),
        field("note", type=FieldType.STRING),
        field("card", type=FieldType.STRING, is_expected=True),
    ),
    references=(Reference(("card",), "cards", ("card_id",)),),
)


def rules(counts: Counts, arrivals: tuple[int, int] = (0, 0)) -> dict[tuple[str, str | None], tuple[int, int]]:
    return {(rule.name, rule.field): (rule.passed, rule.tested) for rule in rules_of(DATASET, counts, arrivals)}


def test_what_was_not_tested_is_absent_and_not_perfect() -> None:
    assert rules(Counts()) == {}
    score = score_of([])
    assert (score.score, score.dimensions, score.worst, score.tested) == (None, [], None, 0)


def test_every_failure_counts_against_exactly_one_rule() -> None:
    counts = Counts(files=1, files_as_agreed=1, read=20, loaded=10, superseded=3)
    counts.filled.update({"id": 10, "litres": 7, "card": 8})
    counts.rejected.update(
        {("id", Failure.MISSING): 1, ("litres", Failure.OUT_OF_BOUNDS): 2, ("litres", Failure.INVALID): 3}
    )
    counts.rejected[None, Failure.INVALID] = 1
    counts.cleared.update({("litres", Failure.INVALID): 1, ("litres", Failure.OUT_OF_BOUNDS): 1})
    counts.asked["card"], counts.found["card"] = 8, 6
    assert rules(counts) == {
        ("filled", "id"): (10, 11),
        ("filled", "card"): (8, 10),
        ("readable", None): (19, 20),
        ("valid", "id"): (10, 10),
        ("valid", "litres"): (7, 11),
        ("valid", "card"): (8, 8),
        ("unique", "id"): (10, 13),
        ("known_fields", None): (1, 1),
        ("refers", "card"): (6, 8),
        ("within_bounds", "litres"): (7, 10),
    }, "note has no value, is not expected, and so is tested nowhere"


def test_a_field_that_the_contract_has_lost_counts_against_the_record() -> None:
    counts = Counts(files=1, read=5, loaded=4)
    counts.rejected["fuel", Failure.INVALID] = 1
    assert rules(counts)["readable", None] == (4, 5)


def test_arrivals_are_tested_only_where_periods_are_over() -> None:
    assert ("arrived", None) not in rules(Counts(files=1, read=1, loaded=1))
    assert rules(Counts(), (6, 7))["arrived", None] == (6, 7)


def test_no_rule_drowns_in_a_larger_one() -> None:
    small = Rule(Dimension.VALIDITY, "valid", "a", 0, 1)
    large = Rule(Dimension.VALIDITY, "valid", "b", 999_999, 999_999)
    other = Rule(Dimension.UNIQUENESS, "unique", "id", 3, 4)
    score = score_of([small, large, other])
    assert [(each.dimension, each.score) for each in score.dimensions] == [("validity", 0.5), ("uniqueness", 0.75)]
    assert (score.score, score.worst, score.tested) == (0.625, small, 1_000_004)
    assert score.dimensions[0].worst == small


def test_one_failure_among_very_many_is_no_perfect_score() -> None:
    score = score_of([Rule(Dimension.VALIDITY, "valid", "a", 10**12 - 1, 10**12)])
    assert score.score is not None and score.score < 1 and score.dimensions[0].score < 1
    assert score_of([Rule(Dimension.VALIDITY, "valid", "a", 10**12, 10**12)]).score == 1


@given(st.lists(st.tuples(st.sampled_from(list(Dimension)), st.integers(0, 50), st.integers(1, 50)), max_size=9))
def test_a_score_lies_between_its_dimensions_and_these_between_their_rules(given: list[tuple[Any, int, int]]) -> None:
    order = list(Dimension)
    score = score_of(
        Rule(dimension, "valid", "a", min(passed, tested), tested)
        for dimension, passed, tested in sorted(given, key=lambda each: order.index(each[0]))
    )
    for dimension in score.dimensions:
        shares = [rule.share for rule in dimension.rules]
        assert min(shares) - 1e-6 <= dimension.score <= max(shares) + 1e-6
        assert dimension.worst.share == min(shares)
    assert (score.score is None) == (not given)
    if score.score is not None:
        assert min(each.score for each in score.dimensions) - 1e-6 <= score.score
        assert (score.score == 1) == all(rule.failed == 0 for each in score.dimensions for rule in each.rules)


@pytest.mark.parametrize("score", [0.95, 0.949999])
def test_a_score_is_compared_with_the_floor_of_the_contract(score: float) -> None:
    dataset = replace(DATASET, expectations=Expectations(quality=Decimal("0.95")))
    found = score_of([Rule(Dimension.VALIDITY, "valid", "a", round(score * 10**6), 10**6)])
    document = dataset_document(dataset, found, None)
    assert (document["floor"], document["is_below_floor"]) == (0.95, score < 0.95)


# -- the reasons of the loader ---------------------------------------------------------------------------------------


def reasons(dataset: Dataset, **values: object) -> list[tuple[str | None, str]]:
    outcome = compile_validator(dataset)(values)
    if isinstance(outcome, Rejection):
        return [(outcome.field, outcome.reason)]
    assert isinstance(outcome, PartialRow), outcome
    return [(each.field, each.reason) for each in outcome.cleared]


LOGS = built_in_catalogue()["vehicle_logs"]
GOOD = {"log_id": "L", "vehicle_id": "V", "trip_date": "2024-01-31", "mileage": 1, "fuel_used": 1}


@pytest.mark.parametrize(
    ("values", "failure"),
    [
        ({"log_id": None}, Failure.MISSING),
        ({"log_id": " "}, Failure.MISSING),
        ({"trip_date": "N/A"}, Failure.MISSING),
        ({"mileage": Decimal("-0.5")}, Failure.OUT_OF_BOUNDS),
        ({"mileage": "-3"}, Failure.OUT_OF_BOUNDS),
        ({"mileage": "far"}, Failure.INVALID),
        ({"mileage": "is missing"}, Failure.INVALID),
        ({"trip_date": "must be at least 3 "}, Failure.INVALID),
        ({"vehicle_id": "x" * 256}, Failure.INVALID),
        ({"log_id": 7}, Failure.INVALID),
    ],
)
def test_a_reason_tells_the_failure(values: dict[str, object], failure: Failure) -> None:
    ((name, reason),) = reasons(LOGS, **(GOOD | values))
    assert failure_of(name, reason) is failure
    assert failure_of(name, Rejection(name, reason).kind) is failure, "and so does its kind"


@pytest.mark.parametrize("bound", ["above", "at_least", "below", "at_most"])
def test_every_bound_of_a_number_is_told(bound: str) -> None:
    dataset = replace(DATASET, fields=(field("x", **{bound: Decimal(0)}),), key=("x",), references=())
    ((name, reason),) = reasons(dataset, x=1 if bound in ("below", "at_most") else -1)
    assert failure_of(name, reason) is Failure.OUT_OF_BOUNDS


def test_a_record_that_is_no_object_counts_as_a_whole() -> None:
    outcome = compile_validator(LOGS)("text")
    assert isinstance(outcome, Rejection)
    assert (outcome.field, failure_of(outcome.field, outcome.reason)) == (None, Failure.INVALID)


def test_counts_are_read_as_the_queries_return_them() -> None:
    counts = Counts.from_document(
        {
            "account": [2, 1, 30, 20, 4],
            "cells": [["litres", 17, 2, 1]],
            "kinds": [
                ["litres", "litres must be at least 0", 3],
                ["id", "id is empty", 1],
                ["id", "id is missing", 1],
                [None, "expected an object", 1],
            ],
            "references": [["card", 9, 8]],
        }
    )
    assert (counts.files, counts.files_as_agreed, counts.read, counts.loaded, counts.superseded) == (2, 1, 30, 20, 4)
    assert counts.cleared == Counter({("litres", Failure.INVALID): 2, ("litres", Failure.OUT_OF_BOUNDS): 1})
    assert counts.rejected == {
        ("litres", Failure.OUT_OF_BOUNDS): 3,
        ("id", Failure.MISSING): 2,
        (None, Failure.INVALID): 1,
    }
    assert (counts.filled["litres"], counts.asked["card"], counts.found["card"]) == (17, 9, 8)
