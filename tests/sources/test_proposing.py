"""What is proposed for an API after a look at its answers: held to the documented servers."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from time import sleep
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest

from logistics_pipeline.sources.definitions.paths import MISSING
from logistics_pipeline.sources.proposing.asking import Answer, Request, Send
from logistics_pipeline.sources.proposing.contract import contract_for, fitting_datasets, key_paths
from logistics_pipeline.sources.proposing.proposal import NoRecordsError, ResourceProposal, propose_resource
from logistics_pipeline.sources.proposing.responses import find_records
from tests.datasets import DATASETS
from tests.sources.servers.documented import (
    APIS,
    easypost,
    erpnext,
    fleetio,
    geotab,
    karrio,
    navixy,
    odoo,
    samsara,
    shippo,
    traccar,
    webfleet,
)
from tests.sources.servers.fleet import Fleet, fleet_of
from tests.sources.servers.http import ApiServer, Handle, json_response


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@dataclass(frozen=True)
class Case:
    """What a person gives, and what is right."""

    api: str
    address: str
    headers: Mapping[str, str]
    pagination: Mapping[str, Any]
    incremental: Mapping[str, Any] = field(default_factory=dict)
    records: str = "."
    body: Any = None
    key: tuple[str, ...] = ()


IDS = ",".join(f"V-{number:04}" for number in range(1, 15))
TRIPS = f"/trips/stream?ids={IDS}"
BEARER = {"Authorization": f"Bearer {samsara.TOKEN}"}
FEED = {"method": "GetFeed", "params": {"typeName": "Trip", "credentials": geotab.CREDENTIALS}}
GENERAL = f"account={webfleet.ACCOUNT}&apikey={webfleet.KEY}&lang=en&outputformat=json&useISO8601=true"
CASES = {
    "samsara, vehicles": Case(
        "samsara", "/fleet/vehicles", BEARER,
        {"type": "cursor", "parameter": "after", "next": "pagination.endCursor", "hasMore": "pagination.hasNextPage",
         "sizeParameter": "limit", "size": 100},
        records="data", key=("id",),
    ),
    "samsara, trips": Case(
        "samsara", f"{TRIPS}&startTime=2026-01-01T00:00:00Z&queryBy=updatedAtTime", BEARER,
        {"type": "cursor", "parameter": "after", "next": "pagination.endCursor", "hasMore": "pagination.hasNextPage"},
        {"field": "updatedAtTime", "parameter": "startTime", "until": "endTime", "start": "2026-01-01"},
        records="data",
    ),
    "geotab": Case(
        "geotab", "/apiv1", {},
        {"type": "cursor", "in": "body", "parameter": "params.fromVersion", "next": "result.toVersion",
         "sizeParameter": "params.resultsLimit", "size": 100, "ends": "empty"},
        {"keepsCursor": True},
        records="result.data", body=FEED, key=("id",),
    ),
    "traccar": Case(
        "traccar", "/api/devices", {"Authorization": f"Bearer {traccar.TOKEN}"},
        {"type": "offset", "parameter": "offset", "sizeParameter": "limit", "size": 100, "overlap": 1},
        key=("id",),
    ),
    "navixy": Case(
        "navixy", "/v2/tracker/list", {"Authorization": f"NVX {navixy.KEY}"}, {}, records="list", body={}, key=("id",)
    ),
    "webfleet": Case(
        "webfleet", f"/extern?{GENERAL}&action=showObjectReportExtern",
        {"Authorization": basic(webfleet.USER, webfleet.PASSWORD)}, {},
        key=("objectno",),
    ),
    "fleetio": Case(
        "fleetio", "/api/v1/vehicles",
        {"Authorization": f"Token {fleetio.TOKEN}", "Account-Token": fleetio.ACCOUNT, "X-Api-Version": "2024-01-01"},
        {"type": "cursor", "parameter": "start_cursor", "next": "next_cursor", "sizeParameter": "per_page",
         "size": 100},
        {"field": "updated_at", "parameter": "filter[updated_at][gte]", "until": "filter[updated_at][lt]"},
        records="records", key=("id",),
    ),
    "easypost": Case(
        "easypost", "/v2/shipments", {"Authorization": basic(easypost.KEY, "")},
        {"type": "keyset", "parameter": "before_id", "key": "id", "hasMore": "has_more", "sizeParameter": "page_size",
         "size": 100},
        {"field": "created_at", "parameter": "start_datetime", "until": "end_datetime", "lookback": "14d"},
        records="shipments", key=("id",),
    ),
    "shippo": Case(
        "shippo", "/shipments/", {"Authorization": f"ShippoToken {shippo.TOKEN}"},
        {"type": "nextUrl", "next": "next"},
        {"field": "object_created", "parameter": "object_created_gte", "until": "object_created_lt", "lookback": "14d"},
        records="results", key=("object_id",),
    ),
    "karrio": Case(
        "karrio", "/v1/shipments", {"Authorization": f"Token {karrio.TOKEN}"},
        {"type": "offset", "parameter": "offset", "sizeParameter": "limit", "size": 100},
        {"field": "created_at", "parameter": "created_after", "until": "created_before", "lookback": "14d"},
        records="results", key=("id",),
    ),
    "odoo": Case(
        "odoo", "/json/2/stock.picking/search_read",
        {"Authorization": f"bearer {odoo.KEY}", "X-Odoo-Database": odoo.DATABASE},
        {"type": "offset", "in": "body", "parameter": "offset", "sizeParameter": "limit", "size": 100, "overlap": 1},
        {"field": "write_date", "format": "%Y-%m-%d %H:%M:%S"},
        body={"domain": []}, key=("id",),
    ),
    "erpnext": Case(
        "erpnext", '/api/resource/Delivery%20Note?fields=["*"]',
        {"Authorization": f"token {erpnext.KEY}:{erpnext.SECRET}"},
        {"type": "offset", "parameter": "limit_start", "sizeParameter": "limit_page_length", "size": 100, "overlap": 1},
        {"field": "modified", "format": "%Y-%m-%d %H:%M:%S.%f"},
        records="data", key=("name",),
    ),
}  # fmt: skip


def lively_fleet() -> Fleet:
    """Some of whose records have changed since they were created."""
    fleet = fleet_of(vehicles=14, trips=40)
    fleet.change_trips(10)
    for number, vehicle in fleet.vehicles.items():
        fleet.tick(5)
        fleet.vehicles[number] = replace(vehicle, updated_at=fleet.now)
    return fleet


def sender(client: httpx2.Client, url: str) -> Send:
    """Waits where it is told to."""

    def send(request: Request) -> Answer:
        for _ in range(10):
            how = {"params": request.parameters} | ({} if request.body is None else {"json": request.body})
            response = client.request("GET" if request.body is None else "POST", url + request.path, **how)
            if response.status_code != 429:
                break
            sleep(float(response.headers.get("retry-after", 0.4)) + 0.1)
        is_json = response.headers.get("content-type", "").startswith("application/json")
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status_code, headers, response.json() if is_json else MISSING)

    return send


def propose(handle: Handle, address: str, headers: Mapping[str, str], body: Any = None) -> ResourceProposal:
    parts = urlsplit(address)
    request = Request(parts.path, dict(parse_qsl(parts.query)), body)
    with ApiServer(handle) as server, httpx2.Client(headers=dict(headers)) as client:
        proposal = propose_resource(
            sender(client, server.url), request, lambda samples: key_paths(contract_for(samples, "sample"))
        )
        assert proposal.requests <= 60
        return proposal


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_a_documented_api_is_proposed_right_without_a_correction(name: str) -> None:
    case = CASES[name]

    fleet = lively_fleet()
    handle = webfleet.make(fleet, window_seconds=0.1) if case.api == "webfleet" else APIS[case.api].make(fleet)

    proposal = propose(handle, case.address, case.headers, case.body)

    assert proposal.records.text == case.records
    assert proposal.paging.keys == case.pagination
    assert proposal.filter.keys == case.incremental
    assert proposal.key == case.key
    assert proposal.questions == ()


@pytest.mark.slow
def test_what_a_window_takes_the_place_of_is_left_out() -> None:
    trips = propose(APIS["samsara"].make(lively_fleet()), CASES["samsara, trips"].address, BEARER)
    odoo_transfers = CASES["odoo"]
    transfers = propose(
        APIS["odoo"].make(lively_fleet()), odoo_transfers.address, odoo_transfers.headers, odoo_transfers.body
    )

    assert trips.request.parameters == {"ids": IDS, "queryBy": "updatedAtTime"}
    assert transfers.request.body == {"domain": [["write_date", ">=", "{since}"], ["write_date", "<", "{until}"]]}


def test_the_count_of_a_page_is_not_taken_for_the_count_of_all() -> None:
    def page(count: int, of_all: int | None) -> ResourceProposal:
        content = {"count": count, "data": [{"id": each} for each in range(count)]}
        return propose(lambda request: json_response(content | ({} if of_all is None else {"total": of_all})), "/x", {})

    assert page(4, None).total == {"total": "count"}, "the only page"
    assert page(4, 9).total == {"total": "total"}
    assert propose(APIS["karrio"].make(lively_fleet()), "/v1/shipments", CASES["karrio"].headers).total == {
        "total": "count"
    }


@pytest.mark.parametrize(
    ("document", "path", "is_asked"),
    [
        ([{"id": 1}], ".", False),
        ({"data": {"items": [{"id": 1}]}, "errors": []}, "data.items", False),
        ({"filtered_by": [], "records": [{"id": 1}], "sorted_by": [{"by": "id"}]}, "records", False),
        ({"trips": [{"id": 1}, {"id": 2}], "stops": [{"id": 1}, {"id": 2}]}, "trips", True),
        ({"value": [{"id": 1, "parts": [{"id": 2}, {"id": 3}]}]}, "value", False),
    ],
)
def test_the_list_of_records_is_found_or_asked_for(document: Any, path: str, is_asked: bool) -> None:
    found, question = find_records(document)

    assert found is not None
    assert found.text == path
    assert (question is not None) is is_asked


@pytest.mark.parametrize(
    ("handle", "says"),
    [
        (lambda request: json_response({"error": "unauthorized"}, 401), "status 401"),
        (lambda request: json_response({"hello": "world"}), "no list of records"),
        (lambda request: json_response({"data": []}), "is empty"),
    ],
)
def test_what_holds_no_records_is_told(handle: Handle, says: str) -> None:
    with pytest.raises(NoRecordsError, match=says):
        propose(handle, "/x", {})


def test_a_full_page_without_a_sign_of_others_is_a_question() -> None:
    records = [{"id": number, "name": f"Truck {number}"} for number in range(50)]

    proposal = propose(lambda request: json_response(records), "/trucks", {})

    assert [each.subject for each in proposal.questions] == ["pagination"]
    assert "50 records, a round number" in proposal.questions[0].text


def test_a_cursor_on_the_only_page_is_a_question() -> None:
    page = {"data": [{"id": 1}, {"id": 2}], "meta": {"nextCursor": "b", "hasMore": False}}

    proposal = propose(lambda request: json_response(page), "/trucks", {})

    assert proposal.paging.keys == {}
    assert "meta.hasMore says that this page is the only one" in proposal.questions[0].text


def test_records_that_fit_a_dataset_need_no_contract() -> None:
    logs = [{"log_id": "L-1", "vehicle_id": "V-1", "trip_date": "2026-03-01", "more": 1}]

    assert fitting_datasets(DATASETS, logs) == ("vehicle_logs",)
    assert fitting_datasets(DATASETS, [{"id": 1}]) == ()
