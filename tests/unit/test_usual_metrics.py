"""The metrics of datasets whose contract declares none: which numbers get a sum, and how they are called."""

import pytest

from logistics_core.catalogue import FieldType
from logistics_core.catalogue.contract_files import contract_from_document
from logistics_core.catalogue.metrics import Metric
from logistics_core.metrics.defaults import usual_metrics
from logistics_pipeline.inference.column_types import Reading
from logistics_pipeline.inference.units import unit_of


def metrics_of(name: str, title: str) -> dict[str, Metric]:
    """The usual metrics of a number, by name."""
    document = {
        "$schema": "https://datapackage.org/profiles/2.0/dataresource.json",
        "name": "fuel",
        "path": "fuel.csv",
        "title": "Fuel",
        "singular": "fuel_record",
        "schema": {
            "primaryKey": [],
            "fields": [{"name": name, "title": title, "type": "number", "role": "measure"}],
        },
    }
    return {each.name: each for each in usual_metrics(contract_from_document(document, "fuel.yaml"))}


@pytest.mark.parametrize(
    "name",
    [
        "unit_price", "preis", "literpreis", "einzelpreis_netto", "preis_pro_liter", "odometer", "odometer_km",
        "km_stand", "kilometerstand", "tachostand", "mwst_prozent", "steuersatz",
    ],
)  # fmt: skip
def test_prices_and_what_counters_show_have_no_sum(name: str) -> None:
    assert list(metrics_of(name, name)) == ["records", f"avg_{name}", f"min_{name}", f"max_{name}"]


@pytest.mark.parametrize(
    "name", ["amount", "umsatz", "gesamtpreis", "total_price", "bestand", "abstand", "mileage", "liter"]
)
def test_amounts_have_one(name: str) -> None:
    assert list(metrics_of(name, name)) == ["records", f"sum_{name}", f"avg_{name}"]


@pytest.mark.parametrize("title", ["MwSt", "Betrag", "CO2 kg", "distance"])
def test_titles_are_kept_as_they_are_written(title: str) -> None:
    found = metrics_of("value", title)
    assert [found[name].title for name in ("sum_value", "avg_value")] == [f"Total {title}", f"Average {title}"]


@pytest.mark.parametrize(
    ("title", "unit"),
    [
        ("Preis/Liter", None),
        ("price_per_liter", None),
        ("Preis je Liter", None),
        ("fuel_liters", "L"),
        ("v (km/h)", "km/h"),
    ],
)
def test_what_is_per_unit_is_not_of_that_unit(title: str, unit: str | None) -> None:
    assert unit_of(title, Reading(FieldType.NUMBER)) == unit
