"""Webfleet: one address with an action, no pages, a window by start, one trip report a minute, errors with status 200.

WEBFLEET.connect reference: HTTP requests, general parameters, showObjectReportExtern, showTripReportExtern.
"""

from tests.sources.servers.access import basic
from tests.sources.servers.documented.api import DocumentedApi, Refused, check_parameters, served
from tests.sources.servers.fleet import Fleet, moment_of, utc
from tests.sources.servers.http import Handle, Request, Response, json_response
from tests.sources.servers.limits import RateLimit

ACCOUNT, USER, PASSWORD, KEY = "fleet-company", "pipeline", "webfleet-p4ss", "webfleet-key-0123456789"
GENERAL = ("account", "apikey", "lang", "outputformat", "useISO8601", "useUTF8", "action")


def make(fleet: Fleet, window_seconds: float = 60) -> Handle:
    def handle(request: Request) -> Response:
        if not basic(USER, PASSWORD)(request) or request.query.get("account") != ACCOUNT:
            return _error(1101, "invalid user")
        if request.query.get("apikey") != KEY or request.path != "/extern":
            return _error(8014, "API key is invalid")
        action = actions.get(request.query.get("action", ""))
        return action(request) if action else _error(9, "unknown action")

    def objects(request: Request) -> Response:
        check_parameters(request, (*GENERAL, "filterstring", "objectgroupname"))
        return json_response(
            [
                {"objectno": each.id, "objectname": each.name, "odometer": round(each.odometer_km * 10)}
                for each in fleet.numbered_vehicles()
            ]
        )

    def trips(request: Request) -> Response:
        named = ("range_pattern", "rangefrom_string", "rangeto_string")
        check_parameters(request, (*GENERAL, *named, "objectno"), required=named)
        if request.query["range_pattern"] != "ud":
            raise Refused(400, {"error": "a range from and to belongs to the pattern ud"})
        begin, end = moment_of(request.query["rangefrom_string"]), moment_of(request.query["rangeto_string"])
        return json_response(
            [
                {
                    "tripid": trip.number,
                    "objectno": trip.vehicle_id,
                    "start_time": utc(trip.started_at),
                    "start_postext": trip.origin,
                    "end_time": utc(trip.ended_at),
                    "end_postext": trip.destination,
                    "distance": round(trip.distance_km * 1000),
                    "fuel_usage": trip.fuel_litres,
                }
                for trip in fleet.trips_by()
                if begin <= trip.started_at < end
            ]
        )

    actions = {
        "showObjectReportExtern": RateLimit(objects, requests=6, window_seconds=window_seconds),
        "showTripReportExtern": RateLimit(trips, requests=1, window_seconds=window_seconds),
    }
    return served(fleet, handle)


def _error(code: int, message: str) -> Response:
    return json_response({"errorCode": code, "errorMsg": message})


API = DocumentedApi(
    name="webfleet",
    make=lambda fleet: make(fleet, window_seconds=0.2),
    secrets={"WEBFLEET_PASSWORD": PASSWORD, "WEBFLEET_KEY": KEY},
    base_path="",
    rows=lambda fleet: {
        "vehicles": {(each.id, each.name, each.odometer_km) for each in fleet.vehicles.values()},
        "trips": {
            (each.vehicle_id, each.started_at, each.distance_km, each.fuel_litres, each.origin, each.destination)
            for each in fleet.trips.values()
        },
    },
    columns={
        "vehicles": ("vehicle_id", "name", "total_mileage"),
        "trips": ("vehicle_id", "started_at", "distance_km", "fuel_litres", "origin", "destination"),
    },
)
