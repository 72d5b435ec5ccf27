"""Karrio: limit and offset, newest first, with the count of all. https://docs.karrio.io/reference/guides/pagination"""

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

TOKEN = "key_0123456789abcdef"


def make(fleet: Fleet) -> Handle:
    def handle(request: Request) -> Response:
        check_header(request, "Authorization", f"Token {TOKEN}")
        if request.path != "/v1/shipments":
            raise Refused(404, {"errors": [{"message": "not found"}]})
        check_parameters(request, ("limit", "offset", "created_after", "created_before", "carrier_name", "status"))
        after, before = request.query.get("created_after"), request.query.get("created_before")
        found = [
            trip
            for trip in sorted(fleet.trips.values(), key=lambda trip: -trip.number)
            if (after is None or trip.created_at >= moment_of(after))
            and (before is None or trip.created_at <= moment_of(before))
        ]
        size = check_size(request.number_of("limit", 20), 100)
        page = paging.by_offset(found, request.number_of("offset", 0), size)
        following = None if page.next is None else f"/v1/shipments?limit={size}&offset={page.next}"
        return json_response(
            {
                "count": page.total,
                "next": following,
                "previous": None,
                "results": [shipment(trip) for trip in page.items],
            }
        )

    return served(fleet, handle)


def shipment(trip: Trip) -> dict[str, Any]:
    return {
        "id": f"shp_{trip.number:08}",
        "object_type": "shipment",
        "status": "delivered" if trip.status == "done" else "in_transit",
        "tracking_number": f"1Z{trip.number:016}",
        "carrier_name": "ups",
        "shipper": {"city": trip.origin, "country_code": "DE"},
        "recipient": {"city": trip.destination, "country_code": "DE"},
        "parcels": [{"weight": trip.weight_kg, "weight_unit": "KG"}],
        "selected_rate": {"total_charge": trip.price, "currency": "EUR"},
        "created_at": utc(trip.created_at),
    }


API = DocumentedApi(
    name="karrio",
    make=make,
    secrets={"KARRIO_TOKEN": TOKEN},
    base_path="/v1",
    rows=lambda fleet: {
        "parcels": {
            (f"shp_{each.number:08}", each.origin, each.destination, each.weight_kg, each.price)
            for each in fleet.trips.values()
        }
    },
    columns={"parcels": ("parcel_id", "origin", "destination", "weight", "cost")},
)
