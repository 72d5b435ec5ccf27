"""Traccar: limit and offset for devices, a window by start for the trips of each. Its OpenAPI document (6.x)."""

from tests.sources.servers.access import bearer
from tests.sources.servers.documented.api import DocumentedApi, Refused, check_parameters, served
from tests.sources.servers.fleet import Fleet, moment_of, utc
from tests.sources.servers.http import Handle, Request, Response, json_response

TOKEN = "traccar-token-0123456789"


def make(fleet: Fleet) -> Handle:
    def handle(request: Request) -> Response:
        if not bearer(TOKEN)(request):
            raise Refused(401, {"message": "HTTP 401 Unauthorized"})
        if request.path == "/api/devices":
            known = ("all", "userId", "id", "uniqueId", "excludeAttributes", "limit", "offset", "keyword")
            check_parameters(request, known)
            return json_response(_devices(request))
        if request.path == "/api/reports/trips":
            check_parameters(request, ("deviceId", "groupId", "from", "to"), required=("deviceId", "from", "to"))
            if request.headers.get("accept") != "application/json":
                return Response(200, b"PK\x03\x04", {"Content-Type": "application/vnd.openxmlformats"})
            return json_response(_trips(request))
        raise Refused(404, {"message": "HTTP 404 Not Found"})

    def _devices(request: Request) -> list[dict[str, object]]:
        devices = [
            {"id": each.number, "name": each.name, "uniqueId": each.id, "status": "online", "attributes": {}}
            for each in fleet.numbered_vehicles()
        ]
        first = request.number_of("offset", 0)
        return devices[first : first + request.number_of("limit", len(devices))]

    def _trips(request: Request) -> list[dict[str, object]]:
        begin, end = moment_of(request.query["from"]), moment_of(request.query["to"])
        return [
            {
                "deviceId": trip.vehicle,
                "deviceName": f"Truck {trip.vehicle}",
                "distance": round(trip.distance_km * 1000, 1),
                "averageSpeed": 31.5,
                "spentFuel": trip.fuel_litres,
                "duration": int((trip.ended_at - trip.started_at).total_seconds()),
                "startTime": utc(trip.started_at),
                "startAddress": trip.origin,
                "endTime": utc(trip.ended_at),
                "endAddress": trip.destination,
            }
            for trip in fleet.trips_by(of_vehicle=int(request.query["deviceId"]))
            if begin <= trip.started_at <= end
        ]

    return served(fleet, handle)


API = DocumentedApi(
    name="traccar",
    make=make,
    secrets={"TRACCAR_TOKEN": TOKEN},
    base_path="/api",
    rows=lambda fleet: {
        "vehicles": {(str(each.number), each.name) for each in fleet.vehicles.values()},
        "trips": {
            (str(each.vehicle), each.started_at, each.distance_km, each.fuel_litres, each.origin, each.destination)
            for each in fleet.trips.values()
        },
    },
    columns={
        "vehicles": ("vehicle_id", "name"),
        "trips": ("vehicle_id", "started_at", "distance_km", "fuel_litres", "origin", "destination"),
    },
)
