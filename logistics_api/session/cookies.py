"""The cookies of a browser: a key, the token of a session, a sign-in that has begun. No script can read them."""

from fastapi import Request, Response

from logistics_api.http.auth.credentials import COOKIE, SESSION_COOKIE
from logistics_api.http.context import context_of

SIGN_IN_COOKIE = "logistics_sign_in"


def set_cookie(
    request: Request, response: Response, name: str, value: str | None, seconds: int, *, is_strict: bool = True
) -> None:
    """Sets or deletes a cookie that other sites cannot use; its path limits it to this API.

    Without a path, browsers take that of the request without its last segment: `/api`, below whatever a proxy adds.
    Strict: no other site can even make the browser send it. A sign-in comes back from another site, so its cookie is
    sent then.
    """
    prefix = context_of(request.scope).prefix
    response.headers["Cache-Control"] = "no-store"
    response.set_cookie(
        name,
        value or "",
        max_age=seconds if value else 0,
        path=f"{prefix}/api" if prefix else None,
        secure=request.scope["scheme"] == "https",
        httponly=True,
        samesite="strict" if is_strict else "lax",
    )


def forget(request: Request, response: Response) -> None:
    """Deletes key and session."""
    for name in (COOKIE, SESSION_COOKIE):
        set_cookie(request, response, name.decode(), None, 0)
