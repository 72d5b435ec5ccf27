"""Ports for servers that tests start."""

import os
import socket
from contextlib import suppress
from itertools import cycle

_LOWEST, _HIGHEST = 10_000, 30_000
"""Below those that the system gives to clients: one that was free a moment ago is not some connection's meanwhile."""

_first = _LOWEST + os.getpid() * 89 % (_HIGHEST - _LOWEST)
_ports = cycle([*range(_first, _HIGHEST), *range(_LOWEST, _first)])


def free_port() -> int:
    """A port that nobody listens on, and that is not named again soon. Every process begins elsewhere."""
    for port in _ports:
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("unreachable: the ports never end")
