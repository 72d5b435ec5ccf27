"""Reloads of Dagster's definitions as the watch of contracts asks for them, with a server that answers as told."""

import logging
import threading
import time
from collections.abc import Iterator
from concurrent import futures
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest

from logistics_pipeline.contracts import code_location
from logistics_pipeline.contracts.code_location import NotLoadedError, Reloader, reload_definitions
from logistics_pipeline.errors import TransientError
from tests.ports import free_port

LOG = logging.getLogger("tests.reloads")


@dataclass
class CodeServer:
    """Takes requests to reload, and says what is wrong with the definitions."""

    port: int
    problem: str | None = None
    reloads: int = 0

    def handle(self, request: bytes, context: grpc.ServicerContext) -> bytes:
        self.reloads += 1
        if self.problem is not None:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, self.problem)
        return b""


@pytest.fixture
def code_server() -> Iterator[CodeServer]:
    made = CodeServer(free_port())
    server = grpc.server(futures.ThreadPoolExecutor())
    handlers = {"ReloadCode": grpc.unary_unary_rpc_method_handler(made.handle)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("api.DagsterApi", handlers),))
    server.add_insecure_port(f"127.0.0.1:{made.port}")
    server.start()
    yield made
    server.stop(None).wait()


def test_a_reload_reaches_the_code_server_past_any_proxy(
    code_server: CodeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    reload_definitions("127.0.0.1", code_server.port)
    assert code_server.reloads == 1


def test_definitions_that_cannot_be_loaded_are_told_from_a_server_that_is_away(code_server: CodeServer) -> None:
    code_server.problem = "fuel: there is no type monny"
    with pytest.raises(NotLoadedError, match=r"^Dagster keeps .* it has: fuel: there is no type monny$"):
        reload_definitions("127.0.0.1", code_server.port)
    away = free_port()
    with pytest.raises(TransientError, match=rf"127\.0\.0\.1:{away} does not respond \(unavailable\)\. .*PORT\.$"):
        reload_definitions("127.0.0.1", away)


@dataclass
class Reloads:
    """Stands for the code server; each reload waits to be released, and fails as told."""

    errors: list[Exception] = field(default_factory=list)
    begun: int = 0
    going_on: int = 0
    most_at_once: int = 0
    release: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def __call__(self) -> None:
        self.begun += 1
        self.going_on += 1
        self.most_at_once = max(self.most_at_once, self.going_on)
        assert self.release.acquire(timeout=20)
        self.going_on -= 1
        if self.errors:
            raise self.errors.pop(0)


@pytest.fixture
def reloads(monkeypatch: pytest.MonkeyPatch) -> Reloads:
    monkeypatch.setattr(code_location, "FIRST_PAUSE_SECONDS", 0.01)
    return Reloads()


def until(condition: Any) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_changes_made_during_a_reload_are_followed_by_one_more(reloads: Reloads) -> None:
    reloader = Reloader(reloads, LOG)
    for _ in range(5):
        reloader.request()
    until(lambda: reloads.begun == 1)
    for _ in range(5):
        reloader.request()
    reloads.release.release(2)
    until(lambda: reloads.begun == 2 and reloads.going_on == 0)
    time.sleep(2 * code_location.QUIET_SECONDS)
    assert (reloads.begun, reloads.most_at_once) == (2, 1)
    reloader.stop()


def test_a_server_that_is_away_is_asked_until_it_is_back_and_the_trouble_is_said_once(
    reloads: Reloads, caplog: pytest.LogCaptureFixture
) -> None:
    reloads.errors = [TransientError("It is away."), TransientError("It is away."), TransientError("It is away.")]
    reloads.release.release(10)
    with caplog.at_level(logging.INFO):
        reloader = Reloader(reloads, LOG)
        reloader.request()
        until(lambda: reloads.begun == 4 and not reloads.going_on)
        until(lambda: caplog.messages == ["It is away.", "Dagster has loaded its definitions anew."])
    reloader.stop()


def test_definitions_that_cannot_be_loaded_are_tried_again_with_the_next_change(
    reloads: Reloads, caplog: pytest.LogCaptureFixture
) -> None:
    reloads.errors = [NotLoadedError("fuel is wrong")]
    reloads.release.release(10)
    with caplog.at_level(logging.INFO):
        reloader = Reloader(reloads, LOG)
        reloader.request()
        until(lambda: caplog.messages == ["fuel is wrong"])
        time.sleep(2 * code_location.QUIET_SECONDS)
        assert reloads.begun == 1
        reloader.request()
        until(lambda: caplog.messages[1:] == ["Dagster has loaded its definitions anew."])
    reloader.stop()
