"""The order of the middleware."""

from collections.abc import Sequence

from starlette.types import ASGIApp

from logistics_api.http.auth.authentication import Authenticator
from logistics_api.http.auth.authorisation import AuthorisationMiddleware
from logistics_api.http.cache import ResponseCache
from logistics_api.http.caching_middleware import WAIT_SECONDS, CachingMiddleware
from logistics_api.http.compression_middleware import CompressionMiddleware
from logistics_api.http.cors import CorsHeadersMiddleware, PreflightMiddleware
from logistics_api.http.head_middleware import HeadMiddleware
from logistics_api.http.protocols import RequestLog, RequestMetrics, TemplateOf
from logistics_api.http.repeated_parameters import RepeatedParametersMiddleware
from logistics_api.http.request_middleware import RequestMiddleware
from logistics_api.http.timing import DatabaseTimingMiddleware


def wrap(
    app: ASGIApp,
    *,
    authenticator: Authenticator,
    cache: ResponseCache,
    metrics: RequestMetrics,
    log: RequestLog,
    template_of: TemplateOf,
    origins: Sequence[str] = (),
    wait_seconds: float = WAIT_SECONDS,
    prefix: str | None = None,
) -> ASGIApp:
    """Wraps an application in the middleware, innermost first.

    `origins`: the origins whose pages may read responses (CORS).
    """
    app = RepeatedParametersMiddleware(app)
    if origins:
        app = PreflightMiddleware(app, origins)
    app = HeadMiddleware(app)
    app = CompressionMiddleware(app)
    app = DatabaseTimingMiddleware(app)
    app = CachingMiddleware(app, cache=cache, is_private=not authenticator.anonymous.scopes, wait_seconds=wait_seconds)
    app = AuthorisationMiddleware(app, authenticator=authenticator)
    app = RequestMiddleware(app, metrics=metrics, log=log, template_of=template_of, prefix=prefix)
    return CorsHeadersMiddleware(app, origins) if origins else app
