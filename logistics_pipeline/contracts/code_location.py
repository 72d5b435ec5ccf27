"""Tells Dagster's code server to load its definitions anew: a gRPC call without content, which needs no Dagster here.

The server is `orchestration.runtime.reloading_server`. The daemon and the webserver notice by themselves.
"""

import threading
from collections.abc import Callable
from logging import Logger

import grpc

from logistics_pipeline.errors import PipelineError, TransientError

RELOAD_SECONDS = 300
"""How long a reload may take; on an idle machine it is 2."""
QUIET_SECONDS = 0.2
"""A reload waits this long for further changes."""
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0

_METHOD = "/api.DagsterApi/ReloadCode"


class NotLoadedError(PipelineError):
    """The definitions cannot be loaded; those that the code server had stay in service."""


def reload_definitions(host: str, port: int) -> None:
    """Has the code server load its definitions anew, and waits until they are in service.

    Raises:
        TransientError: it does not respond.
        NotLoadedError: they cannot be loaded; the message says why.
    """
    # gRPC would look for the server through the proxy that http_proxy names.
    with grpc.insecure_channel(f"{host}:{port}", options=[("grpc.enable_http_proxy", 0)]) as channel:
        try:
            channel.unary_unary(_METHOD)(b"", timeout=RELOAD_SECONDS)
        except grpc.RpcError as error:
            if error.code() is grpc.StatusCode.FAILED_PRECONDITION:
                raise NotLoadedError(f"Dagster keeps the definitions that it has: {error.details()}") from error
            raise TransientError(
                f"Dagster's code server at {host}:{port} does not respond ({error.code().name.lower()}). "
                "Where it is elsewhere, set LOGISTICS_CODE_SERVER_HOST and LOGISTICS_CODE_SERVER_PORT."
            ) from error


class Reloader:
    """Reloads the definitions in a thread of its own: one reload at a time, and one for all changes made meanwhile."""

    def __init__(self, reload: Callable[[], None], log: Logger) -> None:
        self._reload = reload
        self._log = log
        self._wanted = threading.Event()
        self._stopped = threading.Event()
        self._pause = FIRST_PAUSE_SECONDS
        self._said: str | None = None
        self._thread = threading.Thread(target=self._work, name="reload", daemon=True)
        self._thread.start()

    def request(self) -> None:
        """Asks for a reload; returns at once."""
        self._wanted.set()

    def stop(self) -> None:
        """Ends the thread; a reload that is under way ends by itself."""
        self._stopped.set()
        self._wanted.set()

    def _work(self) -> None:
        while True:
            self._wanted.wait()
            if self._stopped.wait(QUIET_SECONDS):
                return
            self._wanted.clear()
            self._try()

    def _try(self) -> None:
        try:
            self._reload()
        except TransientError as error:
            self._say_once(str(error))
            self._wanted.set()
            self._stopped.wait(self._pause)
            self._pause = min(2 * self._pause, LONGEST_PAUSE_SECONDS)
            return
        except NotLoadedError as error:
            self._say_once(str(error))
            return
        self._pause, self._said = FIRST_PAUSE_SECONDS, None
        self._log.info("Dagster has loaded its definitions anew.")

    def _say_once(self, sentence: str) -> None:
        if sentence != self._said:
            self._log.error(sentence)
            self._said = sentence
