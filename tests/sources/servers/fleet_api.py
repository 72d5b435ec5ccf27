"""An API of a fleet in no company's manner: any pagination, with or without totals, filters by time and ETags.

    /vehicles                      all vehicles
    /trips                         trips; filters updatedSince (at or after) and updatedBefore (before)
    /vehicles/V-0001/trips         the trips of one vehicle; the same filters

Records are under `data`; what else a page says depends on its style.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import format_datetime
from typing import Any

from tests.sources.servers import paging
from tests.sources.servers.fleet import Fleet, Trip, Vehicle, moment_of, utc
from tests.sources.servers.http import Request, Response, json_response

STYLES = ("none", "page", "offset", "cursor", "cursorHeader", "linkHeader", "nextUrl", "keyset")
"""How a list is given in pages."""
SHIFTING = ("page", "offset")
"""Those whose positions count."""


@dataclass
class FleetApi:
    """Handles requests over a fleet. `on_request` runs before each page: the moment to change what is read."""

    fleet: Fleet
    style: str = "cursor"
    size: int = 10
    """The largest page, and that of a request which names no size."""
    gives_total: bool = False
    gives_etag: bool = False
    ignores_filters: bool = False
    on_request: Callable[[Request], None] = lambda request: None
    pages_given: int = 0
    drops_next: bool = False
    """Whether the page that follows this one is passed over, as by an API that loses its place."""
    goes_round: bool = False
    """Whether the next page is said to be this one again."""
    pages_misled: int = 0
    """Pages that one of these two has changed."""

    def __call__(self, request: Request) -> Response:
        self.on_request(request)
        items = self._items(request)
        if items is None:
            return json_response({"error": "not found"}, 404)
        self.pages_given += 1
        response = self._page(request, items)
        response = response.with_headers(Date=format_datetime(self.fleet.now, usegmt=True))
        return self._unless_known(request, response) if self.gives_etag else response

    # -- which records -------------------------------------------------------------------------------------------------

    def _items(self, request: Request) -> list[Any] | None:
        parts = request.path.strip("/").split("/")
        if parts == ["vehicles"]:
            return list(self.fleet.numbered_vehicles())
        if parts == ["trips"]:
            return self._trips(request, None)
        if len(parts) == 3 and parts[0] == "vehicles" and parts[2] == "trips":
            return self._trips(request, int(parts[1].removeprefix("V-")))
        return None

    def _trips(self, request: Request, vehicle: int | None) -> list[Trip]:
        since, until = (None, None) if self.ignores_filters else (_moment(request, each) for each in FILTERS)
        by_number = self.style == "keyset"
        key: Callable[[Trip], object] = (lambda trip: trip.number) if by_number else _order
        return self.fleet.trips_by(key, since, until, vehicle)

    # -- which page ----------------------------------------------------------------------------------------------------

    def _page(self, request: Request, items: Sequence[Any]) -> Response:
        size = min(self.size, request.number_of("limit", self.size))
        page, body, headers = _READERS[self.style](self, request, items, size)
        content = {"data": [_view(item) for item in page.items], **body}
        if self.gives_total:
            content["total"] = page.total
        return json_response(content, headers=headers)

    def _all(self, request: Request, items: Sequence[Any], size: int) -> Any:
        return paging.Page(items, None, len(items)), {}, {}

    def _by_number(self, request: Request, items: Sequence[Any], size: int) -> Any:
        page = paging.by_number(items, request.number_of("page", 1), size)
        return page, {"page": request.number_of("page", 1), "pages": -(-len(items) // size)}, {}

    def _by_offset(self, request: Request, items: Sequence[Any], size: int) -> Any:
        return paging.by_offset(items, request.number_of("offset", 0), size), {}, {}

    def _by_cursor(self, request: Request, items: Sequence[Any], size: int) -> Any:
        page = self._after_token(request, items, size)
        return page, {"meta": {"nextCursor": page.next and paging.token(page.next)}}, {}

    def _by_cursor_header(self, request: Request, items: Sequence[Any], size: int) -> Any:
        page = self._after_token(request, items, size)
        return page, {}, {"X-Next-Cursor": paging.token(page.next)} if page.next else {}

    def _by_link_header(self, request: Request, items: Sequence[Any], size: int) -> Any:
        page = self._after_token(request, items, size)
        url = page.next and paging.next_url(request, cursor=paging.token(page.next))
        return page, {}, paging.link_header(next=url, first=paging.next_url(request))

    def _by_next_url(self, request: Request, items: Sequence[Any], size: int) -> Any:
        page = self._after_token(request, items, size)
        return page, {"next": page.next and paging.next_url(request, cursor=paging.token(page.next))}, {}

    def _by_key(self, request: Request, items: Sequence[Any], size: int) -> Any:
        last = request.query.get("after")
        return paging.after_key(items, lambda item: item.id, last, size), {}, {}

    def _after_token(self, request: Request, items: Sequence[Any], size: int) -> paging.Page[Any]:
        here = paging.from_token(request.query.get("cursor"))
        page = paging.after_key(items, _key, here, size)
        if self.goes_round and here is not None:
            self.pages_misled += 1
            return replace(page, next=here)
        following = paging.after_key(items, _key, page.next, size).next if page.next is not None else None
        if self.drops_next and following is not None:
            self.pages_misled += 1
            return replace(page, next=following)
        return page

    # -- ETags ---------------------------------------------------------------------------------------------------------

    def _unless_known(self, request: Request, response: Response) -> Response:
        etag = f'"{hashlib.sha256(response.body).hexdigest()[:16]}"'
        if request.headers.get("if-none-match") == etag:
            return Response(304, b"", {"ETag": etag, "Date": response.headers["Date"]})
        return response.with_headers(ETag=etag)


_READERS: dict[str, Callable[..., tuple[paging.Page[Any], dict[str, Any], dict[str, str]]]] = {
    "none": FleetApi._all,
    "page": FleetApi._by_number,
    "offset": FleetApi._by_offset,
    "cursor": FleetApi._by_cursor,
    "cursorHeader": FleetApi._by_cursor_header,
    "linkHeader": FleetApi._by_link_header,
    "nextUrl": FleetApi._by_next_url,
    "keyset": FleetApi._by_key,
}

FILTERS = ("updatedSince", "updatedBefore")


def _moment(request: Request, parameter: str) -> datetime | None:
    text = request.query.get(parameter)
    return moment_of(text) if text else None


def _order(trip: Trip) -> tuple[datetime, int]:
    return trip.updated_at, trip.number


def _key(item: Any) -> list[Any]:
    return [utc(item.updated_at), item.number]


def _view(item: Any) -> dict[str, Any]:
    return vehicle_view(item) if isinstance(item, Vehicle) else trip_view(item)


def vehicle_view(vehicle: Vehicle) -> dict[str, Any]:
    return {
        "id": vehicle.id,
        "name": vehicle.name,
        "odometerMeters": round(vehicle.odometer_km * 1000),
        "updatedAt": utc(vehicle.updated_at),
    }


def trip_view(trip: Trip) -> dict[str, Any]:
    return {
        "id": trip.id,
        "vehicle": {"id": trip.vehicle_id},
        "startedAt": utc(trip.started_at),
        "distanceMeters": round(trip.distance_km * 1000),
        "fuelLitres": trip.fuel_litres,
        "price": trip.price,
        "status": trip.status,
        "updatedAt": utc(trip.updated_at),
    }
