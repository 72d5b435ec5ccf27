"""GET /api/sign-in, /api/signed-in and /api/sign-out: the ways of a browser to the identity provider and back.

None is in the OpenAPI document: they are for people who follow a link, not for programs.
"""

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Annotated, NoReturn
from urllib.parse import quote, urlencode

from fastapi import Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from logistics_api.errors import Problem
from logistics_api.http.auth.authentication import Authenticator
from logistics_api.http.auth.credentials import SESSION_COOKIE
from logistics_api.http.auth.scopes import SIGN_IN_PATH, SIGN_OUT_PATH, SIGNED_IN_PATH
from logistics_api.http.context import context_of
from logistics_api.http.routing import Router
from logistics_api.openid.errors import Reason, SignInError
from logistics_api.openid.flows import FLOW_SECONDS, Flow, begin, resume
from logistics_api.openid.provider import Provider
from logistics_api.parameters.date_range import NoParameters
from logistics_api.session.cookies import SIGN_IN_COOKIE, forget, set_cookie
from logistics_api.session.ending import end_session_of
from logistics_core.settings import Settings

SIGNED_OUT_PAGE = "/signed-out"

router = Router()
logger = logging.getLogger(__name__)


class SignInStart(BaseModel):
    """Where a person wants to go."""

    model_config = ConfigDict(extra="forbid")

    return_to: str = Field(
        "/", description="A path of the dashboard. Anything else becomes the first page", max_length=4000
    )


class SignInAnswer(BaseModel):
    """What an identity provider sends back with the browser; it may add parameters of its own."""

    model_config = ConfigDict(extra="allow")

    state: str = Field("", description="As this API made it", max_length=8000)
    code: str = Field("", description="For which the identity provider says who the person is", max_length=8000)
    error: str = Field("", description="Why there is no code", max_length=8000)
    iss: str = Field("", description="The issuer (RFC 9207)", max_length=8000)


@router.get(SIGN_IN_PATH, include_in_schema=False)
async def start_sign_in(query: Annotated[SignInStart, Query()], request: Request) -> Response:
    """Sends the browser to the identity provider, which sends it back to /api/signed-in."""
    provider = _provider(request)
    flow = begin(query.return_to)
    response = Response(status_code=303)
    try:
        response.headers["Location"] = await provider.address_of(flow, _redirect_url(request))
    except SignInError as error:
        return _failed(error)
    set_cookie(request, response, SIGN_IN_COOKIE, flow.secret, FLOW_SECONDS, is_strict=False)
    return response


@router.get(SIGNED_IN_PATH, include_in_schema=False)
async def finish_sign_in(query: Annotated[SignInAnswer, Query()], request: Request) -> Response:
    """Starts a session for the person who comes back, and sends them where they wanted to go.

    Whatever goes wrong, the browser is sent to a page of the dashboard that says what to do.
    """
    provider = _provider(request)
    try:
        flow = resume(request.cookies.get(SIGN_IN_COOKIE), query.state)
        token = await _start_session(provider, flow, query, request)
    except SignInError as error:
        response = _failed(error)
    else:
        response = _to_page(flow.return_to)
        forget(request, response)
        seconds = int(_settings(request).session_hours * 3600)
        set_cookie(request, response, SESSION_COOKIE.decode(), token, seconds)
    set_cookie(request, response, SIGN_IN_COOKIE, None, 0, is_strict=False)
    return response


@router.get(SIGN_OUT_PATH, include_in_schema=False)
async def sign_out_elsewhere(_: NoParameters, request: Request) -> Response:
    """Sends a browser whose session has ended here to the identity provider, to sign out there as well.

    Where that is not wanted, or the provider cannot, it goes on to the page that says what has ended.
    """
    provider: Provider | None = request.app.state.provider
    if provider is None:
        return _to_page(SIGNED_OUT_PAGE)
    _authenticator(request).count_address(request.scope)
    try:
        address = await provider.sign_out_address()
    except SignInError as error:
        logger.warning("Nobody can sign out at the identity provider (%s). %s", error.reason, _printable(error))
        address = None
    return _to_page(SIGNED_OUT_PAGE) if address is None else Response(status_code=303, headers={"Location": address})


async def _start_session(provider: Provider, flow: Flow, answer: SignInAnswer, request: Request) -> str:
    """A new session of a person; its token.

    Raises:
        SignInError: there is none.
    """
    if answer.iss and answer.iss != provider.issuer:
        raise SignInError(Reason.INVALID, "The answer is of another issuer than was asked.")
    if answer.error or not answer.code:
        raise SignInError(Reason.REFUSED, f"The identity provider gave no code: error {answer.error[:100]!r}.")
    person = await provider.person_of(flow, answer.code, _redirect_url(request))
    token = secrets.token_urlsafe(32)
    with _explained(person.subject):
        principal = await _authenticator(request).sessions.start(
            person, sha256(token.encode()).digest(), "openid-connect", flow.state_digest
        )
    if principal is None:
        raise SignInError(Reason.REPEATED, f"The sign-in of {person.name!r} has made a session before.")
    with _explained(person.subject):
        await end_session_of(request, _authenticator(request))  # that of before, which nobody could end any more
    logger.info("%s has signed in; roles: %s", ascii(principal.name), ", ".join(principal.roles) or "none")
    return token


@contextmanager
def _explained(subject: str) -> Iterator[None]:
    try:
        yield
    except Problem as problem:
        reason = Reason.DISABLED if problem.status == 403 else Reason.DATABASE
        raise SignInError(reason, f"{subject!r} cannot sign in. {problem.detail}") from problem


def _provider(request: Request) -> Provider:
    """Counts the request, too: each may make requests of its own."""
    provider = request.app.state.provider
    if provider is None:
        _refuse()
    assert isinstance(provider, Provider)
    _authenticator(request).count_address(request.scope)
    return provider


def _refuse() -> NoReturn:
    raise Problem(
        404,
        "no-identity-provider",
        "No identity provider",
        "Nobody can sign in here: LOGISTICS_OIDC_ISSUER is not set. Use an API key.",
    )


def _authenticator(request: Request) -> Authenticator:
    authenticator = request.app.state.authenticator
    assert isinstance(authenticator, Authenticator)
    return authenticator


def _settings(request: Request) -> Settings:
    settings = request.app.state.settings
    assert isinstance(settings, Settings)
    return settings


def _redirect_url(request: Request) -> str:
    """Where the identity provider sends the browser back to; it takes none but those registered there."""
    configured = _settings(request).oidc_redirect_url
    if configured is not None:
        return configured
    host = quote(request.headers.get("host", ""), safe=":[]")
    return f"{request.scope['scheme']}://{host}{context_of(request.scope).prefix}{SIGNED_IN_PATH}"


def _to_page(path: str) -> Response:
    """Relative to /api: right under any path that a proxy adds."""
    return Response(status_code=303, headers={"Location": f"..{path}"})


def _printable(error: SignInError) -> str:
    return "".join(character if character.isprintable() else " " for character in str(error))


def _failed(error: SignInError) -> Response:
    logger.warning("A sign-in did not succeed (%s). %s", error.reason, _printable(error))
    return _to_page(f"{SIGNED_OUT_PAGE}?{urlencode({'problem': error.reason})}")
