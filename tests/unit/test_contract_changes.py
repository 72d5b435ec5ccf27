"""What differs between two contracts: every change is named, and is compatible, breaking, or needs an empty table."""

from dataclasses import fields, replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import yaml

from logistics_core.catalogue import Dataset, Field, FieldType, InvalidValues, Role
from logistics_core.catalogue.contract_files import contract_from_document
from logistics_core.catalogue.model import MISSING_VALUES
from logistics_pipeline.contracts.comparing import Effect, are_compatible, changes_between, changes_of_field
from tests.contract_texts import FUEL


def contract(**changes: Any) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(FUEL)
    return document | changes


def with_field(name: str, **changes: Any) -> dict[str, Any]:
    document = contract()
    for field in document["schema"]["fields"]:
        if field["name"] == name:
            field.update(changes)
            for key in [key for key, value in field.items() if value is ...]:
                del field[key]
    return document


def dataset(document: dict[str, Any]) -> Dataset:
    return contract_from_document(document, "the contract")


def effects(old: dict[str, Any], new: dict[str, Any]) -> list[tuple[str, Effect]]:
    return [(change.text, change.effect) for change in changes_between(dataset(old), dataset(new))]


def test_contracts_that_mean_the_same_differ_in_nothing() -> None:
    assert effects(contract(), yaml.safe_load("# a comment\n" + FUEL)) == []


COMPATIBLE, READING, TABLE = Effect.COMPATIBLE, Effect.READING, Effect.TABLE


@pytest.mark.parametrize(
    ("changes", "text", "effect"),
    [
        ({"constraints": {"minimum": -1, "maximum": 1000}}, "minimum 0 becomes -1: wider", COMPATIBLE),
        ({"constraints": {"minimum": 0, "maximum": 2000}}, "maximum 1000 becomes 2000: wider", COMPATIBLE),
        ({"constraints": {"minimum": 0}}, "maximum 1000 becomes (none): wider", COMPATIBLE),
        ({"constraints": {"minimum": 1, "maximum": 1000}}, "minimum 0 becomes 1: narrower", READING),
        ({"constraints": {"exclusiveMinimum": 0, "maximum": 1000}}, "0 becomes 0 (excluded): narrower", READING),
        ({"constraints": {"exclusiveMinimum": -1, "maximum": 1000}}, "0 becomes -1 (excluded): wider", COMPATIBLE),
        ({"constraints": {"minimum": 0, "exclusiveMaximum": 1000}}, "1000 (excluded): narrower", READING),
        ({"constraints": {"minimum": 0, "maximum": 10}}, "narrower", READING),
        ({"constraints": {"minimum": 0, "maximum": 1000, "required": True}}, "becomes required", TABLE),
        ({"missingValues": [*sorted(MISSING_VALUES), "n.v."]}, '"n.v." means nothing from now on', COMPATIBLE),
        ({"missingValues": ["-"]}, "nothing no longer", READING),
        ({"invalidValues": "null"}, "invalidValues (none) becomes null", COMPATIBLE),
        ({"invalidValues": "reject"}, "invalidValues (none) becomes reject", READING),
        ({"unit": "m3"}, "the unit L becomes m3: its values mean something else", READING),
        ({"unit": ...}, "the unit L becomes (none)", READING),
        ({"title": "Amount"}, "title changes", COMPATIBLE),
        ({"description": "Other", "role": "dimension"}, "description, role change", COMPATIBLE),
        ({"decimalChar": ","}, "decimalChar (none) becomes ,", READING),
        ({"bareNumber": True}, "bareNumber (none) becomes True", READING),
        ({"type": "string", "constraints": {}}, "number becomes string", TABLE),
        ({"type": "integer"}, "number becomes integer", TABLE),
    ],
)
def test_a_change_of_a_field(changes: dict[str, Any], text: str, effect: Effect) -> None:
    found = effects(contract(), with_field("litres", **changes))
    assert any(text in each for each, _ in found), found
    assert max((each for _, each in found), key=[COMPATIBLE, READING, TABLE].index) is effect


