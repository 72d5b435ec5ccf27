"""A proxy between loader and server that counts what goes through, and strikes at an exact byte or at a COMMIT.

While it strikes, the connection is held: whatever is done then is done in the middle of a load, however fast that is.
"""

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

BLOCK_BYTES = 1 << 16
COMMIT = b"COMMIT\0"
"""As it stands in the protocol's messages: rows are text, in which there is no NUL."""


@dataclass(frozen=True)
class Strike:
    """Something to be done when so many bytes or COMMITs have passed since the last strike."""

    act: Callable[[], None]
    after_bytes: int | None = None
    at_commit: int | None = None
    """Counted from 1."""
    is_answered: bool = False
    """Whether the server has seen that COMMIT, and answered it, but the loader has not seen the answer."""

    def __str__(self) -> str:
        if self.after_bytes is not None:
            return f"byte {self.after_bytes:,}"
        return f"COMMIT {self.at_commit}, {'before its answer' if self.is_answered else 'before it arrived'}"


@dataclass(eq=False)
class _Link:
    """One connection of a loader."""

    client: socket.socket
    server: socket.socket
    at_answer: Strike | None = field(default=None)

    def cut(self) -> None:
        for end in (self.client, self.server):
            _hang_up(end)


class Proxy:
    """Listens on a port of this machine; forwards to the server's socket, asked for anew by each connection."""

    def __init__(self, find_server: Callable[[], Path], commit: bytes = COMMIT) -> None:
        """`commit` is what counts as a COMMIT: text that stands in each of them, and in nothing else."""
        self._find_server = find_server
        self._commit = commit
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self._striking = threading.Lock()
        self._links: list[_Link] = []
        self._threads: list[threading.Thread] = []
        self._is_closing = False
        self.arm([])
        self._spawn(self._accept)

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def url(self, database: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}?sslmode=disable&gssencmode=disable"

    def arm(self, strikes: list[Strike]) -> None:
        """Counts from zero, and strikes at each of these in turn."""
        with self._lock:
            self._strikes = list(strikes)
            self.bytes = self.commits = self.connections = 0
            self.errors: list[Exception] = []

    def cut(self, server_side_after_seconds: float = 0) -> None:
        """Breaks all connections; the server may learn of it later than the loader."""
        with self._lock:
            links = list(self._links)
        for link in links:
            _hang_up(link.client)
        time.sleep(server_side_after_seconds)
        for link in links:
            link.cut()

    def close(self) -> None:
        """Ends everything, and waits until it has ended."""
        self._is_closing = True
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
            pass  # wakes the thread that accepts, which closing alone does not do everywhere
        self.cut()
        for thread in self._threads:
            thread.join()

    # -- threads: one that accepts, two for each connection --------------------------------------------------------

    def _spawn(self, run: Callable[..., None], *arguments: object) -> None:
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        self._threads.append(threading.Thread(target=run, args=arguments, daemon=True))
        self._threads[-1].start()

    def _accept(self) -> None:
        with self._listener:
            while not self._is_closing:
                client, _ = self._listener.accept()
                self._connect(client)

    def _connect(self, client: socket.socket) -> None:
        server = socket.socket(socket.AF_UNIX)
        try:
            server.connect(str(self._find_server()))
        except OSError:  # the server is away: the loader sees a connection that ends at once
            client.close()
            server.close()
            return
        link = _Link(client, server)
        with self._lock:
            self._links.append(link)
            self.connections += 1
        self._spawn(self._serve, link)

    def _serve(self, link: _Link) -> None:
        downward = threading.Thread(target=self._run, args=(self._downward, link), daemon=True)
        downward.start()
        self._run(self._upward, link)
        downward.join()
        with self._lock:
            self._links.remove(link)
        link.client.close()
        link.server.close()

    def _run(self, pump: Callable[[_Link], None], link: _Link) -> None:
        with suppress(OSError):  # an end was hung up
            pump(link)
        link.cut()

    def _strike(self, strike: Strike) -> None:
        try:
            with self._striking:  # one at a time, as the next connection may come to its moment meanwhile
                strike.act()
        except Exception as error:  # noqa: BLE001 - a thread's edge: whoever armed the proxy looks here
            self.errors.append(error)

    # -- the two directions ----------------------------------------------------------------------------------------

    def _upward(self, link: _Link) -> None:
        while data := link.client.recv(BLOCK_BYTES):
            while data:
                piece, strike = self._take(data)
                data = data[len(piece) :]
                if strike is not None and strike.is_answered:
                    link.at_answer, strike = strike, None
                link.server.sendall(piece)
                if strike is not None:
                    self._strike(strike)

    def _downward(self, link: _Link) -> None:
        while data := link.server.recv(BLOCK_BYTES):
            strike, link.at_answer = link.at_answer, None
            if strike is not None:
                self._strike(strike)
            link.client.sendall(data)

    def _take(self, data: bytes) -> tuple[bytes, Strike | None]:
        """The bytes up to the next strike, and that strike if it is among them."""
        with self._lock:
            strike = self._strikes[0] if self._strikes else None
            size = None if strike is None else self._size_before(strike, data)
            piece = data if size is None else data[:size]
            self.bytes += len(piece)
            self.commits += piece.count(self._commit)
            if size is None:
                return piece, None
            self.bytes = self.commits = 0
            return piece, self._strikes.pop(0)

    def _size_before(self, strike: Strike, data: bytes) -> int | None:
        if strike.after_bytes is not None:
            missing = max(0, strike.after_bytes - self.bytes)
            return missing if missing <= len(data) else None
        assert strike.at_commit is not None
        if self.commits + data.count(self._commit) < strike.at_commit:
            return None
        if strike.is_answered:
            return len(data)
        end = 0
        for _ in range(strike.at_commit - self.commits):
            end = data.index(self._commit, end) + len(self._commit)
        return end - len(self._commit)


def _hang_up(end: socket.socket) -> None:
    with suppress(OSError):  # the other side did so first
        end.shutdown(socket.SHUT_RDWR)
