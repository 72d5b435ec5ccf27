"""Sends one request and takes in its response: hosts, addresses, time, size and certificates are checked here.

No client of a library is used: they add cookies, redirects and environment variables, none of which a source may have.
HTTP itself: see `http_connection`. Nothing is tried twice here, see `retries`. Memory: see `archive`.
"""

import ssl
import zlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic
from types import TracebackType
from typing import NoReturn
from urllib.parse import SplitResult, urlsplit

import httpcore2

from logistics_pipeline.sources.archive import Archive, Body
from logistics_pipeline.sources.definitions.definition import RestSource, SentIn
from logistics_pipeline.sources.definitions.secrets import Redactor
from logistics_pipeline.sources.definitions.times import http_date
from logistics_pipeline.sources.faults import FaultKind, PassingFault, SourceFault, UnauthorisedFault
from logistics_pipeline.sources.requests.addresses import Deadline, GuardedBackend
from logistics_pipeline.sources.requests.http_connection import (
    Connections,
    Headers,
    Incoming,
    ProxiedConnections,
    Timeouts,
)
from logistics_pipeline.sources.requests.http_requests import Request, check_host, redacted_url
from logistics_pipeline.sources.requests.rate_limits import wait_wanted

_QUERY = SentIn.QUERY
PASSING_STATUSES = frozenset({408, 425, 429, *range(500, 600)})
_NEVER_PASSING = frozenset({501, 505})
_STEP_BYTES = 1 << 18
_EXCERPT_BYTES = 2_000
_EXCERPT_SHOWN = 300
_LISTS = ("link", "content-encoding")
"""Headers that may stand on several lines, each with a part of the list."""
_KEPT_HEADERS = ("content-type", "date", "etag", "last-modified", "link", "retry-after", "content-encoding")


@dataclass(frozen=True)
class Response:
    """A response whose body is in the archive."""

    status: int
    headers: Mapping[str, str]
    """Names in small letters."""
    url: str
    """Without secrets."""
    body: Body
    received_at: datetime
    seconds: float
    attempts: int = 1

    @property
    def server_time(self) -> datetime | None:
        """The clock of the server."""
        return http_date(self.headers.get("date", ""))

    def kept_headers(self) -> dict[str, str]:
        """Headers that go into the archive: none that carries a secret."""
        return {
            name: value[:2_000]
            for name, value in self.headers.items()
            if name in _KEPT_HEADERS or "ratelimit" in name or name.startswith("x-total") or name == "content-range"
        }


