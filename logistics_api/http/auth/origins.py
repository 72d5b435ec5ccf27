"""Whose page a browser's request comes from, and by which host name the API was addressed.

A browser sends what the user is trusted with (being on this machine, the cookie of a session) on behalf of any page it
shows. So a request that relies on that, and not on a key, must have been meant for this API: its Host is a name of
ours, or a foreign name was made to point here (DNS rebinding); and where it changes something its page is one of ours,
or a foreign page sent a form here (cross-site request forgery).
"""

from collections.abc import Mapping
from ipaddress import ip_address

from logistics_api.errors import Problem

THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "[::1]"})
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
FORWARDED = (b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip")
"""A proxy adds one of these: the client is not on this machine, whatever the connection says."""


def is_loopback(address: str) -> bool:
    """Whether only this machine can reach a server that listens there."""
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
    """Lets pass what a page of this API sent, and what no page did.

    Raises:
        Problem: 403, another site's page sent it.
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
        "A page of another site asked for this. Only pages of this API may change something without sending a key.",
    )
