"""Figures by the things that external ids stand for, and what can be asked and decided about the ids."""

import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from logistics_core.settings import Settings
from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.loading.loader import load_file
from logistics_pipeline.loading.options import LoadOptions, load_options
from tests.contract_texts import synced_catalogue
from tests.identities import CONTRACTS, link, payment, position, truck

TRUCKS = [truck(n) for n in range(4)]
PAYMENTS = [payment(n, [0, 1, 2, 3, 8, None][n % 6], n % 40) for n in range(60)]
"""Plate 8 is of no truck; plates 0 to 2 are linked with the trucks 0, 0 and 2, plate 3 with one that is unknown yet."""
POSITIONS = [position(n % 3, n % 20, label=f"whale blue {n % 3}") for n in range(30)]
LINKS = [link(0, 0), link(1, 0, note="sold its old plate"), link(2, 2), link(3, 77), link(1, 1, "telematics")]
MASTERS = {0: "TRUCK-00", 1: "TRUCK-00", 2: "TRUCK-02", 3: "TRUCK-77"}
KINDS = {each["truck_id"]: each["kind"] for each in TRUCKS}


def master_of(each: dict[str, Any]) -> str | None:
    """What the payment is of."""
    plate = each["plate"]
    return None if plate is None else MASTERS.get(int(plate[2:]) - 1230, f"fuelco:{plate}")


@dataclass(frozen=True)
class Site:
    url: str
    options: LoadOptions
    api: Any

    def load(self, path: str, records: list[dict[str, Any]]) -> None:
        target = self.options.raw_dir / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(records))
        found = self.options.folder.look_at(target)
        assert found is not None
        load_file(self.url, found, self.options)


@pytest.fixture(scope="module")
def site(new_database: Callable[[], AbstractContextManager[str]], serve: Any, tmp_path_factory: Any) -> Iterator[Site]:
    data_dir = tmp_path_factory.mktemp("data")
    contracts = data_dir / "contracts"
    contracts.mkdir()
    for name, text in CONTRACTS.items():
        (contracts / f"{name}.yaml").write_text(text + ("history: true\n" if name in ("fuel", "fleet") else ""))
    with new_database() as url:
        options = replace(load_options(Settings(data_dir=data_dir)), catalogue=synced_catalogue(url, contracts))
        site = Site(url, options, None)
        site.load("fleet.json", TRUCKS)
        site.load("fuel.json", PAYMENTS)
        site.load("positions.json", POSITIONS)
        site.load("fleet_links/2024.json", LINKS)
        refresh(url)
        with serve(url, data_dir=data_dir, api_rate=0, api_dev=True) as api:
            yield replace(site, api=api)


def spent_by(key: Callable[[dict[str, Any]], Any]) -> dict[Any, Decimal]:
    found: dict[Any, Decimal] = defaultdict(Decimal)
    for each in PAYMENTS:
        found[key(each)] += Decimal(repr(each["price"]))
    return dict(found)


def rows_by(site: Site, dimension: str, **query: Any) -> tuple[str, dict[Any, Decimal]]:
    answer = site.api.request("/api/metrics/fuel", metrics="spent", by=dimension, **query)
    assert answer.status_code == 200, answer.text
    document = json.loads(answer.text, parse_float=Decimal)
    return document["source"], {row[dimension]: Decimal(row["spent"]) for row in document["data"]}


def refresh_and_notice(site: Site) -> None:
    """Refreshes, and waits until the API has been told."""
    version = refresh(site.url).data_version
    deadline = time.monotonic() + 10
    while site.api.get("/api/system/status")["data_version"] != version:
        assert time.monotonic() < deadline
        time.sleep(0.02)


# -- figures -----------------------------------------------------------------------------------------------------------


def test_figures_by_the_master_key_come_from_a_pre_aggregate(site: Site) -> None:
    source, found = rows_by(site, "truck")
    assert source == "rollup"
    assert found == spent_by(master_of)
    assert "fuelco:W-1238" in found


def test_the_records_give_the_same_as_the_pre_aggregate(site: Site) -> None:
    source, found = rows_by(site, "truck", filter=json.dumps({"litres": {"gt": 0}}))
    assert source == "rows"
    assert found == spent_by(master_of)