@dataclass
class Client:
    """The connections to the hosts of a source; several threads may use it."""

    source: RestSource
    archive: Archive
    redactor: Redactor
    _deadline: Deadline = field(default_factory=Deadline)
    _checked: set[tuple[str, str]] = field(default_factory=set)
    _connections: Connections | ProxiedConnections = field(init=False)
    _timeouts: Timeouts = field(init=False)

    def __post_init__(self) -> None:
        source = self.source
        proxy = self.redactor.reveal(source.proxy) if source.proxy is not None else None
        limits, context = source.time_limits, _tls_context(source)
        self._timeouts = Timeouts(limits.connect.total_seconds(), limits.read.total_seconds())
        backend = GuardedBackend(self._deadline, private=source.private or proxy is not None)
        if proxy is None:
            self._connections = Connections(context, backend)
        else:
            pool = httpcore2.ConnectionPool(
                ssl_context=context,
                max_connections=source.limits.concurrent + 1,
                keepalive_expiry=30,
                proxy=httpcore2.Proxy(proxy),
                network_backend=backend,
            )
            self._connections = ProxiedConnections(pool)

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._connections.close()

    def check(self, request: Request, credentials: Mapping[str, str]) -> None:
        """Looks for what keeps a request from being sent at all.

        Raises:
            ConfigurationError: a secret is missing.
            SourceFault: it goes to a host that the definition does not declare.
        """
        url = urlsplit(request.target(self.redactor))
        self._check_host(url, redacted_url(url, self.redactor))
        _, kind = request.content(self.redactor)
        _wire_headers(request, url.netloc, kind, credentials, self.redactor)

    def send(
        self,
        request: Request,
        credentials: Mapping[str, str],
        parameters: Mapping[str, str],
        *,
        accepted: Collection[int] = (),
        keep: bool = True,
    ) -> Response:
        """One attempt. `credentials` are headers and `parameters` query parameters that prove who asks.

        `accepted`: statuses besides 2xx that are no failure; `keep`: whether the body goes into the archive.

        Raises:
            PassingFault: another attempt may succeed.
            UnauthorisedFault: the credentials are not accepted.
            SourceFault: anything else.
        """
        for name, value in parameters.items():
            self.redactor.hide(value)
            request = request.sending(_QUERY, name, value)
        url = urlsplit(request.target(self.redactor))
        shown = redacted_url(url, self.redactor)
        self._check_host(url, shown)
        content, kind = request.content(self.redactor)
        headers = _wire_headers(request, url.netloc, kind, credentials, self.redactor)
        self._deadline.start(self.source.time_limits.page.total_seconds())
        began = monotonic()
        try:
            with self._connections.stream(request.method, url, headers, content, self._timeouts) as response:
                return self._take_in(response, f"{request.method} {shown}", shown, began, accepted, keep)
        except _FAILURES as error:
            self._explain(error, f"{request.method} {shown}")

    def _check_host(self, url: SplitResult, shown: str) -> None:
        """Once for each host: many requests go to the same one."""
        origin = url.scheme, url.netloc
        if origin not in self._checked:
            check_host(self.source, url.geturl(), f"The request goes to {shown}.")
            self._checked.add(origin)

    def _take_in(
        self, response: Incoming, where: str, shown: str, began: float, accepted: Collection[int], keep: bool
    ) -> Response:
        headers = _headers(response, self.redactor)
        status = response.status
        chunks = _decoded(iter(response), headers, where)
        if not 200 <= status < 300 and status not in accepted:
            self._refuse(status, headers, chunks, where)
        limit = self.source.max_page_bytes
        with self.archive.incoming() as incoming:
            for chunk in self.redactor.clean_chunks(chunks) if keep else chunks:
                incoming.write(chunk)
                if incoming.size > limit:
                    raise SourceFault(
                        FaultKind.SIZE,
                        f"{where}: the page is larger than {limit >> 20:,} MiB.",
                        "Ask for smaller pages (`pagination.size`) or shorter windows (`incremental.step`), or raise "
                        "`maxPage` of the definition.",
                    )
            body = incoming.finish() if keep else incoming.in_memory()
        return Response(status, headers, shown, body, datetime.now(UTC), monotonic() - began)

    def _refuse(self, status: int, headers: Mapping[str, str], chunks: Iterator[bytes], where: str) -> NoReturn:
        if 300 <= status < 400:
            link = headers.get("location", "")
            raise SourceFault(
                FaultKind.HOST,
                f"{where}: the server redirects to {redacted_url(link, self.redactor) or 'nowhere'} ({status}).",
                "Redirects are not followed: write the address that is meant into the definition.",
            )
        said = self._excerpt(chunks)
        message = f"{where}: the server answered {status}{said}."
        if status in PASSING_STATUSES - _NEVER_PASSING:
            kind = FaultKind.RATE_LIMIT if status == 429 else FaultKind.SERVER
            advice = "Run the pull again later; it goes on at this page."
            raise PassingFault(kind, message, advice, status, wait_wanted(headers, is_refused=True))
        if status in (401, 403):
            advice = "Check the secrets in `authentication`, `headers` and `parameters`, and what they may read."
            raise UnauthorisedFault(FaultKind.AUTHENTICATION, message, advice, status)
        advice = "Check `path`, `parameters` and `pagination` against the documentation of the source."
        raise SourceFault(FaultKind.STATUS, message, advice, status)

    def _excerpt(self, chunks: Iterator[bytes]) -> str:
        found = b""
        try:
            for chunk in chunks:
                found += chunk
                if len(found) > _EXCERPT_BYTES:
                    break
        except (*_FAILURES, SourceFault):
            pass
        text = " ".join(self.redactor.clean(found[:_EXCERPT_BYTES].decode("utf-8", "replace")).split())
        text = "".join(each for each in text if each.isprintable())
        if not text:
            return ""
        return f": {text[:_EXCERPT_SHOWN]}{'...' if len(text) > _EXCERPT_SHOWN else ''}"

    def _explain(self, error: Exception, where: str) -> NoReturn:
        reason = self.redactor.clean(str(error)).rstrip(".") or "the connection was lost"
        later = "Run the pull again later; it goes on at this page."
        if isinstance(error, httpcore2.TimeoutException):
            limits = self.source.time_limits
            which = "connection" if isinstance(error, httpcore2.ConnectTimeout) else "response"
            raise PassingFault(
                FaultKind.TIMEOUT,
                f"{where}: no {which} in time (limits: {limits.connect.total_seconds():g} s to connect, "
                f"{limits.read.total_seconds():g} s without a byte, {limits.page.total_seconds():g} s in all).",
                f"{later} If the source is slow by nature, raise `timeout` or ask for smaller pages.",
            ) from None
        cause = _tls_error(error)
        if cause is not None:
            raise SourceFault(
                FaultKind.TLS,
                f"{where}: no trusted connection: {cause}.",
                "Check the certificate of the server; if an authority of your own has signed it, name it in "
                "`tls.caFile`.",
            ) from None
        if isinstance(error, httpcore2.LocalProtocolError | httpcore2.UnsupportedProtocol):
            raise SourceFault(FaultKind.CONFIGURATION, f"{where}: the request cannot be sent: {reason}.") from None
        raise PassingFault(FaultKind.CONNECTION, f"{where}: {reason}.", later) from None


