"""The key `models` of a contract: what is wrong with it is said, with its place; nothing ends the program."""

import pytest

from logistics_core.catalogue.contract_files import ContractError
from logistics_pipeline.contracts.texts import contract_of_text
from tests.model_records import DELIVERIES


def test_the_models_of_a_contract() -> None:
    hours, price = contract_of_text(DELIVERIES, "the file").dataset.models
    assert (hours.field, hours.by, hours.per, hours.promise) == ("hours", ("from", "to"), ("weight",), "promised")
    assert (price.field, float(price.min_effect)) == ("price", 0.3)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "predicts: hours",
            "predicts: hour",
            r"models\[0\].predicts names 'hour', which is no field.* Did you mean hours?",
        ),
        ("predicts: hours", "predicts: from", r"models\[0\].predicts names from, whose type is string"),
        (
            "predicts: hours",
            "predicts: weight",
            r"predicts names weight, whose unit is kg. A duration has one of s, min",
        ),
        ("predicts: hours\n", "predicts: hours\n    watches: price\n", r"models\[0\] must have either `predicts`"),
        (
            "predicts: hours\n    by: [from, to]",
            "predicts: hours\n    by: []",
            r"models\[0\].by must name at least one",
        ),
        (
            "predicts: hours\n    by: [from, to]",
            "predicts: hours\n    by: [hours]",
            r"models\[0\].by names hours, which is",
        ),
        (
            "per: [weight]\n    minEffect",
            "per: [price]\n    minEffect",
            r"models\[1\].per names price, which is what the",
        ),
        (
            "promise: promised",
            "promise: weight",
            r"models\[0\].promise names weight, whose unit must be h, as of hours",
        ),
        ("name: price\n", "name: hours\n", r"models\[1\].name is hours, as is that of models\[0\]"),
        ("minEffect: 0.3", "minEffect: .nan", r"models\[1\].minEffect must be from 0.01 to 100, not NaN"),
        ("minEffect: 0.3", "minEffect: .inf", r"models\[1\].minEffect must be from 0.01 to 100, not Infinity"),
        ("minEffect: 0.3", "minEffect: 0", r"models\[1\].minEffect must be from 0.01 to 100, not 0"),
        ("datedBy: {field: sent_on}\n", "", "models: records have no day"),
        ("  primaryKey: [delivery]\n", "", "models: records have no key"),
    ],
)
def test_what_is_wrong_with_models_is_said(old: str, new: str, message: str) -> None:
    before, found, after = DELIVERIES.rpartition(old) if "price" in old else DELIVERIES.partition(old)
    assert found, old
    with pytest.raises(ContractError, match=message):
        contract_of_text(before + new + after, "the file")
