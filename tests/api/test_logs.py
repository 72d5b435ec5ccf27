"""The log: a line per request and per event, for people or for programs, without anything secret in it."""

import asyncio
import io
import json
import logging
import os
import re
import subprocess
import sys
import warnings
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import httpx2
import pytest
from pydantic import Field, TypeAdapter

from logistics_api.__main__ import ignore_known_warnings
from logistics_api.http.access_log import AccessLog
from logistics_api.http.auth.api_keys import Principal
from logistics_api.http.context import current_request_id
from logistics_api.http.logs import JsonFormatter, TextFormatter
from logistics_core.settings import Settings
from tests.ports import free_port


def written(path: bytes = b"/api/dashboard", *, cache: str = "miss", status: int = 200, **settings: Any) -> list[str]:
    """The lines that one request leaves."""
    output = io.StringIO()
    scope = {
        "method": "GET", "path": path.decode("latin-1"), "raw_path": path, "query_string": b"key=lap_secret",
        "headers": [(b"x-api-key", b"lap_secret")], "client": ("192.0.2.1", 5),
        "state": {"request_id": "abc", "principal": Principal("laptop", frozenset())},
    }  # fmt: skip

    async def write() -> None:
        log = AccessLog(Settings(**settings), output)
        log.write(scope, "/api/dashboard", status, 0.01234, 4711, cache)
        log.flush()

    asyncio.run(write())
    return output.getvalue().splitlines()


def test_a_request_is_one_line_of_json() -> None:
    (line,) = written(log_format="json")
    found = json.loads(line)
    assert datetime.fromisoformat(found.pop("time")).utcoffset() is not None
    assert found == {
        "level": "info", "logger": "access", "method": "GET", "path": "/api/dashboard", "route": "/api/dashboard",
        "status": 200, "milliseconds": 12.34, "bytes": 4711, "cache": "miss", "principal": "laptop",
        "client": "192.0.2.1", "request_id": "abc",
    }  # fmt: skip


def test_or_a_line_for_people() -> None:
    (line,) = written(log_format="text")
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z ACCESS  GET /api/dashboard 200 12\.34 ms 4711 B cache=miss "
        r'principal="laptop" client=192\.0\.2\.1 \[abc\]',
        line,
    )


@pytest.mark.parametrize("log_format", ["json", "text"])
@pytest.mark.parametrize(
    "path", [b"/a\nb", b"/\x1b[31m", b"/\xff\xfe", b'/"}', b"/a b 200", "/\u2028".encode(), b"/\x00"]
)
def test_no_path_breaks_out_of_its_line(log_format: str, path: bytes) -> None:
    (line,) = written(path, log_format=log_format)
    assert line.isascii() and line.isprintable()
    if log_format == "json":
        assert json.loads(line)["status"] == 200
    else:
        assert len(line.split()) == 13


def test_a_path_of_any_length_is_cut_off() -> None:
    (line,) = written(b"/" + b"x" * 100_000)
    assert len(line) < 1_000


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_neither_keys_nor_what_was_asked_for_stand_in_it(log_format: str) -> None:
    assert "lap_secret" not in "".join(written(log_format=log_format))


@pytest.mark.parametrize(
    ("which", "expected"),
    [("all", ["hit", "miss", "404"]), ("misses", ["miss", "404"]), ("errors", ["404"]), ("none", [])],
)
def test_which_requests_are_logged_is_a_setting(which: str, expected: list[str]) -> None:
    found = [
        name
        for name, lines in (
            ("hit", written(cache="hit", access_log=which)),
            ("miss", written(access_log=which)),
            ("404", written(status=404, cache="none", access_log=which)),
            ("probe", written(b"/health", cache="none", access_log=which)),
        )
        if lines
    ]
    assert found == expected


def test_an_event_within_a_request_carries_its_id() -> None:
    record = logging.LogRecord("logistics_api.database.pool", logging.WARNING, __file__, 1, "lost %s\n!", ("it",), None)
    token = current_request_id.set("abc")
    try:
        found = json.loads(JsonFormatter().format(record))
        assert TextFormatter().format(record).endswith("[abc]")
    finally:
        current_request_id.reset(token)
    assert found["message"] == "lost it\n!"
    assert (found["level"], found["logger"], found["request_id"]) == ("warning", "logistics_api.database.pool", "abc")
    assert "request_id" not in json.loads(JsonFormatter().format(record))


def test_a_traceback_is_part_of_the_one_line() -> None:
    try:
        raise ValueError("broken")
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, __file__, 1, "failed", (), sys.exc_info())
    line = JsonFormatter().format(record)
    assert "\n" not in line
    assert "ValueError: broken" in json.loads(line)["exception"]
    assert TextFormatter().format(record).splitlines()[-1] == "ValueError: broken"


def test_a_log_that_cannot_be_written_keeps_nobody_from_being_answered() -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(28, "No space left on device")

    async def write() -> None:
        log = AccessLog(Settings(access_log="all"), Full())
        scope = {"method": "GET", "path": "/", "raw_path": b"/", "state": {"request_id": "a"}}
        log.write(scope, "/", 200, 0, 0, "none")
        log.flush()

    asyncio.run(write())


@pytest.mark.slow
def test_the_running_api_writes_json_from_its_first_line_to_its_last(
    database_url: str, wait_until: Callable[..., None], give_vega: Callable[[Path], None]
) -> None:
    give_vega(Path(os.environ["LOGISTICS_DATA_DIR"]))
    port = free_port()
    environment = os.environ | {
        "LOGISTICS_API_DATABASE_URL": "", "LOGISTICS_DATABASE_URL": database_url, "LOGISTICS_API_PORT": str(port),
        "LOGISTICS_LOG_FORMAT": "json", "LOGISTICS_ACCESS_LOG": "all",
    }  # fmt: skip
    del environment["LOGISTICS_API_DATABASE_URL"]
    process = subprocess.Popen(
        [sys.executable, "-m", "logistics_api"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )

    def answers() -> bool:
        try:
            return httpx2.get(f"http://127.0.0.1:{port}/health", trust_env=False, verify=False).is_success
        except httpx2.HTTPError:
            return False

    try:
        wait_until(answers, 60)
        url = f"http://127.0.0.1:{port}/api/nothing?key=lap_secret"
        httpx2.get(url, headers={"X-Request-ID": "trace-1", "X-API-Key": "lap_secret"}, trust_env=False, verify=False)
        httpx2.get(
            f"http://127.0.0.1:{port}/api/system/status",
            headers={"X-Request-ID": "trace-2"},
            trust_env=False,
            verify=False,
        )
    finally:
        process.terminate()
        output, log = process.communicate(timeout=30)
    assert output == ""
    lines = [json.loads(line) for line in log.splitlines()]
    assert "Serving on" in lines[0]["message"]
    of_requests = {line["request_id"]: line for line in lines if line["logger"] == "access"}
    assert (of_requests["trace-1"]["status"], of_requests["trace-1"]["principal"]) == (401, None)
    assert (of_requests["trace-2"]["status"], of_requests["trace-2"]["route"]) == (200, "/api/system/status")
    assert of_requests["trace-2"]["bytes"] > 100
    assert "lap_secret" not in log


def test_a_warning_that_fastapi_means_to_suppress_stays_out_of_the_log() -> None:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        TypeAdapter(Annotated[int, Field(alias="b")])
        assert told  # it is still given
        told.clear()
        ignore_known_warnings()
        TypeAdapter(Annotated[int, Field(alias="b")])
    assert told == []
