"""GS1 EPCIS 2.0: a Link header, filters by the time of recording. The OpenAPI document of the standard (gs1/EPCIS)."""

from typing import Any

from tests.sources.servers import access, paging
from tests.sources.servers.documented.api import DocumentedApi, Refused, check_parameters, served
from tests.sources.servers.fleet import Fleet, Trip, moment_of, utc
from tests.sources.servers.http import Handle, Request, Response, json_response

CLIENT = access.TokenEndpoint(client_id="epcis-client", client_secret="epcis-s3cret")
"""The standard leaves the kind of authentication to the implementation: here, OAuth 2."""


def make(fleet: Fleet) -> Handle:
    tokens = access.TokenEndpoint(CLIENT.client_id, CLIENT.client_secret)

    def handle(request: Request) -> Response:
        if request.path == "/oauth2/token":
            return tokens(request)
        if not tokens.is_allowed(request):
            raise Refused(401, {"type": "epcisException:SecurityException", "title": "Unauthorized", "status": 401})
        if request.path != "/events":
            raise Refused(404, {"type": "epcisException:NoSuchResourceException", "title": "Not found", "status": 404})
        bounds = ("GE_recordTime", "LT_recordTime")
        check_parameters(request, ("perPage", "nextPageToken", "eventType", "orderBy", "orderDirection", *bounds))
        since, until = (moment_of(request.query[name]) if name in request.query else None for name in bounds)
        found = [event(trip) for trip in fleet.trips_by(since=since, until=until)]
        last = paging.from_token(request.query.get("nextPageToken"))
        key = lambda item: [item["recordTime"], item["eventID"]]  # noqa: E731 - read twice, and nowhere else
        page = paging.after_key(found, key, last, request.number_of("perPage", 30))
        url = page.next and paging.next_url(request, nextPageToken=paging.token(page.next))
        return json_response(_document(page.items), headers=paging.link_header(next=url))

    return served(fleet, handle)


def _document(events: Any) -> dict[str, Any]:
    return {
        "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],
        "type": "EPCISQueryDocument",
        "schemaVersion": "2.0",
        "epcisBody": {"queryResults": {"queryName": "SimpleEventQuery", "resultsBody": {"eventList": events}}},
    }


def event_id(trip: Trip) -> str:
    return f"ni:///sha-256;{trip.number:064x}?ver=CBV2.0"


def event(trip: Trip) -> dict[str, Any]:
    return {
        "type": "ObjectEvent",
        "eventID": event_id(trip),
        "action": "OBSERVE",
        "bizStep": "shipping" if trip.status == "done" else "loading",
        "disposition": "in_transit",
        "epcList": [f"urn:epc:id:sscc:0614141.{trip.number:010}"],
        "eventTime": utc(trip.started_at),
        "eventTimeZoneOffset": "+00:00",
        "recordTime": utc(trip.updated_at),
        "readPoint": {"id": f"urn:epc:id:sgln:0614141.{trip.vehicle:05}.0"},
    }


API = DocumentedApi(
    name="epcis",
    make=make,
    secrets={"EPCIS_CLIENT_SECRET": CLIENT.client_secret},
    base_path="",
    rows=lambda fleet: {
        "supply_events": {
            (event_id(each), f"urn:epc:id:sscc:0614141.{each.number:010}", each.started_at, each.updated_at)
            for each in fleet.trips.values()
        }
    },
    columns={"supply_events": ("event_id", "item", "happened_at", "recorded_at")},
)
