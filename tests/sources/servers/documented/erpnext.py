"""ERPNext: filters as JSON in one parameter, limit_start and limit_page_length, key and secret in one header.

https://docs.frappe.io/framework/user/en/api/rest and https://docs.frappe.io/framework/user/en/guides/integration/rest_api/listing_documents
"""

import json
from typing import Any
from urllib.parse import unquote

from tests.sources.servers.documented.api import DocumentedApi, Refused, check_header, check_parameters, served
from tests.sources.servers.fleet import Fleet, Trip, moment_of
from tests.sources.servers.http import Handle, Request, Response, json_response

KEY, SECRET = "erpkey01234", "erpsecret56789"
FIELDS = ("name", "customer_name", "status", "posting_date", "total_net_weight", "grand_total", "modified")


def make(fleet: Fleet) -> Handle:
    def handle(request: Request) -> Response:
        check_header(request, "Authorization", f"token {KEY}:{SECRET}")
        if unquote(request.path) != "/api/resource/Delivery Note":
            raise Refused(404, {"exc_type": "DoesNotExistError"})
        check_parameters(request, ("fields", "filters", "or_filters", "order_by", "limit_start", "limit_page_length"))
        wanted = json.loads(request.query.get("fields", '["name"]'))
        names = FIELDS if wanted == ["*"] else wanted
        if set(names) - set(FIELDS):
            raise Refused(417, {"exc_type": "DataError"})
        filters = json.loads(request.query.get("filters", "[]"))
        found = [note(trip) for trip in fleet.trips_by() if _matches(note(trip), filters)]
        found.sort(key=lambda each: each[request.query.get("order_by", "modified desc").split()[0]])
        first, size = request.number_of("limit_start", 0), request.number_of("limit_page_length", 20)
        page = found[first : first + size] if size else found[first:]
        return json_response({"data": [{name: each[name] for name in names} for each in page]})

    return served(fleet, handle)


def _matches(record: dict[str, Any], filters: list[list[Any]]) -> bool:
    compare = {
        ">=": lambda value, wanted: moment_of(value) >= moment_of(wanted),
        "<": lambda value, wanted: moment_of(value) < moment_of(wanted),
        "=": lambda value, wanted: value == wanted,
    }
    return all(compare[operator](record[name], wanted) for name, operator, wanted in (each[-3:] for each in filters))


def note(trip: Trip) -> dict[str, Any]:
    return {
        "name": f"MAT-DN-2026-{trip.number:05}",
        "customer_name": f"Customer {trip.vehicle}",
        "status": "Completed" if trip.status == "done" else "To Bill",
        "posting_date": trip.started_at.strftime("%Y-%m-%d"),
        "total_net_weight": trip.weight_kg,
        "grand_total": trip.price,
        "modified": trip.updated_at.strftime("%Y-%m-%d %H:%M:%S.%f"),
    }


API = DocumentedApi(
    name="erpnext",
    make=make,
    secrets={"ERPNEXT_KEY_AND_SECRET": f"{KEY}:{SECRET}"},
    base_path="/api/resource",
    rows=lambda fleet: {
        "deliveries": {
            (f"MAT-DN-2026-{each.number:05}", f"Customer {each.vehicle}", each.weight_kg, each.updated_at)
            for each in fleet.trips.values()
        }
    },
    columns={"deliveries": ("delivery_id", "customer", "weight", "updated_at")},
)
