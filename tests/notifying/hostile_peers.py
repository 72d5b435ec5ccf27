"""Receivers that do whatever a test wants on the wire: HTTP and SMTP as nobody should speak them."""

import os
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from time import sleep

Talk = Callable[[socket.socket], None]
"""What a peer does with a connection, which it may leave open; an OSError ends it."""


@contextmanager
def peer(talk: Talk, context: ssl.SSLContext | None = None) -> Iterator[int]:
    """Serves connections on a port of this machine, each in a thread, until the block ends.

    It closes nothing before its threads have ended: the number of a closed socket belongs to the next one that is
    opened, and a thread that was just about to wait would serve that.
    """
    listener = socket.create_server(("127.0.0.1", 0))
    opened: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def start(run: Callable[..., None], *arguments: object) -> None:
        threads.append(threading.Thread(target=run, args=arguments, daemon=True))
        threads[-1].start()

    def serve(connection: socket.socket) -> None:
        with suppress(OSError):
            secured = connection if context is None else context.wrap_socket(connection, server_side=True)
            opened.append(secured)
            talk(secured)
            secured.close()

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                opened.append(connection)
                start(serve, connection)

    start(accept)
    accepting = threads[0]
    try:
        yield int(listener.getsockname()[1])
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        accepting.join()
        for each in opened:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()
        for each in (listener, *opened):
            each.close()


# -- on the wire -----------------------------------------------------------------------------------------------------


def say(*pieces: bytes, pause: float = 0.0) -> Talk:
    """These bytes, and the end."""

    def talk(connection: socket.socket) -> None:
        for each in pieces:
            connection.sendall(each)
            sleep(pause)

    return talk


def for_ever(begin: bytes, piece: bytes, pause: float = 0.0) -> Talk:
    """Bytes without an end."""

    def talk(connection: socket.socket) -> None:
        connection.sendall(begin)
        while True:
            connection.sendall(piece)
            if pause:
                sleep(pause)

    return talk


def silence(connection: socket.socket) -> None:
    """Not a byte, and no end, until the other side has enough of it."""
    while connection.recv(1 << 16):
        pass


def close(connection: socket.socket) -> None:
    """The end, without a byte."""
    connection.shutdown(socket.SHUT_RDWR)


def reset(connection: socket.socket) -> None:
    """The end, without the manners of TCP."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    os.close(connection.detach())  # at once, whoever else reads from it


# -- HTTP ------------------------------------------------------------------------------------------------------------


def after_request(talk: Talk) -> Talk:
    """Takes a request, and then does this."""

    def take(connection: socket.socket) -> None:
        received = b""
        while b"\r\n\r\n" not in received:
            received += connection.recv(1 << 16)
        talk(connection)

    return take


# -- SMTP ------------------------------------------------------------------------------------------------------------

STEPS = ("banner", "EHLO", "MAIL", "RCPT", "DATA", "content", "QUIT")
_USUAL = {
    "banner": b"220 mx.example.org\r\n", "EHLO": b"250 mx.example.org\r\n", "MAIL": b"250 OK\r\n",
    "RCPT": b"250 OK\r\n", "DATA": b"354 Go on\r\n", "content": b"250 OK\r\n", "QUIT": b"221 Bye\r\n",
}  # fmt: skip


def smtp(unusual: Mapping[str, Talk], contents: list[bytes] | None = None) -> Talk:
    """An SMTP server that does something else at some steps; what it accepts is kept."""
    does = {step: say(answer) for step, answer in _USUAL.items()} | dict(unusual)
    does.setdefault("HELO", does["EHLO"])

    def talk(connection: socket.socket) -> None:
        lines = connection.makefile("rb")
        does["banner"](connection)
        for line in lines:
            command = line[:4].decode("latin-1").upper().strip()
            if command == "RSET":
                connection.sendall(b"250 OK\r\n")
                continue
            does[command](connection)
            if command == "DATA" and "DATA" not in unusual:
                content = b""
                for part in lines:
                    if part == b".\r\n":
                        break
                    content += part
                if contents is not None:
                    contents.append(content)
                does["content"](connection)
            if command == "QUIT":
                return

    return talk
