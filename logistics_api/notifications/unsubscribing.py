"""GET and POST /unsubscribe/{token}: recipients of mails end and resume them, without a key (RFC 8058).

A link is signed, and known to nobody but who got its mail. Programs that look at the links of a mail only fetch them,
so a page with a button is all that GET does; what changes something is POST, from that button or from a program of mail
with one click. Nothing here says whether a message or an address exists.
"""

import re
from base64 import b64encode
from hashlib import sha256
from html import escape
from typing import Any
from urllib.parse import parse_qs

from fastapi import Request
from fastapi.responses import HTMLResponse

from logistics_api.contracts.bodies import read_body
from logistics_api.database.pool import Reader
from logistics_api.http.auth.rate_limits import AddressLimits
from logistics_api.http.routing import Router
from logistics_api.notifications import queries
from logistics_core.signed_ids import UNSUBSCRIBE_PATH, parse_signed_id

_REQUESTS_PER_SECOND = 5.0
_AT_ONCE = 50
_MOST_BYTES = 10_000
_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 34rem; margin: 12vh auto 0; padding: 0 1rem; }
h1 { font-size: 1.5rem; }
button { font: inherit; padding: .5rem 1rem; cursor: pointer; }
"""
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{title} · Logistics Analytics Platform</title>
<style>{style}</style>
</head>
<body>
<main>
<h1>{title}</h1>
{content}
</main>
</body>
</html>
"""
_FORM = '<form method="post"><button name="action" value="{action}">{words}</button></form>'
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    f"style-src 'sha256-{b64encode(sha256(_STYLE.encode()).digest()).decode()}'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def make_router() -> Router:
    """The two operations, with the limit that they share: links need no key, so nothing else limits them."""
    router = Router(include_in_schema=False)
    limits = AddressLimits(_REQUESTS_PER_SECOND, _AT_ONCE)

    def count(request: Request) -> None:
        limits.take(request.client.host if request.client else "")

    @router.get(f"{UNSUBSCRIBE_PATH}{{token}}")
    async def show_subscription(token: str, request: Request, database: Reader) -> HTMLResponse:
        count(request)
        named = parse_signed_id(token)
        if named is None:
            return _unknown()
        link: dict[str, Any] | None = await database.fetch_value(queries.READ_LINK, _parameters(named))
        return _page(link)

    @router.post(f"{UNSUBSCRIBE_PATH}{{token}}")
    async def change_subscription(token: str, request: Request, database: Reader) -> HTMLResponse:
        count(request)
        body = await read_body(request, _MOST_BYTES)
        named = parse_signed_id(token)
        if named is None:
            return _unknown()
        is_again = parse_qs(body.decode("latin-1")).get("action") == ["subscribe"]
        call = queries.SUBSCRIBE_AGAIN if is_again else queries.UNSUBSCRIBE
        (link,) = await database.write(call, _parameters(named))
        return _page(link)

    return router


def _parameters(named: tuple[Any, bytes]) -> dict[str, Any]:
    return {"link": named[0], "code": named[1]}


def _unknown() -> HTMLResponse:
    content = (
        "<p>This link is not valid, or its mail is older than what is kept. Use the link of a newer mail, and "
        "check that it is complete.</p>"
    )
    return HTMLResponse(_PAGE.format(title="Unknown link", style=_STYLE, content=content), 404, _HEADERS)


def _page(link: dict[str, Any] | None) -> HTMLResponse:
    if link is None:
        return _unknown()
    recipient, endpoint = escape(_masked(link["recipient"])), escape(link["endpoint"])
    topics = ", ".join(f"<code>{escape(topic)}</code>" for topic in link["topics"])
    if link["is_unsubscribed"]:
        title = "Unsubscribed"
        content = f"<p>{recipient} gets no more mails of <strong>{endpoint}</strong> about {topics}.</p>"
        content += _FORM.format(action="subscribe", words="Subscribe again")
    else:
        title = "Unsubscribe"
        content = f"<p>{recipient} gets mails of <strong>{endpoint}</strong> about {topics}.</p>"
        content += _FORM.format(action="unsubscribe", words="Unsubscribe")
    return HTMLResponse(_PAGE.format(title=title, style=_STYLE, content=content), headers=_HEADERS)


def _masked(address: str) -> str:
    """`d…@example.org`: whoever was forwarded the mail need not learn the address."""
    return re.sub(r"^(.)[^@]*", r"\1…", address)
