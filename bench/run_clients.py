"""`python -m bench.run_clients`: clients of an HTTP server, in a process of their own so as not to cost it anything.

Reads an `Order` as JSON from its input and writes an `Outcome` as JSON to its output. Each client keeps its connection
and asks for the next thing as soon as it has its answer. It speaks just enough HTTP/1.1 for the answers of the API:
Content-Length or no body, no chunks.
"""

import asyncio
import json
import re
import sys
from collections import Counter
from dataclasses import asdict, dataclass, field
from itertools import cycle, islice
from time import perf_counter

import uvloop

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


@dataclass(frozen=True)
class Outcome:
    """What the clients saw."""

    seconds: float
    statuses: dict[str, int]
    """Answers by status; what was no answer at all under `broken`."""
    latencies: list[float]
    """Seconds from the request to the last byte of its answer, ascending."""


def main() -> None:
    order = Order(**json.load(sys.stdin))
    outcome = uvloop.run(carry_out(order))
    json.dump(asdict(outcome), sys.stdout)


async def carry_out(order: Order) -> Outcome:
    """Has all clients work until the requests are done."""
    requests = iter(islice(cycle([_request(order, path) for path in order.paths]), order.requests))
    statuses: Counter[str] = Counter()
    latencies: list[float] = []
    began = perf_counter()

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", order.port, limit=1 << 24)
        try:
            for request in requests:
                since = perf_counter()
                writer.write(request)
                statuses[await _answer(reader)] += 1
                latencies.append(perf_counter() - since)
        except (OSError, EOFError, ValueError):
            statuses["broken"] += 1
        finally:
            writer.close()

    await asyncio.gather(*(client() for _ in range(order.clients)))
    return Outcome(perf_counter() - began, dict(statuses), sorted(latencies))


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
