"""The definitions in docs/sources/examples: each pulls its API, as that API is documented, into the rows it should."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from logistics_core.catalogue import load_catalogue
from logistics_pipeline.sources.definitions.definition import RestSource
from logistics_pipeline.sources.definitions.reading import read_definition
from logistics_pipeline.sources.ledger.pulls import PullState
from tests.sources.servers.documented import APIS
from tests.sources.servers.fleet import Fleet, fleet_of
from tests.sources.servers.http import ApiServer
from tests.sources.site import Site

EXAMPLES = Path(__file__).parents[2] / "docs" / "sources" / "examples"


@pytest.mark.parametrize("name", APIS)
def test_an_example_is_a_definition_whose_fields_are_those_of_its_datasets(name: str) -> None:
    source = read_definition(EXAMPLES / f"{name}.yaml")
    catalogue = load_catalogue(EXAMPLES / "contracts")

    assert isinstance(source, RestSource)
    for resource in source.resources:
        assert resource.dataset is not None
        dataset = catalogue[resource.dataset]
        assert resource.fields is not None
        mapped = {field.name for field in resource.fields}
        assert mapped <= set(dataset.columns)
        assert set(dataset.key) <= mapped


def test_every_documented_api_has_an_example_and_every_example_an_api() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.yaml")} == set(APIS)


FASTER = {
    "geotab": {"perSecond": 20},
    "samsara": {"perSecond": 22, "burst": 1},
    "shippo": {"perSecond": 50},
    "webfleet": {"perSecond": 4.5},
}
"""Limits of servers whose windows are shorter here, so that nobody waits for minutes."""


@contextmanager
def served(name: str, fleet: Fleet, site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The documented server of an API, and the example, changed in its addresses, limits and first day."""
    api = APIS[name]
    for variable, value in api.secrets.items():
        monkeypatch.setenv(variable, value)
    document = yaml.safe_load((EXAMPLES / f"{name}.yaml").read_text())
    with ApiServer(api.make(fleet)) as server:
        assert urlsplit(document["baseUrl"]).path == api.base_path
        document |= {"baseUrl": server.url + api.base_path, "private": True}
        if "tokenUrl" in document.get("authentication", {}):
            document["authentication"]["tokenUrl"] = server.url + urlsplit(document["authentication"]["tokenUrl"]).path
        document["limits"] = document.get("limits", {}) | FASTER.get(name, {})
        for resource in document["resources"]:
            if "start" in resource.get("incremental", {}):
                resource["incremental"]["start"] = (fleet.start - timedelta(days=3)).date().isoformat()
        yield site.write_definition(name, document)
        assert server.errors == []


def rows_of(site: Site, name: str) -> dict[str, list[tuple[Any, ...]]]:
    found = {dataset: site.rows(dataset, columns) for dataset, columns in APIS[name].columns.items()}
    return {dataset: sorted(map(plain, rows)) for dataset, rows in found.items()}


def rows_wanted(fleet: Fleet, name: str) -> dict[str, list[tuple[Any, ...]]]:
    return {dataset: sorted(map(plain, rows)) for dataset, rows in APIS[name].rows(fleet).items()}


def plain(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(value if isinstance(value, str) else value.isoformat() if hasattr(value, "isoformat") else float(value)
                 for value in row)  # fmt: skip


QUICK = {"samsara", "geotab", "easypost", "odoo"}
"""One of each kind: a cursor, a feed, keys, offsets in a body. The others are tested with the slow ones."""


@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in APIS]
)
def test_an_example_brings_what_its_api_has_and_later_what_has_changed(
    name: str, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    started_at = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=6)
    fleet = fleet_of(vehicles=3, trips=120, start=started_at)
    with served(name, fleet, site, monkeypatch) as definition:
        first = site.pull(definition)
        assert [(each.state, each.error) for each in first] == [(PullState.COMPLETE, None)] * len(first)
        assert rows_of(site, name) == rows_wanted(fleet, name)

        fleet.tick(7_200)
        fleet.add_trips(20, seconds_between=0)
        fleet.change_trips(10)
        fleet.backdate(30)
        fleet.tick(120)
        site.pull(definition)
        assert rows_of(site, name) == rows_wanted(fleet, name)

        site.pull(definition)
        assert [each.path for each in site.pull(definition)] == [None] * len(first), "nothing is new"
    assert site.contradictions() == []
