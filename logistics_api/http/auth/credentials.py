"""The API key in a request (X-API-Key, Authorization: Bearer, or a cookie), or the token of a person's session."""

from collections.abc import Mapping

COOKIE = b"logistics_key"
SESSION_COOKIE = b"logistics_session"
LONGEST_KEY = 256
"""Maximum length of a key in bytes; longer texts are not looked up."""


def key_in_headers(headers: Mapping[bytes, bytes]) -> bytes | None:
    """The key that the client set in a header; None without one."""
    key = headers.get(b"x-api-key")
    if key is not None:
        return key
    authorization = headers.get(b"authorization")
    if authorization is None:
        return None
    kind, _, token = authorization.partition(b" ")
    return token.strip() if kind.lower() == b"bearer" else None


def credentials_in_cookies(headers: Mapping[bytes, bytes]) -> tuple[bytes | None, bytes | None]:
    """The token of a session and the key in the cookies, which the browser adds; None for what is not there."""
    cookies = headers.get(b"cookie")
    token = key = None
    if cookies is not None:
        for cookie in cookies.split(b";"):
            name, _, value = cookie.strip().partition(b"=")
            if name == SESSION_COOKIE and token is None:
                token = value
            elif name == COOKIE and key is None:
                key = value
    return token, key
