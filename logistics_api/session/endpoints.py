"""GET, POST and DELETE /api/session: lets a browser store an API key where no script can read it."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import ValidationError

from logistics_api.errors import Problem
from logistics_api.http.auth.authentication import Authenticator
from logistics_api.http.auth.credentials import COOKIE
from logistics_api.http.auth.origins import refuse_foreign_pages
from logistics_api.http.auth.principals import Principal
from logistics_api.http.auth.problems import CHALLENGE
from logistics_api.http.auth.scopes import SESSION_PATH
from logistics_api.http.context import context_of
from logistics_api.http.responses import REFUSED_PARAMETERS, Responses, problem_response
from logistics_api.parameters.date_range import NothingElse
from logistics_api.session.schemas import Login, Session
from logistics_core.settings import Scope

MOST_BYTES = 4096
COOKIE_SECONDS = 30 * 24 * 3600

RESPONSES: Responses = REFUSED_PARAMETERS | {
    401: problem_response("The API key is unknown, expired or revoked"),
    403: problem_response("A page of another site sent the request"),
    429: problem_response("Too many requests; try again after Retry-After seconds"),
    503: problem_response("The API keys could not be read yet; try again after Retry-After seconds"),
}
LOGIN_RESPONSES: Responses = RESPONSES | {
    413: problem_response("The request body is too large"),
    422: problem_response("The request body is invalid, or a parameter was sent; this operation takes none"),
}
_LOGIN_BODY = {"required": True, "content": {"application/json": {"schema": Login.model_json_schema()}}}

router = APIRouter(tags=["session"])


async def _authenticator(request: Request) -> Authenticator:
    authenticator = request.app.state.authenticator
    assert isinstance(authenticator, Authenticator)
    return authenticator


AppAuthenticator = Annotated[Authenticator, Depends(_authenticator)]
NoParameters = Annotated[NothingElse, Query()]


@router.get(SESSION_PATH, responses=RESPONSES, summary="Get the current session")
async def read_session(
    _: NoParameters, request: Request, response: Response, authenticator: AppAuthenticator
) -> Session:
    """Returns the identity and scopes of the API key or session cookie sent, or of anonymous requests."""
    response.headers["Cache-Control"] = "no-store"
    return _session(authenticator.identify(request.scope))


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
    _set_cookie(request, response, key)
    return _session(principal)


@router.delete(SESSION_PATH, status_code=204, responses=REFUSED_PARAMETERS | {403: RESPONSES[403]}, summary="Log out")
async def close_session(_: NoParameters, request: Request, response: Response) -> None:
    """Deletes the cookie. The API key stays valid until `logistics keys revoke`."""
    refuse_foreign_pages(dict(request.scope["headers"]), request.scope["scheme"])
    _set_cookie(request, response, None)


def _session(principal: Principal) -> Session:
    scopes = [scope for scope in Scope if scope in principal.scopes]
    return Session(name=principal.name, is_anonymous=principal.is_anonymous, scopes=scopes)


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


def _set_cookie(request: Request, response: Response, key: str | None) -> None:
    """Sets a cookie that other sites cannot use (`SameSite=Strict`); its path limits it to this API.

    Without a path, browsers take that of the request without its last segment: `/api`, below whatever a proxy adds.
    """
    prefix = context_of(request.scope).prefix
    response.headers["Cache-Control"] = "no-store"
    response.set_cookie(
        COOKIE.decode(),
        key or "",
        max_age=COOKIE_SECONDS if key else 0,
        path=f"{prefix}/api" if prefix else None,
        secure=request.scope["scheme"] == "https",
        httponly=True,
        samesite="strict",
    )