def test_figures_by_an_attribute_of_the_master(site: Site) -> None:
    _, found = rows_by(site, "truck.kind")
    assert found == spent_by(lambda each: KINDS.get(master_of(each) or ""))


def test_figures_are_filtered_by_the_master_key_and_its_attributes(site: Site) -> None:
    _, found = rows_by(site, "plate", filter=json.dumps({"truck": "TRUCK-00"}))
    assert set(found) == {"W-1230", "W-1231"}
    _, found = rows_by(site, "truck", filter=json.dumps({"truck.kind": {"eq": "artic"}}))
    assert set(found) == {"TRUCK-00"}


def test_the_dimensions_are_listed(site: Site) -> None:
    (listed,) = [each for each in site.api.get("/api/metrics")["datasets"] if each["dataset"] == "fuel"]
    paths = [each["path"] for each in listed["dimensions"]]
    assert {"truck", "truck.kind", "truck.truck_id"} <= set(paths)
    assert len(set(paths)) == len(paths)


def test_graphql_groups_filters_and_follows(site: Site) -> None:
    asked = """{
        fuelMetrics(metrics: [SPENT], by: [TRUCK], filter: {truckKey: {startsWith: "TRUCK"}}) {
            source rows { truck spent }
        }
        byKind: fuelMetrics(metrics: [SPENT], by: [TRUCK_KIND], filter: {truck: {kind: {eq: "artic"}}}) {
            rows { truckKind spent }
        }
        fuel(first: 50, filter: {or: [{truckKey: {eq: "fuelco:W-1238"}}, {truck: {kind: {eq: "artic"}}}]}) {
            nodes { plate truckKey truck { truckId kind } }
        }
        positions(first: 3) { nodes { device truckKey truck { truckId } } }
    }"""
    answer = site.api.client.post("/graphql", json={"query": asked})
    document = json.loads(answer.text, parse_float=Decimal)
    assert "errors" not in document, document
    found = document["data"]
    spent = spent_by(master_of)
    assert found["fuelMetrics"]["source"] == "ROLLUP"
    assert {row["truck"]: Decimal(row["spent"]) for row in found["fuelMetrics"]["rows"]} == {
        key: total for key, total in spent.items() if (key or "").startswith("TRUCK")
    }
    (row,) = found["byKind"]["rows"]
    assert (row["truckKind"], Decimal(row["spent"])) == ("artic", spent["TRUCK-00"])
    nodes = {(node["plate"], node["truckKey"], (node["truck"] or {}).get("kind")) for node in found["fuel"]["nodes"]}
    assert nodes == {
        ("W-1230", "TRUCK-00", "artic"),
        ("W-1231", "TRUCK-00", "artic"),
        ("W-1238", "fuelco:W-1238", None),
    }
    keys = {node["device"]: node["truckKey"] for node in found["positions"]["nodes"]}
    assert all(key == ("TRUCK-01" if device == 88_121 else f"telematics:{device}") for device, key in keys.items())


def test_graphql_lists_what_is_linked_with_a_thing(site: Site) -> None:
    asked = """{ truck(truckId: "TRUCK-00") {
        fuel(first: 50, filter: {price: {gt: 20}}) { nodes { plate } total { rows } }
        positions(first: 5) { nodes { device } }
    } }"""
    document = site.api.client.post("/graphql", json={"query": asked}).json()
    assert "errors" not in document, document
    found = document["data"]["truck"]
    expected = [each["plate"] for each in PAYMENTS if master_of(each) == "TRUCK-00" and each["price"] > 20]
    assert sorted(node["plate"] for node in found["fuel"]["nodes"]) == sorted(expected)
    assert found["fuel"]["total"]["rows"] == len(expected)
    assert found["positions"]["nodes"] == []


