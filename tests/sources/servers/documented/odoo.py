"""Odoo 19, JSON-2: a method of a model by POST, with a domain, limit and offset in the body; many-to-one as [id, name].

https://www.odoo.com/documentation/19.0/developer/reference/external_api.html
"""

from typing import Any

from tests.sources.servers.documented.api import DocumentedApi, Refused, served
from tests.sources.servers.fleet import Fleet, Trip, moment_of
from tests.sources.servers.http import Handle, Request, Response, json_response

KEY, DATABASE = "6578616d706c65206a736f6e20617069206b6579", "fleet"
FORMAT = "%Y-%m-%d %H:%M:%S"
FIELDS = ("id", "name", "origin", "partner_id", "state", "scheduled_date", "date_done", "shipping_weight", "write_date")


def make(fleet: Fleet) -> Handle:
    def handle(request: Request) -> Response:
        if request.headers.get("authorization", "").lower() != f"bearer {KEY}":
            raise _refused(401, "werkzeug.exceptions.Unauthorized", "Invalid apikey")
        if request.headers.get("x-odoo-database") != DATABASE:
            raise _refused(404, "werkzeug.exceptions.NotFound", "no database")
        if request.method != "POST" or request.path != "/json/2/stock.picking/search_read":
            raise _refused(404, "werkzeug.exceptions.NotFound", "the model or method does not exist")
        asked = request.json()
        unknown = set(asked) - {"ids", "context", "domain", "fields", "limit", "offset", "order"}
        if unknown or set(asked.get("fields", [])) - set(FIELDS):
            raise _refused(422, "builtins.TypeError", f"unexpected arguments {sorted(unknown)}")
        found = [picking(trip) for trip in fleet.trips_by() if _matches(picking(trip), asked.get("domain", []))]
        for part in reversed(asked.get("order", "id").split(",")):
            found.sort(key=lambda each: each[part.split()[0]])
        first = asked.get("offset", 0)
        wanted = {"id", *asked.get("fields", FIELDS)}
        page = found[first : first + asked["limit"]] if "limit" in asked else found[first:]
        return json_response([{name: each[name] for name in FIELDS if name in wanted} for each in page])

    return served(fleet, handle)


def _matches(record: dict[str, Any], domain: list[list[Any]]) -> bool:
    compare = {
        ">=": lambda value, wanted: moment_of(value) >= moment_of(wanted),
        "<": lambda value, wanted: moment_of(value) < moment_of(wanted),
        "=": lambda value, wanted: value == wanted,
    }
    return all(compare[operator](record[name], wanted) for name, operator, wanted in domain)


def _refused(status: int, name: str, message: str) -> Refused:
    return Refused(status, {"name": name, "message": message, "arguments": [message], "context": {}, "debug": ""})


def picking(trip: Trip) -> dict[str, Any]:
    return {
        "id": trip.number,
        "name": f"WH/OUT/{trip.number:05}",
        "origin": f"S{trip.number:05}",
        "partner_id": [trip.vehicle, f"Customer {trip.vehicle}"],
        "state": "done" if trip.status == "done" else "assigned",
        "scheduled_date": trip.started_at.strftime(FORMAT),
        "date_done": trip.ended_at.strftime(FORMAT) if trip.status == "done" else False,
        "shipping_weight": trip.weight_kg,
        "write_date": trip.updated_at.strftime(FORMAT),
    }


API = DocumentedApi(
    name="odoo",
    make=make,
    secrets={"ODOO_KEY": KEY},
    base_path="/json/2",
    rows=lambda fleet: {
        "deliveries": {
            (str(each.number), f"Customer {each.vehicle}", each.weight_kg, each.started_at, each.updated_at)
            for each in fleet.trips.values()
        }
    },
    columns={"deliveries": ("delivery_id", "customer", "weight", "planned_at", "updated_at")},
)
