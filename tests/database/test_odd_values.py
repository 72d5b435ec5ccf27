"""Odd values: what is injected is found, with its reason; what was corrected is forgotten; groups beside their past."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from logistics_core.settings import Settings
from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.loading.options import BatchLimits
from logistics_pipeline.models.updating import Updated, update_model
from tests.contract_texts import synced_catalogue
from tests.database.conftest import FolderUnderTest
from tests.model_records import DELIVERIES, as_csv, deliveries

Records = list[dict[str, Any]]
Load = Callable[[str, Records], Updated]


@pytest.fixture
def load(raw_folder: FolderUnderTest, raw_dir: Path) -> Load:
    """Loads deliveries and brings the model of prices up to date."""
    contracts = raw_dir.parent / "contracts"
    contracts.mkdir()
    (contracts / "deliveries.yaml").write_text(DELIVERIES)
    options = replace(
        raw_folder.options,
        catalogue=synced_catalogue(raw_folder.url, contracts),
        batch=BatchLimits(100_000, 1 << 24),
        chunk_bytes=1 << 16,
    )
    folder = replace(raw_folder, options=options)

    def load_and_update(name: str, records: Records) -> Updated:
        folder.drop_and_load(f"deliveries-{name}.csv", as_csv(records))
        refresh(folder.url)
        return update_model(folder.url, "deliveries.price", settings=Settings())

    return load_and_update


def findings(connection: Connection) -> dict[str, tuple[str, float, str]]:
    rows = connection.execute("SELECT key::text, subject, effect, reason FROM models.odd_values").fetchall()
    return {key: (subject, effect, reason) for key, subject, effect, reason in rows}


def test_odd_records_have_their_reason_and_corrected_ones_none(load: Load, connection: Connection) -> None:
    first = load("1", deliveries(60))
    assert (first.version, first.odd) == (1, 0)
    new = deliveries(2, start=60)
    changed = [dict(each) for each in new]
    changed[3]["price"] = round(2 * new[3]["price"], 2)
    changed[7]["price"] = round(new[7]["price"] / 2.5, 2)
    changed[9]["price"] = round(1.1 * new[9]["price"], 2)  # below the least effect
    assert load("2", changed).odd == 2
    found = findings(connection)
    assert set(found) == {f'["{new[3]["delivery"]}"]', f'["{new[7]["delivery"]}"]'}
    subject, effect, reason = found[f'["{new[3]["delivery"]}"]']
    assert subject == "record"
    assert effect == pytest.approx(2, rel=0.2)
    assert f"rice {changed[3]['price']:,.4g} is " in reason
    assert f"from {new[3]['from']}, to {new[3]['to']}" in reason
    assert f"{new[3]['weight']:,.4g} kg" in reason
    assert "less than" in found[f'["{new[7]["delivery"]}"]'][2]
    assert load("3", new).odd == 0
    assert findings(connection) == {}


def test_a_group_is_compared_with_its_past(load: Load, connection: Connection) -> None:
    load("1", deliveries(80))
    dearer = [
        each | {"price": round(1.5 * each["price"], 2)} if (each["from"], each["to"]) == ("Bonn", "Celle") else each
        for each in deliveries(27, start=80)
    ]
    load("2", dearer)
    groups = {key: found for key, found in findings(connection).items() if found[0] == "group"}
    assert list(groups) == ['["Bonn", "Celle"]']
    _, effect, reason = groups['["Bonn", "Celle"]']
    assert effect == pytest.approx(1.5, rel=0.1)
    assert "of from Bonn, to Celle was" in reason
    assert "more than usual in its" in reason


def test_the_back_test_says_how_much_of_what_is_injected_is_found(load: Load, connection: Connection) -> None:
    trained = load("1", deliveries(300)).trained[0]
    assert trained.overall["injected"] == 14
    assert trained.overall["precision"] >= 0.9
    assert trained.overall["recall"] >= 0.9
    stored = connection.execute("SELECT overall, verdict FROM models.backtests").fetchone()
    assert stored == (trained.overall, "first")
