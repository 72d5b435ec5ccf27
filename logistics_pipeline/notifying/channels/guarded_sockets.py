"""Connections to mail servers: to allowed addresses alone, and shut at a given moment, whatever the server does."""

import socket
import ssl
import threading
from contextlib import suppress
from time import monotonic

from logistics_pipeline.sources.requests.addresses import allowed_addresses

_LEAST_SECONDS = 0.1


class SocketGuard:
    """Opens the connection of one session, with TLS from its start if a context is given, and ends it in time."""

    def __init__(self, *, private: bool, context: ssl.SSLContext | None, end: float) -> None:
        self._private = private
        self._context = context
        self._end = end
        self._timer: threading.Timer | None = None

    def open(self, host: str, port: int, timeout: float | None) -> socket.socket:
        """Connects to the first address that answers. The name is what the certificate is checked against.

        Raises:
            OSError, SourceFault: no address answers, or is allowed.
        """
        error: OSError | None = None
        for address in allowed_addresses(host, port, private=self._private):
            left = self._seconds_left()
            try:
                opened = socket.create_connection((address, port), left if timeout is None else min(timeout, left))
            except OSError as caught:
                error = caught
                continue
            self._watch(opened)
            return opened if self._context is None else self._with_tls(opened, self._context, host)
        raise error or OSError(f"{host} has no address")

    def stop(self) -> None:
        """The session is over: nothing is to be shut any more."""
        if self._timer is not None:
            self._timer.cancel()

    def _seconds_left(self) -> float:
        return max(_LEAST_SECONDS, self._end - monotonic())

    def _watch(self, opened: socket.socket) -> None:
        self._timer = threading.Timer(self._seconds_left(), _shut, [opened])
        self._timer.daemon = True
        self._timer.start()

    def _with_tls(self, opened: socket.socket, context: ssl.SSLContext, host: str) -> socket.socket:
        try:
            return context.wrap_socket(opened, server_hostname=host)
        except OSError:
            self.stop()
            opened.close()
            raise


def _shut(opened: socket.socket) -> None:
    with suppress(OSError):
        opened.shutdown(socket.SHUT_RDWR)
