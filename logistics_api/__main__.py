"""`python -m logistics_api`: serves the API with uvicorn. Configuration errors print one sentence and exit with 1."""

import errno
import gc
import logging
import os
import socket
import sys
import warnings
from contextlib import suppress
from threading import Thread
from typing import NoReturn

import uvicorn
from pydantic import ValidationError
from pydantic.warnings import UnsupportedFieldAttributeWarning

from logistics_api.app import create_app
from logistics_api.errors import ConfigurationError
from logistics_api.events.broker import Events
from logistics_api.http.http_protocol import HttpProtocol
from logistics_api.http.logs import logging_config
from logistics_core.settings import Settings

SHUTDOWN_SECONDS = 5
"""Time to finish open responses after SIGTERM. Without a limit, one slow client could block the shutdown forever."""

logger = logging.getLogger("logistics_api")


def main() -> int:
    """Serves until stopped. Returns the exit code."""
    try:
        serve(_settings())
    except ConfigurationError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    return 0


def serve(settings: Settings) -> None:
    """Serves on the configured host and port, in this process, until SIGINT or SIGTERM.

    Raises:
        ConfigurationError: no database is configured, or the API cannot listen on the address.
    """
    ignore_known_warnings()
    app = create_app(settings)
    gc.freeze()  # what lasts as long as the program is not searched for garbage again and again
    with listen(settings.api_host, settings.api_port) as listener:
        config = uvicorn.Config(
            app,
            loop="uvloop",
            http=HttpProtocol,
            ws="none",
            lifespan="on",
            log_level=settings.log_level,
            log_config=logging_config(settings),
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        )
        host = f"[{settings.api_host}]" if ":" in settings.api_host else settings.api_host
        logger.info("Serving on http://%s:%d, documentation at /docs", host, settings.api_port)
        Thread(target=app.state.dashboard.prepare, name="dashboard", daemon=True).start()
        with suppress(KeyboardInterrupt):  # uvicorn re-raises Ctrl-C after shutting down
            _Server(config, app.state.events).run([listener])


def ignore_known_warnings() -> None:
    """Keeps from the log what FastAPI means to suppress.

    It changes the filters of the whole process for a moment, and contracts that change make routes in threads: one may
    restore the filters while another still relies on its own.
    """
    warnings.filterwarnings("ignore", category=UnsupportedFieldAttributeWarning)


class _Server(uvicorn.Server):
    """Closes event streams first on shutdown: otherwise they would use up the time other responses have to finish."""

    def __init__(self, config: uvicorn.Config, events: Events) -> None:
        super().__init__(config)
        self._events = events

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._events.close()
        await super().shutdown(sockets)


def listen(host: str, port: int) -> socket.socket:
    """Opens the socket before anything else starts, so that a port in use is reported immediately.

    Raises:
        ConfigurationError: the address is in use, not permitted, or not on this machine.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        family, _, _, _, address = min(found, key=lambda entry: entry[0] != socket.AF_INET)  # localhost: IPv4 first
        return socket.create_server(address, family=family, backlog=2048)
    except OSError as error:
        raise ConfigurationError(f"The API cannot listen on {host}:{port}: {_reason(error)}.") from error


def _reason(error: OSError) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return "another program is using that port; stop it or set LOGISTICS_API_PORT to a free one"
        case errno.EACCES:
            return "this user is not permitted to use that port; set LOGISTICS_API_PORT to one above 1023"
        case _:
            reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
            return f"{reason}; set LOGISTICS_API_HOST to an address of this machine"


def _settings() -> Settings:
    try:
        return Settings()
    except ValidationError as error:
        wrong = error.errors()[0]
        variable = "_".join(["LOGISTICS", *(str(part) for part in wrong["loc"])]).upper()
        if variable.endswith(("DATABASE_URL", "WORKER_WATCHER")):  # its text may hold a password
            raise ConfigurationError(f"{variable}: {wrong['msg']}.") from None
        raise ConfigurationError(f"{variable} is {wrong['input']!r}: {wrong['msg']}.") from error


def _end(code: int) -> NoReturn:
    """Exits without waiting for the thread that may still be preparing the dashboard.

    A normal exit would stop that thread inside native code, which aborts the process.
    """
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    _end(main())
