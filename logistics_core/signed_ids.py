"""IDs of messages in links and addresses of mails, with a code that only the database can make (`notify.sign`).

They are in Base32 and need not keep their case: servers of mail change it. What was not signed is found out by the
database, not here.
"""

import re
from base64 import b32decode, b32encode
from uuid import UUID

UNSUBSCRIBE_PATH = "/unsubscribe/"
"""Below it the API serves links to unsubscribe."""
_ID_BYTES = 16
_FEWEST_BYTES, _MOST_BYTES = _ID_BYTES + 8, _ID_BYTES + 16
_TOKEN = re.compile(r"[a-z2-7]{39,52}", re.IGNORECASE | re.ASCII)


def signed_id(public_id: UUID, code: bytes) -> str:
    """An ID and its code as one word of small letters and digits."""
    return b32encode(public_id.bytes + code).decode().rstrip("=").lower()


def parse_signed_id(text: str) -> tuple[UUID, bytes] | None:
    """The ID and its code in a word; None if it is none."""
    if not _TOKEN.fullmatch(text):
        return None
    try:
        decoded = b32decode(text.upper() + "=" * (-len(text) % 8))
    except ValueError:
        return None
    if not _FEWEST_BYTES <= len(decoded) <= _MOST_BYTES:
        return None
    return UUID(bytes=decoded[:_ID_BYTES]), decoded[_ID_BYTES:]
