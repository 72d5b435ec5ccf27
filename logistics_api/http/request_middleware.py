"""The outermost middleware: the request's context, error responses, common headers, metrics and the access log."""

from time import perf_counter
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from logistics_api.http.auth.scopes import GRAPHQL_PATHS
from logistics_api.http.context import RawHeaders, RequestContext, current_request_id, route_template
from logistics_api.http.error_responses import respond_to_error
from logistics_api.http.protocols import RequestLog, RequestMetrics, TemplateOf
from logistics_api.http.timing import server_timing

UNMATCHED: Final = "unmatched"
"""Template of requests that match no route: arbitrary client paths must not become labels."""


class RequestMiddleware:
    """Creates the context, completes the response even after an error, and reports it."""

    def __init__(
        self, app: ASGIApp, *, metrics: RequestMetrics, log: RequestLog, template_of: TemplateOf, prefix: str | None
    ) -> None:
        """`prefix`: the path under which a proxy publishes the API; None if only the proxy says so."""
        self.app = app
        self._metrics = metrics
        self._log = log
        self._template_of = template_of
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began_at = perf_counter()
        context = RequestContext(scope["headers"])
        if self._prefix is not None:
            context.prefix = self._prefix
        current_request_id.set(context.request_id)
        state = scope.setdefault("state", {})
        state["request_id"], state["context"] = context.request_id, context
        status, seconds, sent_bytes = 0, 0.0, 0

        async def send_complete(message: Message) -> None:
            nonlocal status, seconds, sent_bytes
            if message["type"] == "http.response.start":
                status, seconds = message["status"], perf_counter() - began_at
                context.is_started = True
                await send(_with_headers(message, scope, context, seconds))
            else:
                sent_bytes += len(message.get("body", b""))
                await send(message)
                context.is_finished = not message.get("more_body", False)

        try:
            await self.app(scope, receive, send_complete)
        except Exception as error:  # noqa: BLE001 - the outermost layer: every error gets a response and a log entry
            await respond_to_error(error, scope, receive, send_complete)
        finally:
            if context.is_started:
                template = context.template or route_template(scope) or self._template_of(scope["path"]) or UNMATCHED
                self._metrics.observe(scope["method"], template, status, seconds, context.cache_use)
                self._log.write(scope, template, status, seconds, sent_bytes, context.cache_use)


def _with_headers(start: Message, scope: Scope, context: RequestContext, seconds: float) -> Message:
    """The completed start message. Headers are copied, because cached responses share theirs."""
    headers: RawHeaders = [
        *start["headers"],
        (b"x-request-id", context.request_id.encode()),
        (b"server-timing", server_timing(context, seconds)),
    ]
    status = start["status"]
    if (context.cache_use == "none" or status >= 400) and _may_not_be_stored(scope, headers):
        headers.append((b"cache-control", b"no-store"))
    return {"type": "http.response.start", "status": status, "headers": headers}


def _may_not_be_stored(scope: Scope, headers: RawHeaders) -> bool:
    """Whether this is an API response without a Cache-Control header."""
    is_ours = scope["path"].startswith("/api") or scope["path"] in GRAPHQL_PATHS
    return is_ours and not any(name == b"cache-control" for name, _ in headers)
