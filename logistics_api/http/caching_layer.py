"""The edge itself: in which order a request passes what the other modules of this package do."""

import asyncio
from time import monotonic
from typing import Final

from cachetools import LRUCache
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from logistics_api.database import timing
from logistics_api.database.freshness import Published
from logistics_api.database.timing import DatabaseTime
from logistics_api.errors import Problem, internal_error, log_unexpected
from logistics_api.http.cache import Cache, Key
from logistics_api.http.cached_responses import Entry, RawHeaders, entry_of
from logistics_api.http.capture import Catch
from logistics_api.http.exchange import Exchange
from logistics_api.http.head_requests import answer_head
from logistics_api.http.logs import request_id
from logistics_api.http.negotiation import CODINGS, matches
from logistics_api.http.protocols import (
    Access,
    AdmitAll,
    CacheUse,
    CountNothing,
    LogNothing,
    Metrics,
    RequestLog,
    TemplateOf,
    know_no_route,
)

WAIT_SECONDS: Final = 10.0
"""How long a request waits for the same question asked before it: longer than that takes, with all its own bounds."""

KEPT_UNDER: Final = "/api/"
"""Nothing else is ever kept: the dashboard's files have their own memory, and nobody waits for another there."""

NO_REMARKS: Final[RawHeaders] = []
NO_BODY: Final[Message] = {"type": "http.response.body", "body": b""}
PATHS_REMEMBERED = 4_096

Flight = asyncio.Future[Entry | None]
"""A question under way. Its result is None where the answer is not for others: each then asks by itself."""


