"""`python -m bench.run_clients`: clients of an HTTP server, in a process of their own so as not to cost it anything.

Reads one `Order` or several as JSON from its input and writes an `Outcome` for each as JSON to its output. Each client
keeps its connection and asks for the next thing as soon as it has its answer. Several orders are carried out in turns
of some milliseconds: what else the machine does then falls on all of them alike. It speaks just enough HTTP/1.1 for the
answers of the API: Content-Length or no body, no chunks.
"""

import asyncio
import json
import re
import sys
from collections import Counter
from dataclasses import asdict, dataclass, field
from itertools import cycle
from time import perf_counter

import uvloop

from bench.processes import cpu_seconds

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Order:
    """What to ask for, and how often in all."""

    port: int
    paths: list[str]
    """With their query strings; asked for in turns."""
    requests: int
    clients: int = 8
    headers: dict[str, str] = field(default_factory=dict)
    pid: int | None = None
    """The server's process, where its CPU time is to be known."""


@dataclass(frozen=True)
class Outcome:
    """What the clients saw."""

    seconds: float
    statuses: dict[str, int]
    """Answers by status; what was no answer at all under `broken`."""
    latencies: list[float]
    """Seconds from the request to the last byte of its answer, ascending."""
    cpu_seconds: float
    """Of the server meanwhile; 0 where its process was not named."""


def main() -> None:
    given = json.load(sys.stdin)
    outcomes = uvloop.run(carry_out([Order(**order) for order in given["orders"]], given["turns"]))
    json.dump([asdict(outcome) for outcome in outcomes], sys.stdout)


async def carry_out(orders: list[Order], turns: int) -> list[Outcome]:
    """Has all clients of one order after the other work, until all requests are done."""
    at_work = [_Clients(order) for order in orders]
    for clients in at_work:
        await clients.connect()
    for turn in range(turns):
        for clients in at_work:
            await clients.work((turn + 1) * clients.order.requests // turns)
    return [clients.outcome() for clients in at_work]


class _Clients:
    """The clients of one order."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self._requests = cycle([_request(order, path) for path in order.paths])
        self._asked = 0
        self._statuses: Counter[str] = Counter()
        self._latencies: list[float] = []
        self._seconds = self._cpu_seconds = 0.0
        self._connections: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def connect(self) -> None:
        for _ in range(self.order.clients):
            self._connections.append(await asyncio.open_connection("127.0.0.1", self.order.port, limit=1 << 24))

    async def work(self, until: int) -> None:
        """Sends requests from all clients until that many have been made in total."""
        began, cpu_before = perf_counter(), self._server_cpu()
        await asyncio.gather(*(self._client(*connection, until) for connection in self._connections))
        self._seconds += perf_counter() - began
        self._cpu_seconds += self._server_cpu() - cpu_before

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, until: int) -> None:
        try:
            while self._asked < until:
                self._asked += 1
                since = perf_counter()
                writer.write(next(self._requests))
                self._statuses[await _answer(reader)] += 1
                self._latencies.append(perf_counter() - since)
        except (OSError, EOFError, ValueError):
            self._statuses["broken"] += 1

    def _server_cpu(self) -> float:
        return cpu_seconds(self.order.pid) if self.order.pid is not None else 0.0

    def outcome(self) -> Outcome:
        for _, writer in self._connections:
            writer.close()
        return Outcome(self._seconds, dict(self._statuses), sorted(self._latencies), self._cpu_seconds)


def _request(order: Order, path: str) -> bytes:
    headers = {"Host": f"127.0.0.1:{order.port}", "User-Agent": "bench", "Accept": "*/*", **order.headers}
    return "\r\n".join(
        [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    ).encode()


async def _answer(reader: asyncio.StreamReader) -> str:
    head = await reader.readuntil(b"\r\n\r\n")
    status = head[9:12].decode()
    if status != "304":
        length = _LENGTH.search(head)
        if length is None:
            raise ValueError("an answer without Content-Length")
        await reader.readexactly(int(length[1]))
    return status


if __name__ == "__main__":
    main()
