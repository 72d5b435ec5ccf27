"""Whether a request may pass: asked by the edge before anything else, answered from memory in a few microseconds.

What a request needs is told by its method and path; what it has, by its key (X-API-Key, Authorization: Bearer, or the
cookie of a session) or, without one, by where the API is served. docs/security.md says what this protects from.
"""

import logging
from collections.abc import Mapping
from typing import Any

import psycopg
from starlette.types import Scope as AsgiScope

from logistics_api.errors import Problem
from logistics_api.http.auth.api_keys import Keyring, Principal
from logistics_api.http.auth.origins import (
    FORWARDED,
    SAFE_METHODS,
    THIS_MACHINE,
    host_name,
    is_loopback,
    refuse_foreign_pages,
)
from logistics_api.http.auth.rate_limits import AddressLimits
from logistics_core.settings import Scope, Settings

COOKIE = b"logistics_key"
SESSION_PATH = "/api/session"
LONGEST_KEY = 256
"""Bytes of what could be a key: nothing longer is hashed."""

READ, EXPORT, INGEST = (str(scope) for scope in Scope)
UPLOAD = "/api/ingestion/uploads/"
"""Where an upload can be followed, by whoever may upload as well."""

logger = logging.getLogger(__name__)


class Access:
    """Admits requests, or says why not."""

    def __init__(self, settings: Settings) -> None:
        self.keyring = Keyring(settings.api_rate, settings.api_burst)
        self.is_local = is_loopback(settings.api_published_at or settings.api_host)
        self.anonymous = Principal("anonymous", frozenset(_anonymous_scopes(settings, self.is_local)))
        self._addresses = AddressLimits(0.0 if self.is_local else settings.api_rate, settings.api_burst)
        self._hosts = _allowed_hosts(settings, self.is_local)
        self._refuses_forwarded = self.is_local and settings.api_anonymous is None

    async def reload(self, connection: psycopg.AsyncConnection[Any]) -> None:
        """Reads the keys again, after each connect and whenever the channel `api_keys` says so.

        Raises:
            psycopg.Error: the database is lost.
        """
        await self.keyring.reload(connection)

    def admit(self, scope: AsgiScope) -> Principal:
        """Lets the request pass and says whose it is, here and in `scope["state"]["principal"]`.

        Raises:
            Problem: 401 without a good key where one is needed; 403 where the key may not do this, or a page of another
                site asks; 429 where there are too many; 503 where the keys could not be read yet.
        """
        needed = self.needed(scope["method"], scope["path"])
        principal = self.identify(scope) if needed else self.anonymous
        scope.setdefault("state", {})["principal"] = principal
        if needed and principal.scopes.isdisjoint(needed):
            raise _key_needed(needed) if principal.is_anonymous else _forbidden(principal, needed)
        principal.requests += 1
        return principal

    def needed(self, method: str, path: str) -> tuple[str, ...]:
        """Scopes one of which a request needs; none where everybody may. Whatever changes something is ingestion."""
        if method == "OPTIONS" or path == SESSION_PATH:
            return ()
        if not path.startswith("/api/"):
            return (READ,) if path == "/metrics" and not self.is_local else ()
        if method not in SAFE_METHODS:
            return (INGEST,)
        if path.startswith("/api/exports"):
            return (EXPORT,)
        return (READ, INGEST) if path.startswith(UPLOAD) else (READ,)

    def identify(self, scope: AsgiScope) -> Principal:
        """Who asks, whatever for. One more request is counted against the rate.

        Raises:
            Problem: as `admit`, but for missing scopes.
        """
        headers = dict(scope["headers"])
        key = _sent_key(headers)
        if key is not None:
            principal = self._find(key, scope)
        else:
            key = _cookie(headers)
            principal = self._nobody(headers, scope) if key is None else self._find(key, scope)
            if scope["method"] not in SAFE_METHODS:
                refuse_foreign_pages(headers, scope["scheme"])
        if principal.bucket is not None:
            principal.bucket.take()
        return principal

    def find(self, key: bytes) -> Principal | None:
        """Whose key this is; None if nobody's.

        Raises:
            Problem: 503 where the keys could not be read yet.
        """
        principal = self.keyring.find(key) if len(key) <= LONGEST_KEY else None
        if principal is None and not self.keyring.is_known:
            raise _not_known_yet()
        return principal

    def count_address(self, scope: AsgiScope) -> None:
        """Counts a request of somebody unknown.

        Raises:
            Problem: 429, there were too many from that address.
        """
        client = scope.get("client")
        self._addresses.take(client[0] if client else "")

    def _find(self, key: bytes, scope: AsgiScope) -> Principal:
        principal = self.find(key)
        if principal is None:
            self.count_address(scope)
            raise _unknown_key()
        return principal

    def _nobody(self, headers: Mapping[bytes, bytes], scope: AsgiScope) -> Principal:
        self.count_address(scope)
        if not self.anonymous.scopes:
            return self.anonymous
        if self._hosts is not None and host_name(headers.get(b"host", b"")) not in self._hosts:
            raise _foreign_host()
        if self._refuses_forwarded and any(name in headers for name in FORWARDED):
            raise _forwarded()
        return self.anonymous


