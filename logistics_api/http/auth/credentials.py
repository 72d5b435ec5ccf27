"""The API key in a request: X-API-Key, Authorization: Bearer, or the session cookie."""

from collections.abc import Mapping

COOKIE = b"logistics_key"
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


def key_in_cookie(headers: Mapping[bytes, bytes]) -> bytes | None:
    """The key in the session cookie, which the browser adds; None without one."""
    cookies = headers.get(b"cookie")
    if cookies is None:
        return None
    for cookie in cookies.split(b";"):
        name, _, value = cookie.strip().partition(b"=")
        if name == COOKIE:
            return value
    return None
