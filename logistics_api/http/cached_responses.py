"""A cached response: its body in every coding requested so far, with precomputed headers."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from time import monotonic

from starlette.types import Message

from logistics_api.database.freshness import Published
from logistics_api.http.compression import SMALLEST, compress_thoroughly
from logistics_api.http.context import RawHeaders
from logistics_api.http.negotiation import IDENTITY, acceptable_codings

OVERHEAD_BYTES = 2_000
"""Memory a cached response takes besides its bodies: headers, objects, dictionary slots."""


@dataclass(frozen=True)
class Representation:
    """The body in one coding, as the headers and the message it is sent with."""

    headers: RawHeaders
    body: Message
    size: int


class CachedResponse:
    """A successful response of one data version. `published`: the refresh it shows; None if unknown."""

    def __init__(
        self,
        body: bytes,
        media_type: bytes,
        data_version: bytes,
        template: str | None,
        common: RawHeaders,
        *,
        is_for_outages: bool = False,
    ) -> None:
        """`common`: headers of every cached response, including 304.

        `is_for_outages`: the response changes within its data version, so it is sent again only while the database is
        unavailable.
        """
        self.template = template
        self.data_version = data_version
        self.is_for_outages = is_for_outages
        self.older: tuple[CachedResponse, ...] = ()
        """Responses to the same request of older data versions, the newest first."""
        self.published: Published | None = None
        self.created_at = monotonic()
        self.key_bytes = 0
        self.etag = b'W/"' + blake2b(body, digest_size=12).hexdigest().encode() + b'"'
        self.unmodified_headers: RawHeaders = [(b"etag", self.etag), (b"data-version", data_version), *common]
        self._media_type = media_type
        self._body = body
        self._compressing: dict[str, asyncio.Task[Representation]] = {}
        self.representations: dict[str, Representation] = {IDENTITY: self._represent(IDENTITY, body)}

    @property
    def size(self) -> int:
        """Approximate memory in bytes."""
        return OVERHEAD_BYTES + self.key_bytes + sum(each.size for each in self.representations.values())

    @property
    def total_size(self) -> int:
        """Approximate memory in bytes, including the older versions."""
        return self.size + sum(each.size for each in self.older)

    def of_version(self, data_version: bytes) -> "CachedResponse | None":
        """This response or the older one that has the data version; None if none has."""
        return next((each for each in (self, *self.older) if each.data_version == data_version), None)

    def keep_older(self, before: "CachedResponse | None", most: int) -> None:
        """Keeps up to `most` of the responses that this one takes the place of.

        Those with the same or a higher number are not older: after a restore, numbers occur twice.
        """
        if before is not None:
            known = (before, *before.older)
            self.older = tuple(each for each in known if int(each.data_version) < int(self.data_version))[:most]
            before.older = ()

    def coding_for(self, accept_encoding: bytes | None) -> str | None:
        """The coding to send; None if the client accepts none of those offered."""
        codings = acceptable_codings(accept_encoding)
        if len(self._body) < SMALLEST and IDENTITY in codings:
            return IDENTITY
        return codings[0] if codings else None

    async def compressed(self, coding: str) -> Representation:
        """The representation in a coding, compressed once in a thread and shared by all waiting requests."""
        found = self.representations.get(coding)
        if found is not None:
            return found
        task = self._compressing.get(coding)
        if task is None:
            task = self._compressing[coding] = asyncio.create_task(self._compress(coding))
        return await asyncio.shield(task)  # cancelling one request does not cancel the compression for the others

    async def _compress(self, coding: str) -> Representation:
        try:
            body = await asyncio.to_thread(compress_thoroughly, coding, self._body)
            compressed = self.representations[coding] = self._represent(coding, body)
        finally:
            del self._compressing[coding]
        return compressed

    def _represent(self, coding: str, body: bytes) -> Representation:
        headers = [
            (b"content-type", self._media_type),
            (b"content-length", str(len(body)).encode()),
            *self.unmodified_headers,
        ]
        if coding != IDENTITY:
            headers.append((b"content-encoding", coding.encode()))
        return Representation(headers, {"type": "http.response.body", "body": body}, len(body))


def cached_response(start: Message, body: bytes, template: str | None, common: RawHeaders) -> CachedResponse:
    """Creates a cached response from a response that declares its data version.

    `Cache-Control: no-store` on it means that it changes within that version.
    """
    headers: Mapping[bytes, bytes] = dict(start["headers"])
    is_for_outages = headers.get(b"cache-control") == b"no-store"
    if is_for_outages:
        common = [(name, b"no-store" if name == b"cache-control" else value) for name, value in common]
    version = headers[b"data-version"]
    return CachedResponse(body, headers[b"content-type"], version, template, common, is_for_outages=is_for_outages)


def data_version_of(start: Message) -> bytes | None:
    """The data version that a response declares; None if it is not a 200 or declares none."""
    if start["status"] != 200:
        return None
    return next((value for name, value in start["headers"] if name == b"data-version"), None)
