"""An answer that is kept: its bytes in every coding that was asked for, with headers made once."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from time import monotonic

from starlette.types import Message

from logistics_api.database.freshness import Published
from logistics_api.http.compression import SMALLEST, compress_thoroughly
from logistics_api.http.negotiation import IDENTITY, acceptable_codings

RawHeaders = list[tuple[bytes, bytes]]
OVERHEAD_BYTES = 2_000
"""What an entry takes beside its bodies: headers, objects, places in dictionaries."""


@dataclass(frozen=True)
class Representation:
    """The body in one coding, as the two messages it is sent as need it."""

    headers: RawHeaders
    body: Message
    size: int


class Entry:
    """A successful answer of one data version. `published` is what it is known to be of, None where nothing is."""

    def __init__(
        self, body: bytes, media_type: bytes, data_version: bytes, template: str | None, common: RawHeaders
    ) -> None:
        """`common`: headers that every answer of its kind has, a 304 included."""
        self.template = template
        self.data_version = data_version
        self.published: Published | None = None
        self.made_at = monotonic()
        self.key_bytes = 0
        self.etag = b'W/"' + blake2b(body, digest_size=12).hexdigest().encode() + b'"'
        self.unmodified_headers: RawHeaders = [(b"etag", self.etag), (b"data-version", data_version), *common]
        self._media_type = media_type
        self._body = body
        self._compressing: dict[str, asyncio.Task[Representation]] = {}
        self.representations: dict[str, Representation] = {IDENTITY: self._represent(IDENTITY, body)}

    @property
    def size(self) -> int:
        """Bytes it takes, roughly."""
        return OVERHEAD_BYTES + self.key_bytes + sum(made.size for made in self.representations.values())

    def coding_for(self, accept_encoding: bytes | None) -> str | None:
        """The coding to send; None where the client takes none of ours."""
        codings = acceptable_codings(accept_encoding)
        if len(self._body) < SMALLEST and IDENTITY in codings:
            return IDENTITY
        return codings[0] if codings else None

    async def compressed(self, coding: str) -> Representation:
        """The representation in a coding. It is made once, in a thread, however many ask for it meanwhile."""
        found = self.representations.get(coding)
        if found is not None:
            return found
        task = self._compressing.get(coding)
        if task is None:
            task = self._compressing[coding] = asyncio.create_task(self._compress(coding))
        return await asyncio.shield(task)  # one that gives up does not take it away from the others

    async def _compress(self, coding: str) -> Representation:
        try:
            body = await asyncio.to_thread(compress_thoroughly, coding, self._body)
            made = self.representations[coding] = self._represent(coding, body)
        finally:
            del self._compressing[coding]
        return made

    def _represent(self, coding: str, body: bytes) -> Representation:
        headers = [
            (b"content-type", self._media_type),
            (b"content-length", str(len(body)).encode()),
            *self.unmodified_headers,
        ]
        if coding != IDENTITY:
            headers.append((b"content-encoding", coding.encode()))
        return Representation(headers, {"type": "http.response.body", "body": body}, len(body))


def entry_of(start: Message, body: bytes, template: str | None, common: RawHeaders) -> Entry:
    """Makes an entry of the answer of a route that said its data version."""
    headers: Mapping[bytes, bytes] = dict(start["headers"])
    return Entry(body, headers[b"content-type"], headers[b"data-version"], template, common)


def data_version_of(start: Message) -> bytes | None:
    """The data version an answer says it is of; None where it is no success, or does not say."""
    if start["status"] != 200:
        return None
    return next((value for name, value in start["headers"] if name == b"data-version"), None)
