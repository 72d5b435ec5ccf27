"""Samsara: cursor in the body, with a flag for more.

https://developers.samsara.com/docs/pagination and https://developers.samsara.com/reference/gettrips
"""

from typing import Any

from tests.sources.servers import paging
from tests.sources.servers.documented.api import (
    DocumentedApi,
    Refused,
    check_header,
    check_parameters,
    check_size,
    served,
)
from tests.sources.servers.fleet import Fleet, Trip, moment_of, utc
from tests.sources.servers.http import Handle, Request, Response, json_response
from tests.sources.servers.limits import RateLimit

TOKEN = "samsara_api_0123456789"
LARGEST_PAGE = 512
TRIPS_PER_PAGE = 10
"""Where there is no `limit`, the server tunes the number of results, which may change at any time."""


def make(fleet: Fleet, window_seconds: float = 1) -> Handle:
    def handle(request: Request) -> Response:
        check_header(request, "Authorization", f"Bearer {TOKEN}")
        if request.path == "/fleet/vehicles":
            check_parameters(request, ("limit", "after"))
            size = check_size(request.number_of("limit", LARGEST_PAGE), LARGEST_PAGE)
            vehicles = [{"id": each.id, "name": each.name} for each in fleet.numbered_vehicles()]
            return _page(request, vehicles, lambda vehicle: vehicle["id"], size)
        if request.path == "/trips/stream":
            return trips(request)
        raise Refused(404, {"message": "Not found"})

    def stream(request: Request) -> Response:
        known = ("ids", "startTime", "endTime", "queryBy", "after", "includeAsset", "completionStatus")
        check_parameters(request, known, required=("ids", "startTime"))
        ids = request.query["ids"].split(",")
        if len(ids) > 50 or request.query.get("queryBy") not in ("updatedAtTime", "tripStartTime", None):
            raise Refused(400, {"message": "up to 50 ids; queryBy is updatedAtTime or tripStartTime"})
        until = request.query.get("endTime")
        found = fleet.trips_by(since=moment_of(request.query["startTime"]), until=moment_of(until) if until else None)
        listed = [trip_view(trip) for trip in found if trip.vehicle_id in ids]
        return _page(request, listed, lambda trip: [trip["updatedAtTime"], trip["tripStartTime"]], TRIPS_PER_PAGE)

    trips = RateLimit(stream, requests=5, window_seconds=window_seconds)
    return served(fleet, handle)


def _page(request: Request, items: list[dict[str, Any]], key: Any, size: int) -> Response:
    page = paging.after_key(items, key, paging.from_token(request.query.get("after")), size)
    cursor = paging.token(key(page.items[-1])) if page.items else ""
    return json_response(
        {"data": page.items, "pagination": {"endCursor": cursor, "hasNextPage": page.next is not None}}
    )


def trip_view(trip: Trip) -> dict[str, Any]:
    return {
        "asset": {"id": trip.vehicle_id},
        "completionStatus": "completed" if trip.status == "done" else "inProgress",
        "createdAtTime": utc(trip.created_at),
        "startLocation": {"latitude": 50.1, "longitude": 6.1, "address": {"city": trip.origin, "country": "DE"}},
        "endLocation": {"latitude": 50.2, "longitude": 6.2, "address": {"city": trip.destination, "country": "DE"}},
        "tripStartTime": utc(trip.started_at),
        "tripEndTime": utc(trip.ended_at),
        "updatedAtTime": utc(trip.updated_at),
    }


API = DocumentedApi(
    name="samsara",
    make=lambda fleet: make(fleet, window_seconds=0.2),
    secrets={"SAMSARA_TOKEN": TOKEN},
    base_path="",
    rows=lambda fleet: {
        "vehicles": {(each.id, each.name) for each in fleet.vehicles.values()},
        "trips": {
            (each.vehicle_id, each.started_at, each.origin, each.destination, each.updated_at)
            for each in fleet.trips.values()
        },
    },
    columns={
        "vehicles": ("vehicle_id", "name"),
        "trips": ("vehicle_id", "started_at", "origin", "destination", "updated_at"),
    },
)
