"""The page that a browser's request comes from, and the host name used to reach the API.

A browser applies the user's privileges (access from this machine, the session cookie) to requests from any page. So a
request that relies on these instead of a key header is checked twice. Its Host must be a known name, because a foreign
name may have been pointed here (DNS rebinding). If it changes anything, it must come from one of our own pages, because
a foreign page may have sent a form here (cross-site request forgery).
"""

from collections.abc import Mapping
from ipaddress import ip_address

from logistics_api.errors import Problem

THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "[::1]"})
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
FORWARDED = (b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip", b"x-proxy-secret", b"via")
"""A proxy adds one of these: the client may not be on this machine, even if the connection is local."""


def is_loopback(address: str) -> bool:
    """Whether only this machine can reach a server listening on the address."""
    if address.lower() == "localhost":
        return True
    try:
        return ip_address(address.strip("[]")).is_loopback
    except ValueError:
        return False


def host_name(host: bytes) -> str:
    """The name in a Host header, without the port: lower case, IPv6 addresses in brackets."""
    text = host.decode("latin-1").lower()
    if text.startswith("["):
        address, _, port = text.partition("]")
        return text if port and not port.startswith(":") else address + "]"
    return text.partition(":")[0].removesuffix(".")


def refuse_foreign_pages(headers: Mapping[bytes, bytes], scheme: str) -> None:
    """Admits requests from pages of this API, and requests not sent by a page.

    Raises:
        Problem: 403, a page of another site sent the request.
    """
    site = headers.get(b"sec-fetch-site")
    if site is not None:
        if site in (b"same-origin", b"none"):
            return
    else:
        origin = headers.get(b"origin")
        if origin is None or origin == scheme.encode() + b"://" + headers.get(b"host", b""):
            return
    raise Problem(
        403,
        "foreign-origin",
        "Foreign origin",
        "A page of another site sent this request. Only pages of this API may make changes without sending a key.",
    )
