"""Sends a message by HTTP, over the guarded connections of sources: checked addresses, no redirects, bounded answers.

What statuses mean is the same for all channels over HTTP, by the rules of Standard Webhooks.
"""

import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, NamedTuple
from urllib.parse import SplitResult, urlsplit

import httpcore2

from logistics_core.database_contract.notifications import AttemptOutcome
from logistics_pipeline.errors import ConfigurationError
from logistics_pipeline.notifying.channels.configuration import Configuration
from logistics_pipeline.notifying.outgoing import Outcome
from logistics_pipeline.sources.faults import SourceFault
from logistics_pipeline.sources.requests.addresses import Deadline, GuardedBackend
from logistics_pipeline.sources.requests.http_connection import Connections, Timeouts
from logistics_pipeline.sources.requests.rate_limits import wait_wanted

LONGEST_SECONDS = 20.0
"""From the look-up of the name to the last byte of the answer."""
_TIMEOUTS = Timeouts(connect=5.0, read=15.0)
_MOST_BYTES = 64 << 10
_EXCERPT_CHARACTERS = 300
_PASSING = frozenset({408, 425, 429, *range(500, 600)}) - {501, 505}
_THROTTLING = frozenset({429, 502, 503, 504})
FAILURES = (httpcore2.NetworkError, httpcore2.TimeoutException, httpcore2.ProtocolError, ssl.SSLError, OSError)
"""Of a request that has no answer."""


class Reply(NamedTuple):
    """An answer."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class Unsendable(Exception):
    """No request can be made of this; the message is a sentence."""


@dataclass
class HttpSender:
    """Connections to receivers; several threads use them."""

    _deadline: Deadline = field(default_factory=Deadline)
    _pools: dict[tuple[str, bool], Connections] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def post(self, url: str, headers: Mapping[str, str], body: bytes, configuration: Configuration) -> Outcome:
        """Sends a request and says how that ended. `configuration` says what is allowed, and holds its secrets."""
        try:
            reply = self.ask(url, headers, body, configuration)
        except Unsendable as error:
            return Outcome(AttemptOutcome.REFUSED, configuration.clean(str(error)))
        except SourceFault as fault:
            return Outcome(AttemptOutcome.REFUSED, configuration.clean(f"{fault.message} {_PRIVATE_ADVICE}"))
        except FAILURES as error:
            return Outcome(AttemptOutcome.PASSING, configuration.clean(_reason(error)))
        return judged(reply, configuration)

    def ask(self, url: str, headers: Mapping[str, str], body: bytes, configuration: Configuration) -> Reply:
        """Sends a request, once.

        Raises:
            Unsendable: the address cannot be used.
            SourceFault: it leads to an address that is not allowed.
            httpcore2 errors, OSError: there is no answer.
        """
        is_private = configuration.is_true("private")
        parts = checked_address(url, is_private=is_private)
        connections = self._connections(configuration.text("caFile"), is_private)
        wire = {"Host": parts.netloc, "User-Agent": "logistics-analytics-platform", "Accept": "*/*", **headers}
        lines = [(name.encode(), value.encode("latin-1", "backslashreplace")) for name, value in wire.items()]
        self._deadline.start(LONGEST_SECONDS)
        with connections.stream("POST", parts, lines, body, _TIMEOUTS) as response:
            content = b""
            for chunk in response:
                content += chunk
                if len(content) > _MOST_BYTES:
                    break
            answered = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
            return Reply(response.status, answered, content[:_MOST_BYTES])

    def _connections(self, ca_file: str, is_private: bool) -> Connections:
        with self._lock:
            if (ca_file, is_private) not in self._pools:
                backend = GuardedBackend(self._deadline, private=is_private)
                self._pools[ca_file, is_private] = Connections(tls_context(ca_file), backend)
            return self._pools[ca_file, is_private]

    def close(self) -> None:
        """Closes all connections."""
        with self._lock:
            pools, self._pools = list(self._pools.values()), {}
        for each in pools:
            each.close()


_PRIVATE_ADVICE = "If that is right, add `private: true` to the endpoint."


def tls_context(ca_file: str) -> ssl.SSLContext:
    """How certificates are checked: by the usual authorities, or those in a file.

    Raises:
        ConfigurationError: the file cannot be used.
    """
    try:
        context = ssl.create_default_context(cafile=ca_file or None)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"The file {ca_file} of `caFile` cannot be used: {error}.") from None
    context.set_alpn_protocols(["http/1.1"])
    return context


def checked_address(url: str, *, is_private: bool) -> SplitResult:
    """The parts of an address that a message may be sent to.

    Raises:
        Unsendable: it is none.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Unsendable("`url` is no address.") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise Unsendable("`url` is no address that begins with https://, without a user name.")
    if parts.scheme == "http" and not is_private:
        raise Unsendable("`url` begins with http://: outside of private networks it has to begin with https://.")
    if port is not None and port not in (80, 443) and not 1024 <= port <= 65535:
        raise Unsendable(f"`url` has the port {port}. Expected: 80, 443, or 1024 and above.")
    if not parts.netloc.isascii():
        raise Unsendable("the host of `url` has letters that are not ASCII. Write it as xn--...")
    return parts


def judged(reply: Reply, configuration: Configuration) -> Outcome:
    """What an answer says of the message."""
    status = reply.status
    said = _excerpt(reply.content, configuration)
    wanted = wait_wanted(reply.headers, is_refused=True) if status in _PASSING else None
    if 200 <= status < 300:
        return Outcome(AttemptOutcome.DELIVERED, said, status)
    if 300 <= status < 400:
        return Outcome(AttemptOutcome.REFUSED, "It redirects. Redirects are not followed: correct the address.", status)
    if status == 410:
        return Outcome(AttemptOutcome.GONE, said or "It wants no more messages.", status)
    if status in _PASSING:
        return Outcome(AttemptOutcome.PASSING, said, status, wanted, is_throttled=status in _THROTTLING)
    return Outcome(AttemptOutcome.REFUSED, said, status)


def json_body(document: Any) -> bytes:
    """A document as it is sent."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


JSON = {"Content-Type": "application/json; charset=utf-8"}


def _excerpt(content: bytes, configuration: Configuration) -> str:
    text = configuration.clean(content[:2_000].decode("utf-8", "replace"))
    return text if len(text) <= _EXCERPT_CHARACTERS else f"{text[:_EXCERPT_CHARACTERS]}..."


def _reason(error: Exception) -> str:
    if isinstance(error, httpcore2.ConnectTimeout):
        return f"There was no connection within {_TIMEOUTS.connect:g} s."
    if isinstance(error, httpcore2.TimeoutException):
        return f"There was no answer within {LONGEST_SECONDS:g} s."
    return f"There was no answer: {str(error).rstrip('.') or 'the connection was lost'}."
