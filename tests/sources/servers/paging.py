"""Pages of a list, in each of the ways that APIs have. Tokens are opaque to clients: base64 of what they stand for.

A position is stable if records that come or go meanwhile do not move it (`after_key`), and shifts if it counts
(`by_number`, `by_offset`, and `by_cursor` over a position that counts).
"""

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from tests.sources.servers.http import Request

Item = TypeVar("Item")


@dataclass(frozen=True)
class Page(Generic[Item]):
    """Some items, where the next ones begin, and how many there are in all."""

    items: Sequence[Item]
    next: Any
    """What the next request has to name; None at the end."""
    total: int


def by_offset(items: Sequence[Item], offset: int, size: int) -> Page[Item]:
    end = offset + size
    return Page(items[offset:end], end if end < len(items) else None, len(items))


def by_number(items: Sequence[Item], number: int, size: int, first: int = 1) -> Page[Item]:
    """Pages counted from `first`."""
    page = by_offset(items, (number - first) * size, size)
    return Page(page.items, None if page.next is None else number + 1, page.total)


def after_key(items: Sequence[Item], key: Callable[[Item], Any], last: Any, size: int) -> Page[Item]:
    """The items, in the order of their keys, whose key is beyond the last one seen (None: from the start)."""
    rest = [item for item in items if last is None or key(item) > last]
    more = len(rest) > size
    return Page(rest[:size], key(rest[size - 1]) if more else None, len(items))


def token(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def from_token(text: str | None) -> Any:
    if not text:
        return None
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def next_url(request: Request, **changes: Any) -> str:
    """The address of this request with other parameters."""
    return f"{request.base_url}{request.path}?{urlencode({**request.query, **changes})}"


def link_header(**urls: str | None) -> dict[str, str]:
    """RFC 8288, as `next`, `prev`, `first` and `last`."""
    links = [f'<{url}>; rel="{name}"' for name, url in urls.items() if url is not None]
    return {"Link": ", ".join(links)} if links else {}
