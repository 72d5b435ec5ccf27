"""Which hosts and addresses are connected to, and until when: the network below the HTTP client.

A name is looked up here, the addresses are judged, and the connection goes to one that was judged: a name that leads
elsewhere a moment later changes nothing. Every wait ends at the deadline of the request, however slowly bytes drip.
"""

import ipaddress
import socket
import threading
from collections.abc import Iterable
from contextlib import suppress
from ssl import SSLContext
from time import monotonic
from typing import Any

from httpcore2 import (
    ConnectError,
    ConnectTimeout,
    NetworkBackend,
    NetworkStream,
    ReadTimeout,
    SyncBackend,
    WriteTimeout,
)

from logistics_pipeline.sources.faults import FaultKind, SourceFault

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_LOCAL_NAT64 = ipaddress.ip_network("64:ff9b:1::/48")
_IPV4_COMPATIBLE = ipaddress.ip_network("::/96")


class Deadline(threading.local):
    """When the request of this thread ends."""

    at: float = float("inf")

    def start(self, seconds: float) -> None:
        """It may take so long from now on."""
        self.at = monotonic() + seconds

    def left(self, timeout: float | None) -> float:
        """What is left of it, at most `timeout`; 0 or less if it is over."""
        rest = self.at - monotonic()
        return rest if timeout is None else min(timeout, rest)


def is_allowed(address: str, *, private: bool) -> bool:
    """Whether an address may be connected to. Addresses that never name a server of others are refused always."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is None and (ip in _NAT64 or (ip in _IPV4_COMPATIBLE and int(ip) > 1)):
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_allowed(str(inner), private=private)
    if ip.is_multicast or ip.is_unspecified or ip.is_link_local:
        return False
    if ip.is_loopback or ip.is_private or ip in _LOCAL_NAT64:
        return private
    return ip.is_global


def allowed_addresses(host: str, port: int, *, private: bool) -> list[str]:
    """The addresses of a host that may be connected to, looked up now.

    Raises:
        SourceFault: none of them may be.
        ConnectError: it has none.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no name"
        raise ConnectError(f"the name {host} cannot be looked up: {reason}") from error
    addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
    allowed = [each for each in addresses if is_allowed(each, private=private)]
    if not allowed:
        raise SourceFault(
            FaultKind.HOST,
            f"{host} has the address {addresses[0]}, which is of a private network or of this machine.",
            "If that is right, add `private: true` to the definition (`logistics sources add --private`)."
            if any(is_allowed(each, private=True) for each in addresses)
            else "Such an address is never connected to. Correct `baseUrl` or `hosts`.",
        )
    return allowed


class GuardedBackend(NetworkBackend):
    """Connects to allowed addresses alone, within the deadline of the request."""

    def __init__(self, deadline: Deadline, *, private: bool) -> None:
        self._backend = SyncBackend()
        self._deadline = deadline
        self._private = private

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> NetworkStream:
        """Connects to the first address of a host that answers.

        Raises:
            SourceFault: no address of it is allowed.
            ConnectError: none answers.
        """
        error: Exception | None = None
        for address in allowed_addresses(host, port, private=self._private):
            left = self._deadline.left(timeout)
            if left <= 0:
                raise ConnectTimeout("timed out")
            try:
                stream = self._backend.connect_tcp(address, port, left, local_address, socket_options)
            except (ConnectError, ConnectTimeout) as caught:
                error = caught
            else:
                return _GuardedStream(stream, self._deadline)
        raise error or ConnectError(f"{host} has no address")


class _GuardedStream(NetworkStream):
    def __init__(self, stream: NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        left = self._deadline.left(timeout)
        if left <= 0:
            raise ReadTimeout("timed out")
        return self._stream.read(max_bytes, left)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        left = self._deadline.left(timeout)
        if left <= 0:
            raise WriteTimeout("timed out")
        self._stream.write(buffer, left)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> NetworkStream:
        left = self._deadline.left(timeout)
        if left <= 0:
            raise ConnectTimeout("timed out")
        end = threading.Timer(left, _shut, [self._stream])  # a handshake may drip as well
        end.daemon = True
        end.start()
        try:
            return _GuardedStream(self._stream.start_tls(ssl_context, server_hostname, left), self._deadline)
        finally:
            end.cancel()

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _shut(stream: NetworkStream) -> None:
    with suppress(OSError):
        stream.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
