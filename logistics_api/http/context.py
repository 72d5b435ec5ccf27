"""What the middleware knows about a request: passed down in `scope["state"]` and reported at the end."""

import os
import re
from contextvars import ContextVar
from itertools import count
from typing import Literal

from starlette.types import Scope

from logistics_api.database.timing import DatabaseTime
from logistics_api.http.prefix import HEADER, forwarded_prefix

RawHeaders = list[tuple[bytes, bytes]]

CacheUse = Literal["hit", "miss", "none"]
"""`hit`: served without the database; `miss`: figures had to be computed; `none`: not cacheable."""

REQUEST_ID = re.compile(rb"[A-Za-z0-9._~+/=:-]{1,128}")
"""Request IDs accepted from clients: no characters that could break out of a header or log line."""

current_request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""ID of the request that the current task is serving, for the log."""

_process_prefix = os.urandom(8).hex()
_request_numbers = count(int.from_bytes(os.urandom(4)))


class RequestContext:
    """State of one request. `RequestMiddleware` creates it from the headers; the layers below fill it in."""

    request_id: str
    accept_encoding: bytes | None = None
    if_none_match: bytes | None = None
    """Both are joined into one list if sent as several headers (RFC 9110, section 5.3)."""
    if_data_version: bytes | None = None
    """The only data version that the client accepts."""
    min_data_version: bytes | None = None
    """The lowest one."""
    oldest_accepted: int | None = None
    """That number, if a response may be older."""
    cache_use: CacheUse = "none"
    database_time: DatabaseTime | None = None
    template: str | None = None
    """Template of the route that produced a cached response; requests served from the cache are not routed."""
    prefix = ""
    """Path under which a proxy publishes the API: the setting, or else what the proxy sent."""
    is_started = False
    """Whether the response has begun."""
    is_finished = False
    """Whether the whole response has been sent."""

    def __init__(self, headers: RawHeaders) -> None:
        sent_id: bytes | None = None
        for name, value in headers:
            if name == b"accept-encoding":
                self.accept_encoding = value if self.accept_encoding is None else self.accept_encoding + b"," + value
            elif name == b"if-none-match":
                self.if_none_match = value if self.if_none_match is None else self.if_none_match + b"," + value
            elif name == b"if-data-version":
                self.if_data_version = value.strip()
            elif name == b"min-data-version":
                self.min_data_version = value.strip()
            elif name == HEADER:
                self.prefix = forwarded_prefix(value)
            elif name == b"x-request-id":
                sent_id = value
        if sent_id is not None and REQUEST_ID.fullmatch(sent_id):
            self.request_id = sent_id.decode()
        else:
            self.request_id = f"{_process_prefix}{next(_request_numbers):016x}"


def context_of(scope: Scope) -> RequestContext:
    """The context of a request; available inside `RequestMiddleware`."""
    context: RequestContext = scope["state"]["context"]
    return context


def route_template(scope: Scope) -> str | None:
    """The template of the route matched by the application; None if there is none."""
    return getattr(scope.get("route"), "path_format", None)
