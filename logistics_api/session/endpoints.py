"""GET, POST and DELETE /api/session: who is asking, logging in with an API key, and signing out."""

from datetime import UTC, datetime
from math import inf
from typing import Annotated

from fastapi import Depends, Request, Response
from pydantic import ValidationError

from logistics_api.errors import Problem
from logistics_api.http.auth.authentication import Authenticator
from logistics_api.http.auth.credentials import COOKIE, SESSION_COOKIE
from logistics_api.http.auth.origins import refuse_foreign_pages
from logistics_api.http.auth.principals import Principal
from logistics_api.http.auth.problems import CHALLENGE
from logistics_api.http.auth.scopes import SESSION_PATH
from logistics_api.http.responses import REFUSED_PARAMETERS, Responses, problem_response
from logistics_api.http.routing import Router
from logistics_api.parameters.date_range import NoParameters
from logistics_api.session.cookies import forget, set_cookie
from logistics_api.session.ending import end_session_of
from logistics_api.session.schemas import Login, Session
from logistics_core.settings import Role, Scope

MOST_BYTES = 4096
COOKIE_SECONDS = 30 * 24 * 3600

RESPONSES: Responses = REFUSED_PARAMETERS | {
    401: problem_response("The API key is unknown, expired or revoked, or the session has ended"),
    403: problem_response("A page of another site sent the request, or an administrator has disabled the person"),
    429: problem_response("Too many requests; try again after Retry-After seconds"),
    503: problem_response("Keys or session could not be read; try again after Retry-After seconds"),
}
CLOSING_RESPONSES: Responses = REFUSED_PARAMETERS | {
    403: RESPONSES[403],
    501: problem_response("The API is connected to a read-only copy of the database"),
    503: problem_response("The database is unavailable; try again after Retry-After seconds"),
}
LOGIN_RESPONSES: Responses = RESPONSES | {
    413: problem_response("The request body is too large"),
    422: problem_response("The request body is invalid, or a parameter was sent; this operation takes none"),
}
_LOGIN_BODY = {"required": True, "content": {"application/json": {"schema": Login.model_json_schema()}}}

router = Router(tags=["session"])


async def _authenticator(request: Request) -> Authenticator:
    authenticator = request.app.state.authenticator
    assert isinstance(authenticator, Authenticator)
    return authenticator


AppAuthenticator = Annotated[Authenticator, Depends(_authenticator)]


@router.get(SESSION_PATH, responses=RESPONSES, summary="Get the current session")
async def read_session(
    _: NoParameters, request: Request, response: Response, authenticator: AppAuthenticator
) -> Session:
    """Returns who is asking: the person who has signed in, the API key, or anonymous; and what they may do."""
    response.headers["Cache-Control"] = "no-store"
    return _session(await authenticator.admit(request.scope), request)


@router.post(SESSION_PATH, responses=LOGIN_RESPONSES, openapi_extra={"requestBody": _LOGIN_BODY}, summary="Log in")
async def open_session(
    _: NoParameters, request: Request, response: Response, authenticator: AppAuthenticator
) -> Session:
    """Sets a cookie with the API key. The browser sends it to this API only, and scripts cannot read it."""
    refuse_foreign_pages(dict(request.scope["headers"]), request.scope["scheme"])
    authenticator.count_address(request.scope)
    key = await _login(request)
    principal = authenticator.find(key.encode("latin-1", "replace"))
    if principal is None:
        raise Problem(
            401,
            "unknown-key",
            "Unknown key",
            "The API key is unknown, expired or revoked. Check it with `logistics keys list`.",
            headers=CHALLENGE,
        )
    if SESSION_COOKIE.decode() in request.cookies:  # it would count more than the key
        await end_session_of(request, authenticator)
        set_cookie(request, response, SESSION_COOKIE.decode(), None, 0)
    set_cookie(request, response, COOKIE.decode(), key, COOKIE_SECONDS)
    return _session(principal, request)


@router.delete(SESSION_PATH, status_code=204, responses=CLOSING_RESPONSES, summary="Sign out")
async def close_session(_: NoParameters, request: Request, response: Response, authenticator: AppAuthenticator) -> None:
    """Ends the session of a person, everywhere; deletes the cookies. An API key stays valid until it is revoked."""
    refuse_foreign_pages(dict(request.scope["headers"]), request.scope["scheme"])
    await end_session_of(request, authenticator)
    forget(request, response)


def _session(principal: Principal, request: Request) -> Session:
    return Session(
        name=principal.name,
        is_anonymous=principal.is_anonymous,
        rows=None if principal.row_access is None else list(principal.row_access.described()),
        scopes=[scope for scope in Scope if scope in principal.scopes],
        method=principal.method or (None if principal.is_anonymous else "key"),
        person_id=principal.person_id,
        roles=[role for role in Role if role in principal.roles],
        groups=sorted(principal.groups),
        ends_at=None if principal.expires_at == inf else datetime.fromtimestamp(principal.expires_at, UTC),
        can_sign_in=request.app.state.provider is not None,
    )


async def _login(request: Request) -> str:
    """Reads the body directly, because the framework would accept any length."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_BYTES:
            raise Problem(
                413,
                "content-too-large",
                "Content too large",
                f"The body of a login must not exceed {MOST_BYTES} bytes.",
            )
    try:
        return Login.model_validate_json(bytes(body)).key
    except ValidationError as error:
        # The rejected body may contain the key, so it is not repeated.
        raise Problem(
            422,
            "invalid-body",
            "Invalid body",
            'The body must be JSON: {"key": "lap_..."}, with no other fields.',
        ) from error
