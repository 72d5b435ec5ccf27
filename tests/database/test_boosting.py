"""Gradient boosting as a challenger: promoted where it is better by the gate, refitted, and used by its text alone."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from logistics_core.models.artefacts import ArtefactError
from logistics_core.settings import Settings
from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.errors import ConfigurationError
from logistics_pipeline.loading.options import BatchLimits
from logistics_pipeline.models import boosting
from logistics_pipeline.models.updating import Updated, update_model
from tests.contract_texts import synced_catalogue
from tests.database.conftest import FolderUnderTest
from tests.model_records import DELIVERIES, as_csv, deliveries

pytest.importorskip("lightgbm")

HOURS = "deliveries.hours"
DAYS = 120
SETTINGS = Settings(model_challenger="lightgbm")


def slow_if_heavy(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What weighs more takes longer: the running means cannot know."""
    return [
        each | {"hours": each["hours"] and round(each["hours"] * (each["weight"] / 100) ** 0.6, 2)} for each in records
    ]


@pytest.fixture
def folder(raw_folder: FolderUnderTest, raw_dir: Path) -> FolderUnderTest:
    contracts = raw_dir.parent / "contracts"
    contracts.mkdir()
    (contracts / "deliveries.yaml").write_text(DELIVERIES)
    options = replace(
        raw_folder.options,
        catalogue=synced_catalogue(raw_folder.url, contracts),
        batch=BatchLimits(100_000, 1 << 24),
        chunk_bytes=1 << 16,
    )
    return replace(raw_folder, options=options)


def load(folder: FolderUnderTest, name: str, records: list[dict[str, Any]]) -> None:
    folder.drop_and_load(f"deliveries-{name}.csv", as_csv(records))
    refresh(folder.url)


def update(folder: FolderUnderTest, *, trains: bool | None = None) -> Updated:
    return update_model(folder.url, HOURS, settings=SETTINGS, trains=trains)


@pytest.mark.slow
def test_a_better_challenger_is_promoted_refitted_and_used(folder: FolderUnderTest, connection: Connection) -> None:
    load(folder, "1", slow_if_heavy(deliveries(DAYS)))
    first = update(folder)
    assert [(each.version.method, each.is_promoted) for each in first.trained] == [
        ("running_mean", True),
        ("lightgbm", True),
    ]
    better = first.trained[1]
    assert better.verdict.verdict == "better"
    assert better.overall["error"] < 0.8 * first.trained[0].overall["error"]
    assert 0.82 <= better.overall["coverage_90"] <= 0.97
    load(folder, "2", slow_if_heavy(deliveries(2, start=DAYS)))
    load(folder, "3", slow_if_heavy(deliveries(2, start=DAYS + 2, hours=None)))
    second = update(folder, trains=True)
    assert [(each.version.method, each.verdict.verdict, each.is_promoted) for each in second.trained] == [
        ("running_mean", "worse", False),
        ("lightgbm", "equal", True),
    ]
    scored = connection.execute(
        "SELECT count(*), avg(abs(error)), avg(abs(naive_error)), min(version), max(version) FROM models.scores"
    ).fetchone()
    assert scored is not None
    assert scored[0] == 24
    assert scored[1] < 0.8 * scored[2]
    assert scored[3:] == (2, 2)  # the version that was in production before
    heavy = connection.execute(
        "SELECT corr((inputs ->> 'weight')::float, quantiles[4]) FROM models.predictions WHERE actual IS NULL"
    ).fetchone()
    assert heavy is not None
    assert heavy[0] > 0.5


@pytest.mark.slow
def test_a_challenger_that_knows_nothing_more_is_not_promoted(folder: FolderUnderTest, connection: Connection) -> None:
    load(folder, "1", deliveries(60))
    first = update(folder)
    assert [(each.version.method, each.is_promoted) for each in first.trained] == [
        ("running_mean", True),
        ("lightgbm", False),
    ]
    assert connection.execute("SELECT alias, version FROM models.aliases WHERE until IS NULL").fetchall() == [
        ("champion", 1),
        ("challenger", 2),
    ]
    connection.execute("ALTER TABLE models.artefacts DROP CONSTRAINT artefacts_sha256_of_content")
    connection.execute("ALTER TABLE models.artefacts DISABLE TRIGGER USER")
    connection.execute("UPDATE models.artefacts SET content = content || ' '::bytea WHERE format = 'lightgbm-text'")
    connection.execute(
        "INSERT INTO models.transitions (model, version, from_state, to_state, author, reason, backtest_id) "
        "VALUES (%s, 2, 'staging', 'production', 'Ada', 'x', 2)",
        (HOURS,),
    )
    load(folder, "2", deliveries(1, start=60))
    with pytest.raises(ArtefactError, match="was changed"):
        update(folder)


def test_without_the_extra_it_is_said_what_to_install(folder: FolderUnderTest, monkeypatch: pytest.MonkeyPatch) -> None:
    load(folder, "1", deliveries(20))
    monkeypatch.setattr(boosting, "find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match="LightGBM is not installed: pip install"):
        update(folder)
