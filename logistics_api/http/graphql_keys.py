"""What tells questions of GraphQL apart: one path serves them all, and most come as bodies."""

from hashlib import sha256
from itertools import count

from starlette.types import Message, Receive, Scope

from logistics_api.http.cache import Key

LONGEST_BODY = 1 << 16
"""Of a longer body only the beginning is read here; its key is used by no other request."""

_numbers = count()


def key_without_body(scope: Scope) -> Key:
    """The key of a request that has no body."""
    return scope["path"], b"GET\0" + _accepted(scope) + b"\0" + scope["query_string"]


def _accepted(scope: Scope) -> bytes:
    found = b""
    for name, value in scope["headers"]:
        if name == b"accept":
            found += value
    return found


async def key_with_body(scope: Scope, receive: Receive) -> tuple[Key, Receive]:
    """The key of a request with a body, and what receives that once more."""
    accepted = _accepted(scope)
    messages, body = await _read(receive)
    sent = b",".join(value for name, value in scope["headers"] if name in (b"content-type", b"content-encoding"))
    is_whole = not messages[-1].get("more_body", False)
    digest = sha256(body).digest() if is_whole else next(_numbers).to_bytes(16, "big")
    parts = (b"POST" if is_whole else b"PART", accepted, sent, scope["query_string"], digest)
    return (scope["path"], b"\0".join(parts)), _again(messages, receive)


async def _read(receive: Receive) -> tuple[list[Message], bytes]:
    """The messages of the body, up to a length, and what they hold."""
    messages: list[Message] = []
    body = bytearray()
    while True:
        message = await receive()
        messages.append(message)
        body += message.get("body", b"")
        if message["type"] != "http.request" or not message.get("more_body", False) or len(body) > LONGEST_BODY:
            return messages, bytes(body)


def _again(messages: list[Message], receive: Receive) -> Receive:
    waiting = iter(messages)

    async def received() -> Message:
        message = next(waiting, None)
        return await receive() if message is None else message

    return received