def test_a_link_changes_answers_from_pre_aggregates_and_records_at_the_same_time(site: Site) -> None:
    with psycopg.connect(site.url, autocommit=True) as connection:
        connection.execute("SELECT identity.make_link('fleet', 'fuelco', 'W-1238', 'TRUCK-03', 'Ada', '')")
        filtered = {"filter": json.dumps({"litres": {"gt": 0}})}
        assert "fuelco:W-1238" in rows_by(site, "truck")[1]
        assert "fuelco:W-1238" in rows_by(site, "truck", **filtered)[1]
        refresh_and_notice(site)
        for asked in ({}, filtered):
            found = rows_by(site, "truck", **asked)[1]
            assert "TRUCK-03" in found
            assert "fuelco:W-1238" not in found
        connection.execute("SELECT identity.make_link('fleet', 'fuelco', 'W-1238', NULL, 'Ada', 'wrong truck')")
        refresh_and_notice(site)
        assert "fuelco:W-1238" in rows_by(site, "truck")[1]


# -- links, proposals and things ---------------------------------------------------------------------------------------


def unlinked_plates(site: Site) -> dict[str, int]:
    found = site.api.get("/api/identities/unlinked", entity="fleet", system="fuelco")
    assert found["total"] == len(found["items"])
    return {each["external_id"]: each["records"] for each in found["items"]}


def post(site: Site, path: str, body: Any) -> Any:
    response = site.api.client.post(path, json=body)
    if not response.is_success:
        site.api.check_problem(response)
    return response


def test_the_entities_are_listed(site: Site) -> None:
    (entity,) = site.api.get("/api/identities")["entities"]
    assert (entity["entity"], entity["key"]) == ("fleet", "truck_id")
    assert {tuple(each.values()) for each in entity["fields"]} == {
        ("fuelco", "fuel", "plate", "truck", 4), ("telematics", "positions", "device", "truck", 1),
    }  # fmt: skip


def test_unlinked_ids_are_listed_with_their_records(site: Site) -> None:
    assert unlinked_plates(site) == {"W-1238": 10}
    devices = site.api.get("/api/identities/unlinked", entity="fleet", system="telematics")["items"]
    assert [each["external_id"] for each in devices] == ["88120", "88122"]
    assert site.api.get("/api/identities/unlinked", limit=1)["total"] == 3


def test_a_link_is_made_asked_for_and_undone(site: Site) -> None:
    made = post(
        site,
        "/api/identities/links",
        {"entity": "fleet", "system": "fuelco", "external_id": "W-1238", "key": "TRUCK-03", "reason": "new plate"},
    )
    assert made.status_code == 201
    assert unlinked_plates(site) == {}
    newest, *_ = site.api.get("/api/identities/links", external_id="W-1238")["items"]
    assert newest["link_id"] == made.json()["link_id"]
    expected = {"key": "TRUCK-03", "author": "anonymous", "source": "person", "reason": "new plate"}
    assert newest.items() >= (expected | {"decides": True, "waits": True}).items()

    link = {"entity": "fleet", "system": "fuelco", "external_id": "W-1238", "key": None}
    assert post(site, "/api/identities/links", link).status_code == 201
    assert unlinked_plates(site) == {"W-1238": 10}
    then = site.api.get("/api/identities/links", external_id="W-1238", as_of=newest["made_at"].replace("+00:00", "Z"))
    assert [each["link_id"] for each in then["items"]] == [newest["link_id"]]


def test_links_come_page_by_page(site: Site) -> None:
    everything = site.api.get("/api/identities/links", system="fuelco", limit=1000)["items"]
    found, cursor = [], {}
    while True:
        page = site.api.get("/api/identities/links", system="fuelco", limit=2, **cursor)
        found += page["items"]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert found == everything
    assert {each["author"] for each in everything if each["source"] == "file"} == {"fleet_links/2024.json"}


@pytest.mark.parametrize(
    ("link", "detail"),
    [
        ({"entity": "flet"}, "There is no entity flet."),
        ({"system": "fuelcoo"}, "There is no system fuelcoo."),
        ({"key": "fuelco:W-1"}, "begins like the name of an unlinked id"),
    ],
)
def test_a_link_of_what_does_not_exist_is_refused(site: Site, link: dict[str, Any], detail: str) -> None:
    body = {"entity": "fleet", "system": "fuelco", "external_id": "W-1", "key": "TRUCK-01"} | link
    refused = post(site, "/api/identities/links", body)
    assert refused.status_code == 422
    assert detail in refused.json()["detail"]


