"""What goes wrong between a client and an API. A fault takes a request and the handler, and gives the response.

Each is as a client meets it: on the wire (`cut`, `drip`), in the status (`status`, `too_many`), or in what a page says
(`login_page`, `repeated`, `dropped`).
"""

import gzip
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from functools import cache
from typing import Any

from tests.sources.servers.http import Handle, Request, Response, Wire, json_response
from tests.sources.servers.limits import retry_after

Fault = Callable[[Request, Handle], Response]
Plan = Callable[[Request], Fault | None]

BLOCK = b" " * (1 << 16)


def faulty(handle: Handle, plan: Plan) -> Handle:
    """The handler, struck by the fault that the plan has for a request."""

    def answer(request: Request) -> Response:
        fault = plan(request)
        return fault(request, handle) if fault is not None else handle(request)

    return answer


def at(*numbers: int, fault: Fault) -> Plan:
    """Strikes the requests of these numbers."""
    return lambda request: fault if request.number in numbers else None


def first(count: int, fault: Fault, when: Callable[[Request], bool] = lambda request: True) -> Plan:
    """Strikes the first so many requests of which `when` holds."""
    left = iter(range(count))

    def plan(request: Request) -> Fault | None:
        return fault if when(request) and next(left, None) is not None else None

    return plan


# -- in the status -----------------------------------------------------------------------------------------------------


def status(code: int) -> Fault:
    return lambda request, handle: json_response({"error": f"status {code}"}, code)


def too_many(seconds: float, style: str = "seconds") -> Fault:
    """429 with Retry-After in seconds, as a date, or (`none`) without."""
    headers = {} if style == "none" else {"Retry-After": retry_after(seconds, style)}
    return lambda request, handle: json_response({"error": "Too many requests"}, 429, headers)


def redirect(url: str) -> Fault:
    return lambda request, handle: Response(302, b"", {"Location": url})


# -- on the wire -------------------------------------------------------------------------------------------------------


def sent(send: Callable[[Wire, Response], None]) -> Fault:
    """The handler's response, sent in this way."""
    return lambda request, handle: replace(handle(request), send=send)


def cut(share: float) -> Fault:
    """The connection ends after this share of the body."""

    def send(wire: Wire, response: Response) -> None:
        wire.head(response, len(response.body))
        wire.body(response.body[: int(len(response.body) * share)])
        wire.cut()

    return sent(send)


def closed() -> Fault:
    """The connection ends without a byte."""
    return sent(lambda wire, response: wire.cut())


def hang(seconds: float) -> Fault:
    """Nothing for so long, and then the end."""

    def send(wire: Wire, response: Response) -> None:
        wire.wait(seconds)
        wire.cut()

    return sent(send)


def drip(pieces: int, seconds_between: float) -> Fault:
    """The body in so many pieces, with a pause between any two."""

    def send(wire: Wire, response: Response) -> None:
        wire.head(response, len(response.body))
        size = max(1, -(-len(response.body) // pieces))
        for start in range(0, len(response.body), size):
            wire.body(response.body[start : start + size])
            if wire.wait(seconds_between):
                return wire.cut()
        return None

    return sent(send)


def wrong_length(difference: int) -> Fault:
    """A Content-Length that is too large (the rest never comes) or too small (the page ends in its middle)."""

    def send(wire: Wire, response: Response) -> None:
        length = max(0, len(response.body) + difference)
        wire.head(response, length)
        wire.body(response.body[:length])
        wire.cut()

    return sent(send)


def truncated_gzip(share: float = 0.5) -> Fault:
    """A compressed body that ends early, with the length that it has: HTTP sees nothing wrong."""

    def strike(request: Request, handle: Handle) -> Response:
        response = handle(request)
        packed = gzip.compress(response.body)
        body = packed[: max(10, int(len(packed) * share))]
        return replace(response, body=body).with_headers(Content_Encoding="gzip")

    return strike


def endless(size_bytes: int) -> Fault:
    """A page of so many bytes, valid JSON up to its last one, made as it is sent."""

    def send(wire: Wire, response: Response) -> None:
        body = response.body
        wire.head(response, size_bytes + len(body))
        left = size_bytes
        while left > 0:
            wire.body(BLOCK[: min(left, len(BLOCK))])
            left -= len(BLOCK)
        wire.body(body)

    return sent(send)


def gzip_bomb(size_bytes: int) -> Fault:
    """A small body that unpacks to so many bytes."""

    def strike(request: Request, handle: Handle) -> Response:
        response = handle(request)
        body = _packed_blanks(size_bytes) + gzip.compress(response.body)
        return replace(response, body=body).with_headers(Content_Encoding="gzip")

    return strike


@cache
def _packed_blanks(size_bytes: int) -> bytes:
    return gzip.compress(BLOCK * (size_bytes // len(BLOCK)), compresslevel=9)


# -- in what a page says -----------------------------------------------------------------------------------------------


def login_page() -> Fault:
    """200 with HTML, as proxies and expired sessions answer."""
    body = b"<!DOCTYPE html><html><body><form action='/login'>Please sign in</form></body></html>"
    return lambda request, handle: Response(200, body, {"Content-Type": "text/html; charset=utf-8"})


def error_with_200(content: Any) -> Fault:
    """200 with a JSON document that has an error in place of records."""
    return lambda request, handle: json_response(content)


def clock_skew(seconds: float) -> Fault:
    """A server whose clock is wrong by so much."""

    def strike(request: Request, handle: Handle) -> Response:
        response = handle(request)
        told = response.headers.get("Date")
        moment = (parsedate_to_datetime(told) if told else datetime.now(UTC)) + timedelta(seconds=seconds)
        return response.with_headers(Date=format_datetime(moment, usegmt=True))

    return strike


class Repeated:
    """Answers with the page before once more, and then goes on: what an API does that lost its place."""

    def __init__(self, handle: Handle) -> None:
        self._handle = handle
        self._last: Response | None = None
        self.strikes = 0
        self.is_armed = False

    def __call__(self, request: Request) -> Response:
        if self.is_armed and self._last is not None:
            self.is_armed = False
            self.strikes += 1
            return self._last
        self._last = self._handle(request)
        return self._last


def slowly(handle: Handle, seconds: float) -> Handle:
    def answer(request: Request) -> Response:
        time.sleep(seconds)
        return handle(request)

    return answer


def records_in(body: bytes) -> Iterator[Any]:
    """All objects of the first array of a page, wherever it is."""
    content = json.loads(body)
    while isinstance(content, dict):
        content = next((value for value in content.values() if isinstance(value, list | dict)), [])
    yield from content
