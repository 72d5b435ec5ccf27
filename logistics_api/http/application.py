"""FastAPI with the edge in front of it, not inside.

Among FastAPI's middlewares the edge would stand behind four of the framework's own (telemetry, errors, size of bodies),
which cost a kept answer as much as the edge itself does.
"""

from functools import cached_property
from re import Pattern

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from logistics_api.parameters.types import refuse_repeated


class Application(FastAPI):
    """What the server calls: requests go through `front`, which hands on to `behind_front` what it cannot answer."""

    front: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self.front(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    def template_of(self, path: str) -> str | None:
        """The template of the route at a path, whatever the method; for requests that were not routed."""
        return next((template for pattern, template in self._templates if pattern.match(path)), None)

    @cached_property
    def _templates(self) -> list[tuple[Pattern[str], str]]:
        """In the order of routing."""
        routes = [context.original_route for context in iter_route_contexts(self.routes)]
        return [(route.path_regex, route.path_format) for route in routes if isinstance(route, Route | Mount)]

    async def behind_front(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The application itself."""
        if scope["path"].startswith("/api"):
            refuse_repeated(scope["query_string"])
        await super().__call__(scope, receive, send)
