"""Admits a request if its principal has one of the scopes that the method and path require."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from time import time

from starlette.types import ASGIApp, Receive, Scope, Send

from logistics_api.database.operator import current_actor
from logistics_api.http.auth.authentication import Authenticator, SessionUnknownError
from logistics_api.http.auth.origins import SAFE_METHODS
from logistics_api.http.auth.principals import Principal
from logistics_api.http.auth.problems import key_needed, missing_scope
from logistics_api.http.auth.scopes import GRAPHQL_PATHS, required_scopes
from logistics_core.database_contract.actors import Actor, ActorKind


class AuthorisationMiddleware:
    """Admits authorised requests, before anything is read from the cache or the database."""

    def __init__(self, app: ASGIApp, *, authenticator: Authenticator) -> None:
        self.app = app
        self._authenticator = authenticator

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            authorise(self._authenticator, scope)
        except SessionUnknownError as unknown:
            await self._authenticator.look_up(scope, unknown)
            authorise(self._authenticator, scope)
        await self.app(scope, receive, send)


def _is_for_page(scope: Scope) -> bool:
    """Whether a browser asks for the page that asks questions: it shows nothing by itself, as that of the API's."""
    accepted = b",".join(value for name, value in scope["headers"] if name == b"accept")
    return scope["method"] in ("GET", "HEAD") and b"text/html" in accepted and not scope["query_string"]


def authorise(authenticator: Authenticator, scope: Scope) -> Principal:
    """Admits a request; returns its principal and stores it in `scope["state"]["principal"]`.

    Whatever a request changes is changed in the name of its principal, as the audit log shows.

    Raises:
        Problem: 401 without a valid key if one is required; 403 if the key lacks the scope; and anything
            `Authenticator.identify` raises.
        SessionUnknownError: the session has to be looked up first.
    """
    required = required_scopes(scope["method"], scope["path"], is_local=authenticator.is_local)
    if scope["path"] in GRAPHQL_PATHS and _is_for_page(scope):
        required = ()
    principal = authenticator.identify(scope) if required else authenticator.anonymous
    scope.setdefault("state", {})["principal"] = principal
    if required and principal.scopes.isdisjoint(required):
        raise key_needed(required) if principal.is_anonymous else missing_scope(principal, required)
    principal.requests += 1
    if scope["method"] not in SAFE_METHODS:
        current_actor.set(_actor(principal, scope))
    return principal


def _actor(principal: Principal, scope: Scope) -> Actor:
    kind = ActorKind.KEY if principal.person_id is None else ActorKind.PERSON
    return Actor(
        ActorKind.ANONYMOUS if principal.is_anonymous else kind,
        principal.name,
        principal.person_id,
        scope["state"].get("request_id"),
    )


async def while_admitted(principal: Principal, pieces: AsyncGenerator[str, None]) -> AsyncIterator[str]:
    """The pieces of a stream, until the key or session ends of whoever asked for it."""
    async with aclosing(pieces):
        async for piece in pieces:
            if principal.expires_at <= time():
                return
            yield piece
