"""Ends the session of a browser, which another sign-in or a sign-out leaves behind."""

from fastapi import Request

from logistics_api.http.auth.authentication import Authenticator
from logistics_api.http.auth.credentials import credentials_in_cookies
from logistics_api.http.auth.sessions import digest_of


async def end_session_of(request: Request, authenticator: Authenticator) -> None:
    """Ends the session whose token the browser has sent, everywhere; does nothing without one.

    Raises:
        Problem: 503, the database is unavailable; 501, it is a read-only copy.
    """
    token, _key = credentials_in_cookies(dict(request.scope["headers"]))
    digest = None if token is None else digest_of(token)
    if digest is not None:
        await authenticator.sessions.end(digest)