def test_a_required_field_becomes_optional_and_a_date_has_an_earlier_first_day() -> None:
    document = with_field("paid_on", constraints={"required": True, "minimum": "1990-01-01"})
    assert effects(contract(), document) == [
        ("paid_on: the minimum 2000-01-01 becomes 1990-01-01: wider.", Effect.COMPATIBLE)
    ]
    optional = {**with_field("paid_on", constraints={"minimum": "2000-01-01"})}
    del optional["datedBy"]
    assert ("paid_on: becomes optional.", Effect.COMPATIBLE) in effects(contract(), optional)


def test_whole_numbers_become_numbers_without_a_loss_and_not_back() -> None:
    whole = with_field("litres", type="integer")
    assert effects(whole, contract()) == [("litres: integer becomes number.", Effect.COMPATIBLE)]


def new_field(**changes: Any) -> dict[str, Any]:
    document = contract()
    field = {"name": "station", "title": "Station", "type": "string", "role": "dimension", "description": "Where"}
    document["schema"]["fields"].append(field | changes)
    return document


def test_fields_come_and_go() -> None:
    assert effects(contract(), new_field()) == [("The field station (string) is new and optional.", Effect.COMPATIBLE)]
    required = new_field(constraints={"required": True})
    assert effects(contract(), required) == [("The field station (string) is new and required.", Effect.TABLE)]
    assert effects(new_field(), contract()) == [("The field station is removed.", Effect.TABLE)]

    renamed = contract()
    renamed["schema"]["fields"][2]["name"] = "amount"
    assert {effect for _, effect in effects(contract(), renamed)} == {Effect.TABLE, Effect.COMPATIBLE}

    document = contract()
    document["schema"]["fields"].reverse()
    assert effects(contract(), document) == [("The order of the fields changes.", Effect.COMPATIBLE)]


@pytest.mark.parametrize(
    ("changes", "effect"),
    [
        ({"title": "Other"}, COMPATIBLE),
        ({"description": "Other"}, COMPATIBLE),
        ({"indexes": [{"name": "fuel_by_day", "fields": ["paid_on"]}]}, COMPATIBLE),
        ({"singular": "card_payment"}, READING),
        ({"datedBy": None}, READING),
        ({"schema": {**contract()["schema"], "primaryKey": ["payment", "paid_on"]}}, TABLE),
    ],
)
def test_a_change_of_the_dataset(changes: dict[str, Any], effect: Effect) -> None:
    ((_, found),) = effects(contract(), contract(**changes))
    assert found is effect


def test_no_attribute_of_a_field_changes_unseen() -> None:
    """Also those that a later version adds: what has no rule of its own is breaking."""
    field = dataset(contract()).field("litres")
    others = {"name": "litres"}
    for attribute in fields(Field):
        if attribute.name in others or attribute.name.startswith("_"):
            continue
        changed = replace(field, **{attribute.name: _other(attribute.name, getattr(field, attribute.name))})
        assert list(changes_of_field(field, changed)), attribute.name


GIVEN: dict[str, Any] = {
    "type": FieldType.STRING,
    "role": Role.TEXT,
    "invalid_values": InvalidValues.NULL,
    "missing_values": frozenset({"nothing"}),
    "above": Decimal(5),
    "below": Decimal(5),
    "first_day": date(2024, 1, 1),
    "last_day": date(2024, 1, 1),
}


def _other(name: str, value: Any) -> Any:
    if name in GIVEN:
        return GIVEN[name]
    match value:
        case bool():
            return not value
        case Decimal():
            return value + 1
        case tuple():
            return (*value, "other")
        case _:
            return f"{value} other"


def test_a_list_of_changes_is_compatible_if_all_are() -> None:
    assert are_compatible(changes_between(dataset(contract()), dataset(new_field())))
    assert not are_compatible(changes_between(dataset(new_field()), dataset(contract())))
