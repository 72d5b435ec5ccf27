"""Refuses operations that callers that may see some rows only must not use: all but those declared otherwise."""

from collections.abc import Callable, Mapping

from starlette.types import ASGIApp, Receive, Scope, Send

from logistics_api.row_access.operations import Narrowing, check_operation


class RowAccessMiddleware:
    """Runs right before the framework's routing, so that it sees what was not answered from memory.

    What is in memory for such a caller was computed for the same rows (`http.caching_middleware`).
    """

    def __init__(
        self, app: ASGIApp, *, operation_of: Callable[[Scope], str | None], narrowings: Mapping[str, Narrowing]
    ) -> None:
        """`operation_of` names the operation that the framework will choose; None: there is none."""
        self.app = app
        self._operation_of = operation_of
        self._narrowings = narrowings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["state"]["principal"].row_access is not None:
            name = self._operation_of(scope)
            if name is not None:
                check_operation(name, self._narrowings)
        await self.app(scope, receive, send)
