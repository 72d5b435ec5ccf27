"""FastAPI, wrapped in our middleware instead of containing it.

Registered with FastAPI, our middleware would run behind four of the framework's own (telemetry, errors, body size),
which cost a cached response as much as all of ours together.
"""

from functools import cached_property
from re import Pattern

from fastapi import FastAPI
from starlette.routing import Match, Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send


class Application(FastAPI):
    """The ASGI application: requests enter at `entry_point`, the middleware, which ends in `serve`.

    What follows from the datasets can be replaced while it serves: a `successor` is an application of the same parts
    with other routes. A request stays with the one that it began with.
    """

    entry_point: ASGIApp
    routed: ASGIApp
    """What answers a request behind the middleware: the dashboard, then `dispatch`."""
    successor: "Application | None" = None
    """What serves requests instead of this one's own routes; None as long as those are current."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self.entry_point(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    @property
    def current(self) -> "Application":
        """The application whose routes answer new requests."""
        return self.successor or self

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Has the current routes answer."""
        await self.current.routed(scope, receive, send)

    async def dispatch(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request to FastAPI itself."""
        await super().__call__(scope, receive, send)

    def template_of(self, path: str) -> str | None:
        """The template of the route that matches a path, for any method; for requests that were not routed."""
        return next((template for pattern, template in self.current._templates if pattern.match(path)), None)

    def operation_of(self, scope: Scope) -> str | None:
        """The name of the operation that this application's routes choose for a request; None if they have none."""
        found = (route.name for route in self._routes if route.matches(scope)[0] is Match.FULL)
        return next(found, None)

    @cached_property
    def _routes(self) -> list[Route]:
        return [route for route in self.routes if isinstance(route, Route)]

    @cached_property
    def _templates(self) -> list[tuple[Pattern[str], str]]:
        """In routing order."""
        return [(route.path_regex, route.path_format) for route in self.routes if isinstance(route, Route | Mount)]
