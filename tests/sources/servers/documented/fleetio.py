"""Fleetio: two tokens, a cursor, filters in brackets, 429 with Retry-After.

https://developer.fleetio.com/docs: overview/pagination, overview/rate-limiting, api/2024-01-01/v-1-vehicles-index
"""

from tests.sources.servers import paging
from tests.sources.servers.documented.api import (
    DocumentedApi,
    Refused,
    check_header,
    check_parameters,
    check_size,
    served,
)
from tests.sources.servers.fleet import Fleet, moment_of, utc
from tests.sources.servers.http import Handle, Request, Response, json_response
from tests.sources.servers.limits import RateLimit

TOKEN, ACCOUNT = "fleetio-key-0123456789", "fleetio-account-token"


def make(fleet: Fleet) -> Handle:
    def handle(request: Request) -> Response:
        check_header(request, "Authorization", f"Token {TOKEN}")
        check_header(request, "Account-Token", ACCOUNT)
        check_header(request, "X-Api-Version", "2024-01-01")
        if request.path != "/api/v1/vehicles":
            raise Refused(404, {"error": "not found"})
        filters = ("filter[updated_at][gte]", "filter[updated_at][lt]")
        check_parameters(request, ("start_cursor", "per_page", "sort[updated_at]", "sort[id]", *filters))
        size = request.number_of("per_page", 50)
        if size < 2:
            raise Refused(400, {"errors": "per_page is at least 2"})
        since, until = (request.query.get(name) for name in filters)
        found = [
            {
                "id": each.number,
                "name": each.name,
                "vin": f"VIN{each.number:014}",
                "current_meter_value": each.odometer_km,
                "meter_unit": "km",
                "updated_at": utc(each.updated_at),
            }
            for each in fleet.numbered_vehicles()
            if (since is None or each.updated_at >= moment_of(since))
            and (until is None or each.updated_at < moment_of(until))
        ]
        last = paging.from_token(request.query.get("start_cursor"))
        page = paging.after_key(found, lambda vehicle: vehicle["id"], last, check_size(size, 100))
        return json_response(
            {
                "start_cursor": request.query.get("start_cursor"),
                "next_cursor": page.next and paging.token(page.next),
                "per_page": size,
                "estimated_remaining_count": len(found),
                "filtered_by": [],
                "sorted_by": [],
                "records": page.items,
            }
        )

    return RateLimit(served(fleet, handle), requests=20, window_seconds=1)


API = DocumentedApi(
    name="fleetio",
    make=make,
    secrets={"FLEETIO_KEY": TOKEN, "FLEETIO_ACCOUNT": ACCOUNT},
    base_path="/api/v1",
    rows=lambda fleet: {
        "vehicles": {(str(each.number), each.name, each.odometer_km) for each in fleet.vehicles.values()}
    },
    columns={"vehicles": ("vehicle_id", "name", "total_mileage")},
)
