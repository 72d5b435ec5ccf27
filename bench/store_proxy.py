"""A proxy between a client and a store that cuts connections, falls silent, and counts what passes through it."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass
class Proxy:
    """What passes through, and what is to happen on the way."""

    target: tuple[str, int]
    url: str = ""
    received: int = 0
    """Bytes that came from the store."""
    cut_at: list[int] = field(default_factory=list)
    """The connection that brings the count to such a number is cut there."""
    at: list[tuple[int, Callable[[], object]]] = field(default_factory=list)
    """What to do once so many bytes have passed."""
    is_silent: bool = False
    """Nothing passes any more, and no connection is closed."""

    def pass_on(self, size: int) -> int:
        """How many of so many bytes pass; fewer if the connection is to be cut."""
        self.received += size
        while self.at and self.received >= self.at[0][0]:
            self.at.pop(0)[1]()
        if self.cut_at and self.received >= self.cut_at[0]:
            over = self.received - self.cut_at.pop(0)
            return max(0, size - over)
        return size


@contextmanager
def between(endpoint: str) -> Iterator[Proxy]:
    """Runs a proxy in front of a store."""
    parts = urlsplit(endpoint)
    proxy = Proxy((parts.hostname or "", parts.port or 80))
    listening = socket.create_server(("127.0.0.1", 0))
    proxy.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    opened: list[socket.socket] = []

    def accept() -> None:
        while True:
            try:
                client, _ = listening.accept()
                store = socket.create_connection(proxy.target)
            except OSError:
                return
            opened.extend((client, store))
            threading.Thread(target=_copy, args=(client, store, lambda size: size), daemon=True).start()
            threading.Thread(target=_copy, args=(store, client, proxy.pass_on), daemon=True).start()

    def _copy(source: socket.socket, sink: socket.socket, pass_on: Callable[[int], int]) -> None:
        with suppress(OSError):
            while block := source.recv(1 << 16):
                if proxy.is_silent:
                    continue
                passed = pass_on(len(block))
                sink.sendall(block[:passed])
                if passed < len(block):
                    break
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        for each in opened:
            each.close()
