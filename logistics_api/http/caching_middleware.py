"""Serves figures from memory until newer ones are published. Decision 0015 explains why only figures are cached."""

from time import monotonic
from typing import Final

from cachetools import LRUCache
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from logistics_api.database.freshness import Published
from logistics_api.errors import Problem
from logistics_api.http.auth.scopes import GRAPHQL_PATHS
from logistics_api.http.cache import Key, ResponseCache
from logistics_api.http.cached_responses import CachedResponse, cached_response
from logistics_api.http.capture import ResponseCapture
from logistics_api.http.context import CacheUse, RawHeaders, RequestContext, route_template
from logistics_api.http.data_versions import (
    await_minimum,
    pinned_version,
    refuse_older_version,
    refuse_other_version,
    version_unavailable,
)
from logistics_api.http.graphql_keys import key_with_body, key_without_body
from logistics_api.http.negotiation import CODINGS, matches
from logistics_api.http.request_coalescing import PendingResponse, RequestCoalescing

WAIT_SECONDS: Final = 10.0
"""How long a request waits for an identical one; longer than all timeouts of that request together."""

CACHED_PREFIX: Final = "/api/"
"""The only paths cached here; the dashboard's files are in memory anyway."""

NO_HEADERS: Final[RawHeaders] = []
NO_BODY: Final[Message] = {"type": "http.response.body", "body": b""}
PATHS_REMEMBERED = 4_096
_NEVER: Final = object()