class Edge:
    """The outermost layer of ours."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        cache: Cache,
        access: Access | None = None,
        metrics: Metrics | None = None,
        log: RequestLog | None = None,
        template_of: TemplateOf = know_no_route,
        private: bool = False,
        wait_seconds: float = WAIT_SECONDS,
    ) -> None:
        """`private`: answers are for those with a key; caches that several clients share must not keep them."""
        self.app = app
        self.cache = cache
        self._access = access or AdmitAll()
        self._metrics = metrics or CountNothing()
        self._log = log or LogNothing()
        self._template_of = template_of
        self._common: RawHeaders = [
            (b"vary", b"Accept-Encoding"),
            (b"cache-control", b"private, no-cache" if private else b"no-cache"),
        ]
        self._wait_seconds = wait_seconds
        self._flights: dict[tuple[Key, Published | None], Flight] = {}
        self._passing: LRUCache[str, bool] = LRUCache(PATHS_REMEMBERED)
        """Paths whose answers are not kept: nobody needs to wait for another there."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        exchange = Exchange(scope, send)
        request_id.set(exchange.request_id)
        scope.setdefault("state", {})["request_id"] = exchange.request_id
        try:
            await self._serve(exchange, receive)
        except Problem as problem:
            await problem.response(scope)(scope, receive, exchange.send)
        except Exception as error:
            # The last edge: whatever it was, the client gets an answer and the log gets the traceback.
            log_unexpected(scope, error)
            if exchange.started and not exchange.finished:
                raise  # half an answer is out: only a broken connection can tell the client so
            if not exchange.started:
                await internal_error().response(scope)(scope, receive, exchange.send)
        finally:
            exchange.report(self._metrics, self._log, self._template_of)

    async def _serve(self, exchange: Exchange, receive: Receive) -> None:
        scope = exchange.scope
        self._access.admit(scope)
        if exchange.method not in ("GET", "HEAD"):
            await self._pass(exchange, receive, exchange.send)
            return
        key = scope["path"], scope["query_string"]
        entry = self.cache.find(key)
        if entry is None:
            await self._read(exchange, receive, key, None)
        elif self.cache.is_fresh(entry):
            await self._answer(exchange, key, entry, "hit")
        elif not self.cache.freshness.reachable:
            await self._answer_stale(exchange, key, entry)
        else:
            await self._read(exchange, receive, key, entry)

    async def _answer(
        self, exchange: Exchange, key: Key, entry: Entry, use: CacheUse, remarks: RawHeaders = NO_REMARKS
    ) -> None:
        exchange.cache_use = use
        exchange.template = entry.template
        if exchange.if_none_match is not None and matches(exchange.if_none_match, entry.etag):
            await exchange.send_kept(304, entry.unmodified_headers + remarks, NO_BODY, 0)
            return
        coding = entry.coding_for(exchange.accept_encoding)
        if coding is None:
            raise _not_acceptable()
        made = entry.representations.get(coding)
        if made is None:
            made = await entry.compressed(coding)
            self.cache.grown(key, entry)
        await exchange.send_kept(200, made.headers + remarks, made.body, made.size)

    async def _answer_stale(self, exchange: Exchange, key: Key, entry: Entry) -> None:
        """Better than nothing while the database is away, and marked: nobody knows whether there is something newer."""
        freshness = self.cache.freshness
        known_at = freshness.confirmed_at if entry.published is freshness.published else entry.made_at
        age = str(round(max(0.0, monotonic() - known_at))).encode()
        remarks = [(b"age", age), (b"warning", b'110 - "Response is Stale"')]
        await self._answer(exchange, key, entry, "hit", remarks)

    async def _read(self, exchange: Exchange, receive: Receive, key: Key, old: Entry | None) -> None:
        """Answers what is not at hand. Of those who ask the same at once, one asks the database."""
        if key[0] in self._passing or not key[0].startswith(KEPT_UNDER):
            await self._pass(exchange, receive, exchange.send)
            return
        question = key, self.cache.freshness.published  # who asks after a refresh does not join one from before it
        flight = self._flights.get(question)
        if flight is not None:
            entry = await self._wait(flight)
            if entry is not None:
                await self._answer(exchange, key, entry, "hit")
                return
            await self._ask(exchange, receive, key, old, None)
            return
        flight = self._flights[question] = asyncio.get_running_loop().create_future()
        try:
            await self._ask(exchange, receive, key, old, flight)
        finally:
            del self._flights[question]
            if not flight.done():
                flight.set_result(None)  # it failed, or was cancelled: that is no news for the others

    async def _wait(self, flight: Flight) -> Entry | None:
        try:
            async with asyncio.timeout(self._wait_seconds):
                return await asyncio.shield(flight)
        except TimeoutError as error:
            raise _waited_in_vain() from error

    async def _ask(
        self, exchange: Exchange, receive: Receive, key: Key, old: Entry | None, flight: Flight | None
    ) -> None:
        """Asks the application; keeps what it answers where that says of which data version it is."""

        def passing(status: int) -> None:
            if status == 200:
                self._passing[key[0]] = True
            if flight is not None:
                flight.set_result(None)

        catch = Catch(exchange.send, passing, refuse_unavailable=old is not None)
        await self._pass(exchange, receive, catch.send)
        if catch.figure is not None:
            entry = entry_of(*catch.figure, exchange.route_template(), self._common)
            self.cache.keep(key, entry)
            if flight is not None:
                flight.set_result(entry)
            await self._answer(exchange, key, entry, "miss")
        elif catch.is_refused and old is not None:
            await self._answer_stale(exchange, key, old)

    async def _pass(self, exchange: Exchange, receive: Receive, send: Send) -> None:
        exchange.database_time = DatabaseTime()
        timing.of_request.set(exchange.database_time)
        if exchange.method == "HEAD":
            exchange.inner = {**exchange.scope, "method": "GET"}
            await answer_head(self.app, exchange.inner, send)
        else:
            await self.app(exchange.scope, receive, send)


def _not_acceptable() -> Problem:
    return Problem(
        406,
        "not-acceptable",
        "Not acceptable",
        f"Accept-Encoding refuses every coding there is: {', '.join(CODINGS)} and identity.",
    )


def _waited_in_vain() -> Problem:
    return Problem(
        503,
        "database-busy",
        "Database busy",
        "The same question is being asked already and takes too long. Try again in a moment.",
        headers={"Retry-After": "1"},
    )
