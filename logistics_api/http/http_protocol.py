"""HTTP as uvicorn speaks it, corrected for clients of HTTP/1.0: they know no chunks.

uvicorn's httptools protocol sends a response without Content-Length in chunks whatever the client's version, so that a
client of HTTP/1.0 takes the lengths of the chunks for content. There, the end of such a response is the end of the
connection (RFC 9112, 6.3).
"""

from typing import TYPE_CHECKING

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

if TYPE_CHECKING:
    from uvicorn._types import ASGISendEvent

_NO_BODY = (204, 304)


class HttpProtocol(HttpToolsProtocol):
    """One connection of a client."""

    def on_headers_complete(self) -> None:
        """Called by the parser; the response to this request begins later, in a task."""
        super().on_headers_complete()
        if self.parser.get_http_version() == "1.0":
            self.cycle.__class__ = _UnchunkedCycle


class _UnchunkedCycle(RequestResponseCycle):
    """A request of HTTP/1.0 and its response. uvicorn closes the connection behind it."""

    _is_streamed = False

    async def send(self, message: "ASGISendEvent") -> None:
        if message["type"] == "http.response.start":
            self._is_streamed = message["status"] not in _NO_BODY and not any(
                name.lower() == b"content-length" for name, _ in message.get("headers", ())
            )
            if self._is_streamed:
                self.chunked_encoding = False
        elif message["type"] == "http.response.body" and self._is_streamed:
            self.expected_content_length = len(message.get("body", b""))  # each part is as long as it is
        await super().send(message)
