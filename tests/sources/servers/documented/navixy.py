"""Navixy: POST for everything, a window for the tracks of each tracker, `success` beside the list, times without zone.

https://www.navixy.com/docs/navixy-api/user-api/backend-api: authentication, tracker/list, track/list, errors.
"""

from typing import Any

from tests.sources.servers.documented.api import DocumentedApi, Refused, served
from tests.sources.servers.fleet import Fleet, moment_of
from tests.sources.servers.http import Handle, Request, Response, json_response
from tests.sources.servers.limits import RateLimit

KEY = "22eac1c27af4be7b9d04da2ce1af111b"
FORMAT = "%Y-%m-%d %H:%M:%S"


def make(fleet: Fleet) -> Handle:
    def handle(request: Request) -> Response:
        if request.headers.get("authorization") != f"NVX {KEY}":
            raise _refused(4, "User or API key not found or session ended", 400)
        if request.path.rstrip("/") == "/v2/tracker/list":
            return json_response({"success": True, "list": [_tracker(each) for each in fleet.numbered_vehicles()]})
        if request.path.rstrip("/") == "/v2/track/list":
            return json_response({"success": True, "limit_exceeded": False, "list": _tracks(request.json())})
        raise _refused(2, "Unknown API call", 404)

    def _tracks(asked: dict[str, Any]) -> list[dict[str, Any]]:
        unknown = set(asked) - {"tracker_id", "from", "to", "filter", "split", "include_gsm_lbs", "count_events"}
        if unknown:
            raise _refused(7, f"Invalid parameters {sorted(unknown)}", 400)
        begin, end = moment_of(asked["from"]), moment_of(asked["to"])
        if end <= begin:
            raise _refused(7, "to has to be later than from", 400)
        return [
            {
                "id": trip.number,
                "start_date": trip.started_at.strftime(FORMAT),
                "start_address": trip.origin,
                "end_date": trip.ended_at.strftime(FORMAT),
                "end_address": trip.destination,
                "length": trip.distance_km,
                "norm_fuel_consumed": trip.fuel_litres,
                "type": "regular",
            }
            for trip in fleet.trips_by(of_vehicle=int(asked["tracker_id"]))
            if begin < trip.started_at < end
        ]

    return RateLimit(served(fleet, handle), requests=50, window_seconds=1)


def _tracker(vehicle: Any) -> dict[str, Any]:
    return {"id": vehicle.number, "label": vehicle.name, "group_id": 0, "source": {"model": "telfmb920"}}


def _refused(code: int, description: str, status: int) -> Refused:
    return Refused(status, {"success": False, "status": {"code": code, "description": description}})


API = DocumentedApi(
    name="navixy",
    make=make,
    secrets={"NAVIXY_KEY": KEY},
    base_path="/v2",
    rows=lambda fleet: {
        "vehicles": {(str(each.number), each.name) for each in fleet.vehicles.values()},
        "trips": {
            (str(each.vehicle), each.started_at, each.distance_km, each.origin, each.destination)
            for each in fleet.trips.values()
        },
    },
    columns={
        "vehicles": ("vehicle_id", "name"),
        "trips": ("vehicle_id", "started_at", "distance_km", "origin", "destination"),
    },
)
