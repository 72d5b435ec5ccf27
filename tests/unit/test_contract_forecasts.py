"""Forecasts in a contract: what is read, and what each mistake is told."""

from dataclasses import replace
from typing import Any

import pytest
import yaml

from logistics_core.catalogue import ContractError, built_in_catalogue
from logistics_core.catalogue.contract_files import contract_from_document, make_catalogue
from logistics_core.catalogue.forecasts import DeclaredForecasts, NamedDay
from logistics_core.metrics.periods import Grain
from logistics_pipeline.contracts.comparing import are_compatible, changes_between
from tests.forecast_records import RIDES

DOCUMENT = yaml.safe_load(RIDES)


def read(forecasts: Any, **changes: Any) -> tuple[DeclaredForecasts, ...]:
    return contract_from_document(DOCUMENT | {"forecasts": forecasts} | changes, "rides.yaml").forecasts


def refused(forecasts: Any, **changes: Any) -> str:
    with pytest.raises(ContractError) as caught:
        read(forecasts, **changes)
    return str(caught.value)


def test_what_is_left_out_has_usual_values() -> None:
    assert read([{"metrics": ["fares"]}]) == (DeclaredForecasts(("fares",), ((),), Grain.DAY, 28),)
    (monthly,) = read([{"metrics": ["fares"], "by": [["depot"]], "grain": "month", "maxSeries": 50}])
    assert (monthly.horizon, monthly.max_series, monthly.levels) == (12, 50, (("depot",),))
    assert read([]) == ()


def test_special_days_are_of_every_year_or_of_one() -> None:
    named = {"Stocktaking": ["2026-01-05", "12-31"], "Leap day": ["02-29"]}
    (entry,) = read([{"metrics": ["fares"], "holidays": ["DE-BY", "AT", "AT"], "specialDays": named}])
    assert entry.holidays == ("DE-BY", "AT")
    assert entry.special_days == (
        NamedDay("Stocktaking", 1, 5, 2026), NamedDay("Stocktaking", 12, 31), NamedDay("Leap day", 2, 29),
    )  # fmt: skip
    assert read([{"metrics": ["fares"], "holidays": "US"}])[0].holidays == ("US",)


def test_shipments_declare_theirs() -> None:
    (entry,) = built_in_catalogue()["shipments"].forecasts
    assert entry.metrics == ("shipments", "revenue", "total_weight", "avg_delivery_time")
    assert entry.levels == ((), ("origin",), ("origin", "destination"))
    assert (entry.grain, entry.horizon) == (Grain.DAY, 28)


def test_usual_metrics_can_be_forecast() -> None:
    document = {key: value for key, value in DOCUMENT.items() if key != "metrics"}
    found = contract_from_document(document | {"forecasts": [{"metrics": ["records", "sum_fare"]}]}, "rides.yaml")
    assert found.forecasts[0].metrics == ("records", "sum_fare")


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({"metrics": []}, "forecasts[0].metrics must name at least one metric"),
        ({"metrics": ["fare"]}, "forecasts[0].metrics names 'fare', which is no metric"),
        ({"metrics": ["fares", "fares"]}, "forecasts[0].metrics names fares twice."),
        ({"metrics": ["fares"], "grain": "year"}, "forecasts[0].grain must be one of day, week, month, not year."),
        ({"metrics": ["fares"], "horizon": 0}, "forecasts[0].horizon must be from 1 to 366 with the grain day, not 0."),
        ({"metrics": ["fares"], "maxSeries": 0}, "forecasts[0].maxSeries must be from 1 to 50,000, not 0."),
        ({"metrics": ["fares"], "by": [["depo"]]}, "Did you mean depot?"),
        (
            {"metrics": ["fares"], "by": [["depot"], ["line"]]},
            "must begin with the fields of the level before, [depot]",
        ),
        ({"metrics": ["fares"], "by": [["depot"], ["depot"]]}, "must begin with the fields of the level before"),
        ({"metrics": ["fares"], "by": [["depot", "depot"]]}, "forecasts[0].by[0] names a field twice."),
        ({"metrics": ["fares"], "levels": []}, "levels"),
        ({"metrics": ["fares"], "holidays": "Germany"}, "forecasts[0].holidays: 'Germany' is no country"),
        ({"metrics": ["fares"], "holidays": "DE-XX"}, "There are: DE, DE-BB, DE-BE"),
        ({"metrics": ["fares"], "holidays": "DE", "grain": "week"}, "holidays is for forecasts by day, not by week."),
        ({"metrics": ["fares"], "specialDays": {"Sale": ["02-30"]}}, "forecasts[0].specialDays.Sale[0] must be a day"),
        ({"metrics": ["fares"], "specialDays": {"Sale": ["24.12.2026"]}}, "or 12-24 for every year, not"),
        ({"metrics": ["fares"], "specialDays": {" ": ["12-24"]}}, "a name has 1 to 100 characters"),
    ],
)
def test_a_mistake_is_told_with_its_place(entry: dict[str, Any], told: str) -> None:
    message = refused([entry])
    assert told in message
    assert message.startswith("rides.yaml")


def test_each_question_has_one_answer() -> None:
    entry = {"metrics": ["fares"], "by": [[], ["depot"]]}
    assert "forecasts[1] forecasts fares by depot per day, as does forecasts[0]." in refused(
        [entry, {"metrics": ["fares"], "by": [["depot"]]}]
    )
    assert len(read([entry, entry | {"grain": "week"}])) == 2


def test_records_without_days_have_nothing_to_forecast() -> None:
    assert "forecasts: records have no day" in refused([{"metrics": ["fares"]}], datedBy=None)


def test_fields_of_records_referred_to_are_looked_up_in_the_catalogue() -> None:
    shipments = built_in_catalogue()["shipments"]
    for path, told in (("log.vehicle.name", None), ("log.nothing", "has no field 'nothing'"), ("truck.x", "reference")):
        declared = replace(shipments.forecasts[0], levels=((path,),))
        others = [each for each in built_in_catalogue().values() if each.name != "shipments"]
        if told is None:
            assert make_catalogue([*others, replace(shipments, forecasts=(declared,))])["shipments"].forecasts
        else:
            with pytest.raises(ContractError, match=told):
                make_catalogue([*others, replace(shipments, forecasts=(declared,))])


def test_other_forecasts_are_a_compatible_change() -> None:
    old = contract_from_document(DOCUMENT, "rides.yaml")
    new = contract_from_document(DOCUMENT | {"forecasts": []}, "rides.yaml")
    (change,) = changes_between(old, new)
    assert change.text == "The forecasts change."
    assert are_compatible([change])
