"""Push services: which addresses messages of web push (RFC 8030) may go to.

Such an address comes from a browser, so whoever signs in can name any. The services of browsers are few and known;
others are named in `notifications.yaml`. Where a name leads to is judged again by whoever connects.
"""

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

LONGEST_ADDRESS = 2_000
SERVICES = (
    "fcm.googleapis.com", "jmt17.google.com",
    "push.services.mozilla.com",
    "notify.windows.com",
    "push.apple.com",
)  # fmt: skip
"""Of Chrome and others made of it, Firefox, Edge and Safari; subdomains are meant too."""
_HOST = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*", re.ASCII)


def is_host_name(text: str) -> bool:
    """Whether a text is the name of a host, or an address of version 4, in small letters."""
    return _HOST.fullmatch(text) is not None


def is_push_address(url: str, hosts: Sequence[str] = ()) -> bool:
    """Whether an address is one of a push service: over https, of a known service or one of `hosts`.

    Those of `hosts` may be without TLS: where that is allowed is decided by whoever connects.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        parts.port  # noqa: B018 - raises ValueError
    except ValueError:
        return False
    if len(url) > LONGEST_ADDRESS or not url.isascii() or not url.isprintable() or " " in url or "@" in parts.netloc:
        return False
    if parts.scheme == "http":
        return _is_of(host, hosts)
    return parts.scheme == "https" and _is_of(host, (*SERVICES, *hosts))


def _is_of(host: str, names: Sequence[str]) -> bool:
    return any(host == name or host.endswith(f".{name}") for name in names)