def test_proposals_are_accepted_and_rejected_once(site: Site) -> None:
    found = site.api.get("/api/identities/proposals", entity="fleet", system="telematics")["items"]
    first, second = found
    assert {each["external_id"]: each["key"] for each in found} == {"88120": "TRUCK-00", "88122": "TRUCK-02"}
    assert first["evidence"].startswith("telematics 88120: the label is 'whale blue 0', the nickname of truck TRUCK-00")

    accepted = post(site, f"/api/identities/proposals/{first['proposal_id']}/accept", {"reason": "Checked."})
    assert accepted.json()["state"] == "accepted"
    again = post(site, f"/api/identities/proposals/{first['proposal_id']}/reject", {})
    assert (again.status_code, again.json()["detail"][:33]) == (409, "The proposal is accepted already.")
    rejected = post(site, f"/api/identities/proposals/{second['proposal_id']}/reject", {"reason": "Another whale."})
    assert rejected.json()["state"] == "rejected"
    assert post(site, "/api/identities/proposals/4711/accept", {}).status_code == 404

    refresh_and_notice(site)
    assert site.api.get("/api/identities/proposals", system="telematics")["items"] == []


def test_a_thing_is_as_the_most_trusted_source_says(site: Site) -> None:
    post(
        site,
        "/api/identities/links",
        {"entity": "fleet", "system": "telematics", "external_id": "88120", "key": "TRUCK-00", "reason": "same"},
    )
    refresh_and_notice(site)
    thing = site.api.get("/api/identities/entities/fleet/TRUCK-00")
    attributes = {each["name"]: each for each in thing["attributes"]}
    assert (attributes["nickname"]["value"], attributes["nickname"]["source"]) == ("whale blue 0", "telematics")
    assert [each["value"] for each in attributes["nickname"]["said"]] == ["whale blue 0", "Blue Whale 0"]
    assert (attributes["plate"]["value"], attributes["plate"]["source"]) == ("W 1230", "fleet")
    assert {(each["system"], each["external_id"]) for each in thing["ids"]} == {
        ("fuelco", "W-1230"), ("fuelco", "W-1231"), ("telematics", "88120"),
    }  # fmt: skip
    (raw,) = [each for each in site.api.get("/api/fleet")["data"] if each["truck_id"] == "TRUCK-00"]
    assert raw["nickname"] == "Blue Whale 0"


def test_things_that_only_links_know_are_listed_too(site: Site) -> None:
    found, cursor = [], {}
    while True:
        page = site.api.get("/api/identities/entities/fleet", limit=2, **cursor)
        found += page["items"]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert [each["key"] for each in found] == ["TRUCK-00", "TRUCK-01", "TRUCK-02", "TRUCK-03", "TRUCK-77"]
    assert {each["name"]: each["value"] for each in found[-1]["attributes"]}["plate"] == "W-1233"
    assert site.api.get("/api/identities/entities/fleet/TRUCK-77")["ids"][0]["external_id"] == "W-1233"
    assert site.api.request("/api/identities/entities/fleet/NOBODY").status_code == 404
    assert site.api.request("/api/identities/entities/fuel").status_code == 404


def test_as_of_a_file_links_are_those_of_then(site: Site) -> None:
    with psycopg.connect(site.url) as connection:
        listed = dict(connection.execute("SELECT path, file_id FROM ingest.files").fetchall())
    before, after = listed["positions.json"], listed["fleet_links/2024.json"]

    _, then = rows_by(site, "truck", as_of=before)
    _, later = rows_by(site, "truck", as_of=after)

    assert then == spent_by(lambda each: each["plate"] and f"fuelco:{each['plate']}")
    assert later == spent_by(master_of)
    for file, kinds in ((before, {None}), (after, {None, "artic"})):
        asked = f'{{ fuel(first: 50, asOf: "{file}") {{ nodes {{ truckKey truck {{ kind }} }} }} }}'
        document = site.api.client.post("/graphql", json={"query": asked}).json()
        assert "errors" not in document, document
        nodes = document["data"]["fuel"]["nodes"]
        assert {(node["truck"] or {}).get("kind") for node in nodes} - {"van"} == kinds
        assert any(node["truckKey"] == "TRUCK-00" for node in nodes) is (file == after)
