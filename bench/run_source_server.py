"""`python -m bench.run_source_server PORT PAGES`: an API that serves trips, 100 a page, by a cursor in the body.

Sockets and threads alone, with all pages made before: what is measured is who asks.
"""

import json
import re
import socket
import sys
import threading

RECORDS = 100


def page(number: int, pages: int) -> bytes:
    """The response with a page, from 0."""
    items = [
        {
            "id": f"T{record:08}",
            "updatedAt": f"2024-05-01T{record // 3600 % 24:02}:{record // 60 % 60:02}:{record % 60:02}Z",
            "vehicle": {"id": f"V{record % 50}", "plate": f"AB-{record % 50:03}"},
            "distance": 1000.5 + record % 977,
            "fuel": record % 61,
            "status": "done",
        }
        for record in range(number * RECORDS, (number + 1) * RECORDS)
    ]
    following = str(number + 1) if number + 1 < pages else None
    body = json.dumps({"data": {"items": items}, "meta": {"total": pages * RECORDS, "next": following}}).encode()
    head = (
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: Thu, 02 May 2024 00:00:00 GMT\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def serve(connection: socket.socket, pages: list[bytes]) -> None:
    """Answers the requests of one connection."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    waiting = b""
    while chunk := connection.recv(65_536):
        waiting += chunk
        while b"\r\n\r\n" in waiting:
            head, _, waiting = waiting.partition(b"\r\n\r\n")
            found = re.search(rb"cursor=([0-9]+)", head)
            connection.sendall(pages[int(found[1]) if found else 0])


def main() -> None:
    port, count = int(sys.argv[1]), int(sys.argv[2])
    pages = [page(number, count) for number in range(count)]
    with socket.create_server(("127.0.0.1", port), backlog=50) as server:
        while True:
            connection, _ = server.accept()
            threading.Thread(target=serve, args=(connection, pages), daemon=True).start()


if __name__ == "__main__":
    main()
