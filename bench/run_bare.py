"""`python -m bench.run_bare PORT FILE`: the least a server of this kind can do, to compare the API with.

A plain ASGI application under the API's own server, event loop and parser: it sends the bytes of the file, whatever it
is asked.
"""

import sys
from pathlib import Path
from typing import Any

import uvicorn

_START = "http.response.start"


def main() -> None:
    port, body = int(sys.argv[1]), Path(sys.argv[2]).read_bytes()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]

    async def bare(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": _START, "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    uvicorn.run(
        bare,
        port=port,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
    )


if __name__ == "__main__":
    main()