_FAILURES = (httpcore2.NetworkError, httpcore2.TimeoutException, httpcore2.ProtocolError, httpcore2.ProxyError,
             httpcore2.UnsupportedProtocol, ssl.SSLError)  # fmt: skip


def _tls_error(error: Exception) -> str | None:
    """What is wrong with certificates, if that is what is wrong: no later attempt mends it."""
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, ssl.SSLCertVerificationError):
            return found.verify_message.rstrip(".") or "the certificate is not valid"
        if isinstance(found, ssl.SSLError) and found.reason and "EOF" not in found.reason:
            return found.reason.replace("_", " ").lower()
        found = found.__cause__ or found.__context__
    return None


def _tls_context(source: RestSource) -> ssl.SSLContext:
    tls = source.tls
    try:
        context = ssl.create_default_context(cafile=tls.ca_file)
        if tls.certificate is not None:
            context.load_cert_chain(tls.certificate, tls.key)
    except (OSError, ValueError) as error:
        raise SourceFault(
            FaultKind.CONFIGURATION,
            f"{source.name}: the files that `tls` names cannot be used: {error}.",
            "Expected: PEM files that this process may read.",
        ) from None
    context.set_alpn_protocols(["http/1.1"])
    if tls.unverified is not None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _wire_headers(
    request: Request, host: str, kind: str, credentials: Mapping[str, str], redactor: Redactor
) -> Headers:
    headers = {
        "Host": host,
        "Accept": "application/json",
        "Accept-Encoding": "gzip",
        "User-Agent": "logistics-analytics-platform",
    }
    if kind:
        headers["Content-Type"] = kind
    given = {name: redactor.reveal(value) for name, value in request.headers.items()}
    for name, value in (*given.items(), *credentials.items()):
        same = next((known for known in headers if known.lower() == name.lower()), name)
        headers[same] = value
    return [(name.encode(), value.encode("latin-1", "backslashreplace")) for name, value in headers.items()]


def _headers(response: Incoming, redactor: Redactor) -> dict[str, str]:
    """Its headers without secrets: links to next pages often repeat those of the request.

    The lines of one that is a list are one list, of any other one the last line counts.
    """
    found: dict[str, str] = {}
    for raw_name, raw_value in response.headers:
        name, value = raw_name.decode("latin-1").lower(), redactor.clean(raw_value.decode("latin-1"))
        found[name] = f"{found[name]}, {value}" if name in _LISTS and name in found else value
    return found


def _decoded(chunks: Iterator[bytes], headers: Mapping[str, str], where: str) -> Iterator[bytes]:
    """The body without its compression, in pieces of bounded size."""
    encoding = headers.get("content-encoding", "identity").strip().lower() or "identity"
    if encoding == "identity":
        yield from chunks
        return
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise SourceFault(
            FaultKind.RESPONSE,
            f"{where}: the response is compressed by {encoding}, though gzip alone was asked for.",
            "Ask the operator of the source to answer in gzip or uncompressed.",
        )
    yield from _inflated(chunks, where)


def _inflated(chunks: Iterator[bytes], where: str) -> Iterator[bytes]:
    decoder = zlib.decompressobj(wbits=47)
    is_begun = False
    try:
        for chunk in chunks:
            rest = chunk
            while rest:
                if decoder.eof:
                    decoder = zlib.decompressobj(wbits=47)
                is_begun = True
                if piece := decoder.decompress(rest, _STEP_BYTES):
                    yield piece
                rest = decoder.unconsumed_tail or decoder.unused_data
    except zlib.error as error:
        raise PassingFault(
            FaultKind.RESPONSE, f"{where}: the response is not what its compression says: {error}."
        ) from None
    if is_begun and not decoder.eof:
        raise PassingFault(
            FaultKind.RESPONSE,
            f"{where}: the response ends in the middle of its compressed content.",
            "Run the pull again later; it goes on at this page.",
        )
