"""One vocabulary: every figure of a response is a measure that is explained, in the same words everywhere."""

from collections.abc import Iterator
from typing import Any

import pytest

from logistics_api.measures.definitions import MEASURES
from logistics_core.settings import Settings
from tests.checkout import PROJECT_ROOT

NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing"  # none of this needs a database
FIGURES = {"dashboard", "figures", "shipments", "vehicles", "routes", "costs"}
NO_MEASURES = {
    "total", "page", "page_size", "days", "days_with_trips", "weekday", "count", "value", "threshold", "lower",
    "upper", "bin_width", "on_time_hours",
}  # fmt: skip
"""Numbers that are not figures: positions in lists, days of a calendar, bounds of bins and rules, targets."""


@pytest.fixture(scope="module")
def shared(serve: Any) -> Iterator[Any]:
    with serve(NOWHERE) as api:
        yield api


@pytest.fixture(scope="module")
def document(shared: Any) -> Any:
    return shared.get("/openapi.json")


def schemas_of_figures(document: Any) -> Iterator[tuple[str, Any]]:
    """Every schema that the response of a path of figures holds."""
    schemas, seen = document["components"]["schemas"], set()

    def below(node: Any) -> Iterator[str]:
        if isinstance(node, dict):
            if "$ref" in node:
                yield node["$ref"].rpartition("/")[2]
            for child in node.values():
                yield from below(child)
        elif isinstance(node, list):
            for child in node:
                yield from below(child)

    waiting = [
        name
        for item in document["paths"].values()
        for operation in item.values()
        if FIGURES & set(operation["tags"])
        for name in below(operation["responses"]["200"])
    ]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            yield name, schemas[name]
            waiting += below(schemas[name])


def test_every_number_of_a_figure_says_which_measure_it_shows(document: Any) -> None:
    shown, used = set(), set()
    for name, schema in schemas_of_figures(document):
        for field, declared in schema.get("properties", {}).items():
            kinds = {declared.get("type"), *(kind.get("type") for kind in declared.get("anyOf", []))}
            if kinds & {"number", "integer"} and field not in NO_MEASURES and (name, field) != ("Bin", "shipments"):
                measure = declared.get("x-measure") or declared.get("x-change-of")
                assert measure in MEASURES, f"{name}.{field}"
                shown.add((name, field))
                used.add(measure)
                if "x-measure" in declared:
                    assert declared["description"].startswith(MEASURES[measure].description), f"{name}.{field}"
    assert len(shown) > 100
    assert used == MEASURES.keys()


def test_the_endpoint_gives_every_measure_in_the_words_of_the_document(shared: Any) -> None:
    answer = shared.get("/api/measures")
    assert answer["currency"] is None and answer["on_time_hours"] is None
    assert [measure["name"] for measure in answer["measures"]] == list(MEASURES)
    by_name = {measure["name"]: measure for measure in answer["measures"]}
    assert by_name["revenue"]["label"] == "Revenue"
    assert by_name["revenue"]["better"] == "up"
    assert by_name["avg_delivery_time"]["better"] == "down"
    assert (by_name["revenue"]["unit"], by_name["revenue"]["display_unit"]) == ("currency", None)
    assert (by_name["revenue_per_km"]["unit"], by_name["revenue_per_km"]["display_unit"]) == ("currency/km", "per km")


def test_money_has_one_name_and_one_good_direction() -> None:
    """A fall of revenue was red on one page and green on another that called it cost."""
    money = {name: measure for name, measure in MEASURES.items() if measure.unit.startswith("currency")}
    assert len(money) > 5
    for name, measure in money.items():
        assert measure.label.startswith("Revenue"), name
        assert measure.better != "down", name


def test_the_answer_is_not_sent_again(shared: Any) -> None:
    first = shared.request("/api/measures")
    assert shared.client.get("/api/measures", headers={"If-None-Match": first.headers["etag"]}).status_code == 304


def test_a_label_of_the_currency_is_used_everywhere(serve: Any) -> None:
    with serve(NOWHERE, currency="EUR", on_time_hours="36.5") as api:
        answer = api.get("/api/measures")
        assert answer["currency"] == "EUR"
        assert float(answer["on_time_hours"]) == 36.5
        units = {measure["name"]: measure["display_unit"] for measure in answer["measures"]}
        assert (units["revenue"], units["revenue_per_km"], units["mileage"]) == ("EUR", "EUR/km", "km")
        text = api.request("/openapi.json").text
        assert "in EUR" in text and "currency of the feed" not in text
        cost = next(
            field
            for dataset in api.get("/api/datasets")["datasets"]
            for field in dataset["fields"]
            if field["name"] == "cost"
        )
        assert (cost["label"], cost["unit"]) == ("Cost, EUR", "currency")


@pytest.mark.parametrize("wrong", ["", " EUR", "EUR\n", "a" * 13])
def test_what_is_no_label_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="1 to 12 printable characters"):
        Settings(currency=wrong)


def test_the_data_contract_defines_every_measure_by_its_label() -> None:
    page = (PROJECT_ROOT / "docs/data-contract.md").read_text()
    for name, measure in MEASURES.items():
        assert f"| {measure.label} |" in page, name
        assert measure.definition.replace("`", "") in page.replace("`", ""), name
