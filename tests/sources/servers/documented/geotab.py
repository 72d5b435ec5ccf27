"""Geotab: JSON-RPC by POST, a feed whose version number is the cursor, errors with status 200.

https://geotab.github.io/sdk/software/guides/concepts/ and https://geotab.github.io/sdk/software/guides/data-feed/
"""

from typing import Any

from tests.sources.servers.documented.api import DocumentedApi, served
from tests.sources.servers.fleet import Fleet, Trip, utc
from tests.sources.servers.http import Handle, Request, Response, json_response
from tests.sources.servers.limits import RateLimit

CREDENTIALS = {"database": "demo_fleet", "userName": "pipeline@example.com", "password": "geotab-p4ss"}
LARGEST_PAGE = 50_000


def make(fleet: Fleet) -> Handle:
    feed = _Feed(fleet)

    def handle(request: Request) -> Response:
        call = request.json()
        if call["params"].get("credentials") != CREDENTIALS:
            return _error("InvalidUserException", "Incorrect login credentials")
        if (request.path, request.method, call["method"]) != ("/apiv1", "POST", "GetFeed"):
            return _error("MissingMethodException", "The method could not be found")
        return feeds[call["params"]["typeName"]](request)

    feeds = {
        "Trip": RateLimit(lambda request: feed.page(request, feed.trips), requests=60, window_seconds=60),
        "Device": RateLimit(lambda request: feed.page(request, feed.devices), requests=60, window_seconds=60),
    }
    return served(fleet, handle)


def _error(kind: str, message: str) -> Response:
    data = {"id": "5531c760-4ff7-485c-bb47-b6ed509b76d6", "type": kind, "requestIndex": 0}
    return json_response({"error": {"code": -32000, "data": data, "message": message}, "jsonrpc": "2.0"})


class _Feed:
    """What has changed since a version: records of younger changes, each with its latest state."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    def page(self, request: Request, items: Any) -> Response:
        parameters = request.json()["params"]
        unknown = set(parameters) - {"typeName", "credentials", "fromVersion", "resultsLimit", "search"}
        if unknown:
            return _error("ArgumentException", f"unknown parameters {sorted(unknown)}")
        since = int(parameters.get("fromVersion") or "0", 16)
        limit = min(parameters.get("resultsLimit", LARGEST_PAGE), LARGEST_PAGE)
        found = sorted((version, item) for version, number, item in items() if version > since for _ in [number])[
            :limit
        ]
        last = found[-1][0] if found else since
        return json_response(
            {"result": {"data": [item for _, item in found], "toVersion": f"{last:016x}"}, "jsonrpc": "2.0"}
        )

    def trips(self) -> list[tuple[int, int, dict[str, Any]]]:
        return [
            (_version(trip.updated_at, trip.number), trip.number, trip_view(trip)) for trip in self._fleet.trips_by()
        ]

    def devices(self) -> list[tuple[int, int, dict[str, Any]]]:
        return [
            (
                _version(each.updated_at, each.number),
                each.number,
                {"id": each.id, "name": each.name, "deviceType": "GO9"},
            )
            for each in self._fleet.numbered_vehicles()
        ]


def _version(moment: Any, number: int) -> int:
    return int(moment.timestamp()) * 1_000_000 + number


def trip_view(trip: Trip) -> dict[str, Any]:
    """An ID changes with every calculation of the trip: the device and the start are what stays."""
    return {
        "id": f"b{_version(trip.updated_at, trip.number):x}",
        "device": {"id": trip.vehicle_id},
        "driver": "UnknownDriverId",
        "start": utc(trip.started_at),
        "stop": utc(trip.ended_at),
        "distance": trip.distance_km,
        "version": f"{_version(trip.updated_at, trip.number):016x}",
    }


API = DocumentedApi(
    name="geotab",
    make=make,
    secrets={"GEOTAB_PASSWORD": CREDENTIALS["password"]},
    base_path="",
    rows=lambda fleet: {
        "vehicles": {(each.id, each.name) for each in fleet.vehicles.values()},
        "trips": {(each.vehicle_id, each.started_at, each.ended_at, each.distance_km) for each in fleet.trips.values()},
    },
    columns={
        "vehicles": ("vehicle_id", "name"),
        "trips": ("vehicle_id", "started_at", "ended_at", "distance_km"),
    },
)
