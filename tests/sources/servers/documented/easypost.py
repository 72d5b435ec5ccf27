"""EasyPost: newest first, the ID of the last record asks for older ones, a flag for more, the key as basic user.

https://docs.easypost.com/docs/pagination and https://docs.easypost.com/docs/shipments
"""

from typing import Any

from tests.sources.servers.access import basic
from tests.sources.servers.documented.api import DocumentedApi, Refused, check_parameters, check_size, served
from tests.sources.servers.fleet import Fleet, Trip, moment_of, utc
from tests.sources.servers.http import Handle, Request, Response, json_response
from tests.sources.servers.limits import RateLimit

KEY = "EZTK0123456789abcdef"


def make(fleet: Fleet) -> Handle:
    def handle(request: Request) -> Response:
        if not basic(KEY, "")(request):
            raise Refused(401, {"error": {"code": "APIKEY.INACTIVE", "message": "This api key is not valid"}})
        if request.path != "/v2/shipments":
            raise Refused(404, {"error": {"code": "NOT_FOUND", "message": "not found"}})
        named = ("start_datetime", "end_datetime")
        known = ("page_size", "before_id", "after_id", "purchased", "include_children", *named)
        check_parameters(request, known)
        size = check_size(request.number_of("page_size", 20), 100)
        since, until = (request.query.get(name) for name in named)
        found = [
            trip
            for trip in sorted(fleet.trips.values(), key=lambda trip: -trip.number)
            if (since is None or trip.created_at >= moment_of(since))
            and (until is None or trip.created_at < moment_of(until))
        ]
        before = request.query.get("before_id")
        if before:
            found = [trip for trip in found if trip.number < int(before.removeprefix("shp_"), 16)]
        page = [shipment(trip) for trip in found[:size]]
        return json_response({"shipments": page, "has_more": len(found) > size})

    return RateLimit(served(fleet, handle), requests=20, window_seconds=1, style="none")


def shipment_id(trip: Trip) -> str:
    return f"shp_{trip.number:032x}"


def shipment(trip: Trip) -> dict[str, Any]:
    return {
        "id": shipment_id(trip),
        "object": "Shipment",
        "created_at": utc(trip.created_at),
        "updated_at": utc(trip.updated_at),
        "mode": "production",
        "status": "delivered" if trip.status == "done" else "in_transit",
        "tracking_code": f"94001{trip.number:017}",
        "to_address": {"city": trip.destination, "country": "DE"},
        "from_address": {"city": trip.origin, "country": "DE"},
        "parcel": {"weight": round(trip.weight_kg / 0.028349523125, 6)},
        "selected_rate": {"carrier": "USPS", "rate": f"{trip.price:.2f}", "currency": "USD"},
        "messages": [],
    }


API = DocumentedApi(
    name="easypost",
    make=make,
    secrets={"EASYPOST_KEY": KEY},
    base_path="/v2",
    rows=lambda fleet: {
        "parcels": {
            (shipment_id(each), each.origin, each.destination, each.price, each.updated_at)
            for each in fleet.trips.values()
        }
    },
    columns={"parcels": ("parcel_id", "origin", "destination", "cost", "updated_at")},
)
