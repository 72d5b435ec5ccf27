"""Shippo: the address of the next page in the page, whose `page` is not for clients to compute, ranges of 90 days.

https://docs.goshippo.com/docs/api_concepts/filtering and https://docs.goshippo.com/docs/api_concepts/ratelimits
"""

from datetime import timedelta
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

TOKEN = "shippo_live_0123456789abcdef"


def make(fleet: Fleet) -> Handle:
    def handle(request: Request) -> Response:
        check_header(request, "Authorization", f"ShippoToken {TOKEN}")
        if request.path != "/shipments/":
            raise Refused(404, {"detail": "Not found."})
        bounds = ("object_created_gt", "object_created_gte", "object_created_lt", "object_created_lte")
        check_parameters(request, ("results", "page", "page_token", *bounds))
        size = check_size(request.number_of("results", 25), 100)
        since, until = request.query.get("object_created_gte"), request.query.get("object_created_lt")
        if since and until and moment_of(until) - moment_of(since) > timedelta(days=90):
            raise Refused(400, {"detail": "a range has 90 days at most"})
        found = [
            trip
            for trip in sorted(fleet.trips.values(), key=lambda trip: trip.number)
            if (since is None or trip.created_at >= moment_of(since))
            and (until is None or trip.created_at < moment_of(until))
        ]
        last = paging.from_token(request.query.get("page_token"))
        page = paging.after_key(found, lambda trip: trip.number, last, size)
        following = page.next and paging.next_url(request, page_token=paging.token(page.next))
        return json_response({"next": following, "previous": None, "results": [shipment(trip) for trip in page.items]})

    return RateLimit(served(fleet, handle), requests=50, window_seconds=1, style="none")


def shipment(trip: Trip) -> dict[str, Any]:
    return {
        "object_id": f"{trip.number:032x}",
        "object_created": utc(trip.created_at),
        "object_updated": utc(trip.updated_at),
        "object_owner": "fleet@example.com",
        "status": "SUCCESS",
        "address_from": {"city": trip.origin},
        "address_to": {"city": trip.destination},
        "parcels": [{"weight": str(trip.weight_kg), "mass_unit": "kg"}],
        "messages": [],
        "metadata": "",
    }


API = DocumentedApi(
    name="shippo",
    make=make,
    secrets={"SHIPPO_TOKEN": TOKEN},
    base_path="",
    rows=lambda fleet: {
        "parcels": {
            (f"{each.number:032x}", each.origin, each.destination, each.weight_kg, each.updated_at)
            for each in fleet.trips.values()
        }
    },
    columns={"parcels": ("parcel_id", "origin", "destination", "weight", "updated_at")},
)