def _anonymous_scopes(settings: Settings, is_local: bool) -> list[str]:
    if settings.api_anonymous is None:
        return [READ, EXPORT, INGEST] if is_local else []
    return [] if settings.api_anonymous == "none" else settings.api_anonymous.split(",")


def _allowed_hosts(settings: Settings, is_local: bool) -> frozenset[str] | None:
    """Names under which the API may be asked without a key; None: any."""
    listed = frozenset(settings.api_hosts.lower().split(",")) if settings.api_hosts else frozenset[str]()
    if is_local:
        ours = settings.api_host.strip("[]").lower()
        return listed | THIS_MACHINE | {f"[{ours}]" if ":" in ours else ours}
    return listed or None


def _sent_key(headers: Mapping[bytes, bytes]) -> bytes | None:
    key = headers.get(b"x-api-key")
    if key is not None:
        return key
    authorization = headers.get(b"authorization")
    if authorization is None:
        return None
    kind, _, token = authorization.partition(b" ")
    return token.strip() if kind.lower() == b"bearer" else None


def _cookie(headers: Mapping[bytes, bytes]) -> bytes | None:
    cookies = headers.get(b"cookie")
    if cookies is None:
        return None
    for cookie in cookies.split(b";"):
        name, _, value = cookie.strip().partition(b"=")
        if name == COOKIE:
            return value
    return None


CHALLENGE = {"WWW-Authenticate": 'Bearer realm="logistics"'}


def _key_needed(needed: tuple[str, ...]) -> Problem:
    return Problem(
        401,
        "key-needed",
        "Key needed",
        f"This needs a key with the scope {_either(needed)}: send it as X-API-Key or as Authorization: Bearer. "
        "`logistics keys create` makes one.",
        headers=CHALLENGE,
    )


def _unknown_key() -> Problem:
    return Problem(
        401,
        "unknown-key",
        "Unknown key",
        "The key that was sent is none of this API's, or has expired, or was revoked. `logistics keys list` tells.",
        headers={"WWW-Authenticate": CHALLENGE["WWW-Authenticate"] + ', error="invalid_token"'},
    )


def _forbidden(principal: Principal, needed: tuple[str, ...]) -> Problem:
    return Problem(
        403,
        "missing-scope",
        "Missing scope",
        f"The key {principal.name!r} lacks the scope {_either(needed)}; it has: {', '.join(sorted(principal.scopes))}.",
        headers={"WWW-Authenticate": f'Bearer realm="logistics", error="insufficient_scope", scope="{needed[0]}"'},
    )


def _either(scopes: tuple[str, ...]) -> str:
    return " or ".join(map(repr, scopes))


def _foreign_host() -> Problem:
    return Problem(
        403,
        "foreign-host",
        "Foreign host name",
        "Without a key the API answers only under names it knows: send a key, or list the name of the Host header in "
        "LOGISTICS_API_HOSTS.",
    )


def _forwarded() -> Problem:
    return Problem(
        401,
        "key-needed",
        "Key needed",
        "A proxy passed this on, so it may not come from this machine: send a key. Where everybody who reaches the "
        "proxy may do without one, set LOGISTICS_API_ANONYMOUS.",
        headers=CHALLENGE,
    )


def _not_known_yet() -> Problem:
    return Problem(
        503,
        "keys-unavailable",
        "Keys unavailable",
        "The API has not been able to read its keys since it started: its database is away. Try again in a moment.",
        headers={"Retry-After": "1"},
    )
