"""Cursors: the position after a page's last row, as opaque text that is valid for the same request only.

A cursor holds the sort keys of that row, so the next page starts there even if rows have been added or removed (keyset
pagination). It also carries a checksum over the request: path, filters and order. The checksum is not secret: forging
one only yields a page that starts elsewhere, because keys are parsed by type and bound as parameters.
"""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from hashlib import sha256

from pydantic import BaseModel, Field

from logistics_api.errors import Problem

Key = str | int | date | datetime | Decimal | None
KeyType = type[str] | type[int] | type[date] | type[datetime] | type[Decimal]

CHECKSUM_BYTES = 8
LONGEST = 4096
"""Maximum length of a cursor in characters."""

DESCRIPTION = "`next_cursor` of the previous page, unchanged; all other parameters must stay the same"


class Page(BaseModel):
    """What every page contains besides its rows."""

    next_cursor: str | None = Field(
        description="Send it as `cursor` to get the next page; null on the last page", examples=["Qo3rYw9m3mlbIjE3Il0"]
    )


def fingerprint(path: str, order: str, filters: Mapping[str, object]) -> str:
    """The identity of a request, as text: the same for requests with the same filters and any page size.

    `filters` must not contain parameters that may differ between pages (`cursor`, `limit`, `fields`).
    """
    given = {name: str(value) for name, value in filters.items() if value is not None}
    return json.dumps([path, order, sorted(given.items())])


def encode(request: str, keys: Sequence[Key]) -> str:
    """Creates the cursor after a row with these sort keys, for a request identified by `fingerprint`."""
    texts = [None if key is None else _text(key) for key in keys]
    body = json.dumps(texts, ensure_ascii=False, separators=(",", ":")).encode()  # a key may have 255 characters
    return base64.urlsafe_b64encode(_checksum(request, body) + body).rstrip(b"=").decode()


def decode(request: str, cursor: str, types: Sequence[KeyType]) -> list[Key]:
    """Returns the sort keys in a cursor of this request, each of its type or None.

    Raises:
        Problem: 404, the cursor is damaged or belongs to another request.
    """
    try:
        if len(cursor) > LONGEST:
            raise ValueError("too long")
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        checksum, body = raw[:CHECKSUM_BYTES], raw[CHECKSUM_BYTES:]
        if checksum != _checksum(request, body):
            raise ValueError("of another request")
        return [
            None if text is None else _parse(kind, text) for kind, text in zip(types, json.loads(body), strict=True)
        ]
    except (ValueError, TypeError, InvalidOperation, RecursionError, binascii.Error) as error:
        raise unknown_cursor() from error


def unknown_cursor() -> Problem:
    """The response to an invalid cursor."""
    return Problem(
        404,
        "unknown-cursor",
        "Unknown cursor",
        "The cursor is damaged or belongs to another request: it is valid only with the path, filters and order it was "
        "issued for. Omit `cursor` to start with the first page.",
    )


def _text(key: str | int | date | datetime | Decimal) -> str:
    return key.isoformat() if isinstance(key, date) else str(key)


def _parse(kind: KeyType, text: str) -> Key:
    if not isinstance(text, str):
        raise TypeError("every key is a text")
    if kind is str:
        text.encode()  # PostgreSQL takes neither lone surrogates nor NUL
        if "\0" in text:
            raise ValueError("NUL")
        return text
    if kind is int:
        number = int(text)
        if not -(1 << 63) <= number < 1 << 63:
            raise ValueError("not a bigint")
        return number
    if kind is Decimal:
        decimal = Decimal(text)
        if not decimal.is_finite() or abs(decimal.adjusted()) > 1000:
            raise ValueError("not a number PostgreSQL stores")
        return decimal
    return kind.fromisoformat(text)  # type: ignore[union-attr]


def _checksum(request: str, body: bytes) -> bytes:
    """Of a kind that PostgreSQL computes as well: `graphql.rows` has it write the cursors of rows."""
    return sha256(salt(request) + body).digest()[:CHECKSUM_BYTES]


def salt(request: str) -> bytes:
    """What the checksum of a request's cursors begins with."""
    return request.encode("utf-8", "surrogatepass") + b"\0"
