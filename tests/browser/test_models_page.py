"""Models: what is in use and how it did, what is likely late, what is odd and why, what became of versions."""

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from logistics_core.settings import Settings
from logistics_pipeline.database.connections import connect
from logistics_pipeline.models import registry
from logistics_pipeline.models.updating import update_model
from tests.model_records import DELIVERIES, as_csv, deliveries

DAYS = 40


@pytest.fixture(scope="module")
def models(needs_chromium: None, new_dashboard: Callable[[], Any]) -> Any:
    """An installation with forty days of deliveries, two that came later with an odd price, two on their way."""
    made = new_dashboard()
    contracts = made.data_dir / "contracts"
    contracts.mkdir()
    (contracts / "deliveries.yaml").write_text(DELIVERIES)
    made.command("migrate")
    _load(made, "1", deliveries(DAYS))
    finished = deliveries(2, start=DAYS)
    finished[0] = finished[0] | {"price": round(3 * finished[0]["price"], 2)}
    _load(made, "2", finished)
    _load(made, "3", deliveries(2, start=DAYS + 2, hours=None))
    made.start()
    return made


def _load(made: Any, name: str, records: list[dict[str, Any]]) -> None:
    (made.raw_dir / f"deliveries-{name}.csv").write_bytes(as_csv(records))
    made.command("load", made.raw_dir / f"deliveries-{name}.csv")
    made.command("refresh")
    for model in ("deliveries.hours", "deliveries.price"):
        update_model(made.database_url, model, settings=Settings(), trains=name == "1")


def rows_of(page: Page, table: str) -> Any:
    return page.get_by_role("table", name=table).locator("tbody tr")


@pytest.mark.slow
def test_a_model_says_what_it_is_what_is_late_and_how_right_it_was(models: Any, new_page: Any) -> None:
    page, _ = new_page(models, "/models?model=deliveries.hours")
    card = page.get_by_role("region", name="In use")
    found = models.get("/api/models/deliveries.hours")["model"]
    overall = found["champion"]["backtest"]["overall"]
    expect(card).to_contain_text("How long deliveries take")
    expect(card).to_contain_text(f"The 90 % intervals held {100 * overall['coverage_90']:.0f}%.")
    expect(card).to_contain_text("Of 24 predictions scored in the last 90 days")
    expect(rows_of(page, "Back-test")).to_have_count(4)
    late = rows_of(page, "Records on their way by their risk of being late")
    expect(late).to_have_count(24)
    (riskiest, *_) = models.get("/api/models/deliveries.hours/predictions")["predictions"]
    expect(late.first).to_contain_text(riskiest["key"][0])
    expect(late.first).to_contain_text(f"{100 * riskiest['late_risk']:.0f}%")
    expect(rows_of(page, "Accuracy of predictions by week")).to_have_count(1)
    expect(page.get_by_role("region", name="Odd", exact=True)).to_be_hidden()
    assert Axe().run(page).response["violations"] == []


@pytest.mark.slow
def test_odd_values_have_their_reason_and_another_model_is_chosen(models: Any, new_page: Any) -> None:
    page, _ = new_page(models, "/models")
    page.get_by_role("combobox", name="Model").select_option("deliveries.price")
    odd = rows_of(page, "Odd values")
    expect(odd).to_have_count(1)
    (finding,) = models.get("/api/models/deliveries.price/odd")["odd_values"]
    expect(odd.first).to_contain_text(finding["reason"])
    expect(page.get_by_role("region", name="Likely late")).to_be_hidden()
    expect(page).to_have_url(f"{models.url}/models?model=deliveries.price")
    assert Axe().run(page).response["violations"] == []


@pytest.mark.slow
def test_what_is_promoted_is_shown_by_itself(models: Any, new_page: Any) -> None:
    page, _ = new_page(models, "/models?model=deliveries.price")
    history = rows_of(page, "Changes of versions")
    expect(history).to_have_count(2)
    update_model(models.database_url, "deliveries.price", settings=Settings(model_promotion="manual"), trains=True)
    expect(history).to_have_count(3)
    with connect(models.database_url) as connection:
        registry.promote(connection, "deliveries.price", 2, "Ada", "Looks good", even_if_worse=True)
    expect(history.first).to_contain_text("Looks good")
    with connect(models.database_url) as connection:
        registry.roll_back(connection, "deliveries.price", "Ada", "Not good")
    expect(page.get_by_text("It was rolled back")).to_be_visible()


@pytest.mark.slow
def test_without_models_the_page_says_what_to_do(needs_chromium: None, new_dashboard: Any, new_page: Any) -> None:
    made = new_dashboard()
    made.command("migrate")
    made.start()
    page, _ = new_page(made, "/models")
    expect(page.get_by_text("Nothing is learnt yet")).to_be_visible()
