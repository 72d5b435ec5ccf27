"""FastAPI with the edge in front of it, not inside.

Among FastAPI's middlewares the edge would stand behind four of the framework's own (telemetry, errors, size of bodies),
which cost a kept answer as much as the edge itself does.
"""

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send


class Application(FastAPI):
    """What the server calls: requests go through `front`, which hands on to `behind_front` what it cannot answer."""

    front: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self.front(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    async def behind_front(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The application itself."""
        await super().__call__(scope, receive, send)