class CachingMiddleware:
    """Responds from the cache if possible; otherwise forwards the request and caches a response with a data version."""

    def __init__(
        self, app: ASGIApp, *, cache: ResponseCache, is_private: bool, wait_seconds: float = WAIT_SECONDS
    ) -> None:
        """`is_private`: responses require a key, so shared caches must not store them."""
        self.app = app
        self.cache = cache
        self._common: RawHeaders = [
            (b"vary", b"Accept-Encoding"),
            (b"cache-control", b"private, no-cache" if is_private else b"no-cache"),
        ]
        self._common_private: RawHeaders = [(b"vary", b"Accept-Encoding"), (b"cache-control", b"private, no-cache")]
        self._coalescing = RequestCoalescing(wait_seconds)
        self._unversioned: LRUCache[str | Key, Published | None] = LRUCache(PATHS_REMEMBERED)
        """What is of no data version, so that identical requests do not wait for each other: paths, for good, and
        requests whose response said `no-store`, as of the refresh of that time. Their figures came from records."""
        self._for_outages: LRUCache[str, bool] = LRUCache(PATHS_REMEMBERED)
        """Paths whose responses are cached for outages only; identical requests do not wait for each other either."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] not in GRAPHQL_PATHS:
            key: Key = scope["path"], scope["query_string"]
        elif scope["method"] == "POST":
            key, receive = await key_with_body(scope, receive)
        else:
            key = key_without_body(scope)
        row_access = scope["state"]["principal"].row_access
        if row_access is not None:
            key = (key[0], key[1], row_access.text)
        context: RequestContext = scope["state"]["context"]
        if context.min_data_version is not None and self._is_read(scope):
            context.oldest_accepted = await await_minimum(scope, self.cache.freshness)
        cached = self.cache.find(key) if self._is_read(scope) else None
        pinned = pinned_version(scope)
        if pinned is not None and self._is_cacheable(scope, key):
            await self._respond_pinned(scope, receive, send, key, cached, pinned)
        elif cached is not None and self.cache.is_fresh(cached):
            await self._respond(scope, send, key, cached, "hit")
        elif cached is not None and not self.cache.freshness.reachable:
            await self._respond_stale(scope, send, key, cached)
        elif self._is_cacheable(scope, key):
            await self._compute_once(scope, receive, send, key, cached)
        else:
            await self.app(scope, receive, send)

    async def _respond_pinned(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        key: Key,
        newest: CachedResponse | None,
        pinned: bytes,
    ) -> None:
        """Responds with the figures of one data version, from the cache if it is not the newest."""
        cached = None if newest is None else newest.of_version(pinned)
        if cached is not None and self.cache.is_fresh(cached):
            await self._respond(scope, send, key, cached, "hit")
        elif cached is not None and (cached is not newest or not self.cache.freshness.reachable):
            await self._respond_stale(scope, send, key, cached)
        elif newest is not None and not self.cache.freshness.reachable:
            raise version_unavailable(pinned, newest.data_version)
        else:
            await self._compute(scope, receive, send, key, cached, None)

    def _is_cacheable(self, scope: Scope, key: Key) -> bool:
        path = scope["path"]
        if not self._is_read(scope) or not (path.startswith(CACHED_PREFIX) or path in GRAPHQL_PATHS):
            return False
        unversioned = self._unversioned
        return path not in unversioned and unversioned.get(key, _NEVER) is not self.cache.freshness.published

    @staticmethod
    def _is_read(scope: Scope) -> bool:
        """Whether the response may be one that is kept: also to a question that was sent as a body."""
        return scope["method"] in ("GET", "HEAD") or (scope["method"] == "POST" and scope["path"] in GRAPHQL_PATHS)

    async def _compute_once(
        self, scope: Scope, receive: Receive, send: Send, key: Key, old: CachedResponse | None
    ) -> None:
        """Computes a response, or waits for the response to an identical request."""
        if key[0] in self._for_outages:
            await self._compute(scope, receive, send, key, old, None)
            return
        request = key, self.cache.freshness.published, self.cache.generation
        pending = self._coalescing.find(request)
        if pending is None:
            with self._coalescing.lead(request) as pending:
                await self._compute(scope, receive, send, key, old, pending)
            return
        shared = await self._coalescing.wait(pending)
        if shared is not None:
            await self._respond(scope, send, key, shared, "hit")
        else:
            await self._compute(scope, receive, send, key, old, None)

    async def _compute(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        key: Key,
        old: CachedResponse | None,
        pending: PendingResponse | None,
    ) -> None:
        """Forwards the request; caches the response if it declares its data version."""

        def on_forward(start: Message) -> None:
            if start["status"] == 200 and (b"cache-control", b"no-store") in start["headers"]:
                self._unversioned[key] = self.cache.freshness.published
            elif start["status"] == 200 and key[0] not in GRAPHQL_PATHS:  # where errors are answers as well
                self._unversioned[key[0]] = self.cache.freshness.published
            if pending is not None:
                pending.set_result(None)

        drop_unavailable = old is not None and not old.is_for_outages
        generation = self.cache.generation
        capture = ResponseCapture(send, on_forward, drop_unavailable=drop_unavailable)
        await self.app(scope, receive, capture.send)
        if capture.captured is not None:
            common = self._common if len(key) == 2 else self._common_private
            cached = cached_response(*capture.captured, route_template(scope), common)
            self.cache.store(key, cached, generation)
            if cached.is_for_outages and key[0] not in GRAPHQL_PATHS:
                self._for_outages[key[0]] = True
            if pending is not None:
                pending.set_result(None if cached.is_for_outages else cached)
            refuse_other_version(scope, cached.data_version)
            await self._respond(scope, send, key, cached, "miss")
        elif capture.is_dropped and old is not None:
            await self._respond_stale(scope, send, key, old)

    async def _respond_stale(self, scope: Scope, send: Send, key: Key, cached: CachedResponse) -> None:
        """Responds with figures that may be outdated, marked as stale, while the database is unavailable."""
        freshness = self.cache.freshness
        known_at = freshness.confirmed_at if cached.published is freshness.published else cached.created_at
        age = str(round(max(0.0, monotonic() - known_at))).encode()
        marks = [(b"age", age), (b"warning", b'110 - "Response is Stale"')]
        await self._respond(scope, send, key, cached, "hit", marks)

    async def _respond(
        self,
        scope: Scope,
        send: Send,
        key: Key,
        cached: CachedResponse,
        use: CacheUse,
        marks: RawHeaders = NO_HEADERS,
    ) -> None:
        """Sends a cached response in the best coding, or 304 if the client already has it."""
        context: RequestContext = scope["state"]["context"]
        if not marks:
            await refuse_older_version(context.oldest_accepted, cached.data_version, self.cache.freshness)
        context.cache_use, context.template = use, cached.template
        is_post = scope["method"] == "POST"  # for which 304 means nothing
        if not is_post and context.if_none_match is not None and matches(context.if_none_match, cached.etag):
            headers = _marked(cached.unmodified_headers, marks)
            await send({"type": "http.response.start", "status": 304, "headers": headers})
            await send(NO_BODY)
            return
        coding = cached.coding_for(context.accept_encoding)
        if coding is None:
            raise _not_acceptable()
        representation = cached.representations.get(coding)
        if representation is None:
            representation = await cached.compressed(coding)
            self.cache.resize(key, cached)
        headers = _marked(representation.headers, marks)
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send(representation.body)


def _marked(headers: RawHeaders, marks: RawHeaders) -> RawHeaders:
    """The headers of a stale response: clients must not store the marks, which a later 304 would not remove."""
    if not marks:
        return headers
    return [(name, b"no-store" if name == b"cache-control" else value) for name, value in headers] + marks


def _not_acceptable() -> Problem:
    return Problem(
        406,
        "not-acceptable",
        "Not acceptable",
        f"Accept-Encoding excludes every available coding: {', '.join(CODINGS)} and identity. Accept at least one.",
    )
