"""`python -m logistics_api` as a user starts it: it serves, stops when told, and says in one sentence why it cannot."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from logistics_api.__main__ import listen
from logistics_api.errors import ConfigurationError
from tests.ports import free_port

NOWHERE = "postgresql://me:secret@127.0.0.1:1/nothing"


@pytest.fixture(scope="module", autouse=True)
def _has_vega(give_vega: Callable[[Path], None]) -> None:
    give_vega(Path(os.environ["LOGISTICS_DATA_DIR"]))


def environment(**variables: object) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("LOGISTICS_")}
    clean["LOGISTICS_DATA_DIR"] = os.environ["LOGISTICS_DATA_DIR"]
    return clean | {f"LOGISTICS_{name.upper()}": str(value) for name, value in variables.items()}


def run(**variables: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "logistics_api"],
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@contextmanager
def running(log: Path, **variables: object) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "logistics_api"], env=environment(**variables), stderr=output, stdout=output
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def answers(port: int) -> bool:
    try:
        return httpx2.get(f"http://127.0.0.1:{port}/health", trust_env=False, verify=False).status_code == 200
    except httpx2.TransportError:
        return False


@pytest.mark.slow
def test_it_serves_until_it_is_told_to_stop(database_url: str, tmp_path: Path, wait_until: Callable[..., None]) -> None:
    port, log = free_port(), tmp_path / "log"
    with running(log, database_url=database_url, api_port=port) as process:
        wait_until(lambda: answers(port), 30)
        assert httpx2.get(f"http://127.0.0.1:{port}/ready", trust_env=False, verify=False).status_code == 200
        document = httpx2.get(f"http://127.0.0.1:{port}/openapi.json", trust_env=False, verify=False).json()
        assert "Problem" in document["components"]["schemas"]  # complete, although it was made in advance
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    assert f"Serving on http://127.0.0.1:{port}" in log.read_text()
    assert "Traceback" not in log.read_text()


@pytest.mark.slow
def test_a_database_that_is_away_is_logged_once_and_without_its_password(
    tmp_path: Path, wait_until: Callable[..., None]
) -> None:
    port, log = free_port(), tmp_path / "log"
    with running(log, database_url=NOWHERE, api_port=port, log_level="warning") as process:
        wait_until(lambda: answers(port), 30)
        for _ in range(3):
            assert httpx2.get(f"http://127.0.0.1:{port}/ready", trust_env=False, verify=False).status_code == 503
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    assert log.read_text().count("PostgreSQL cannot be reached") == 1
    assert len(log.read_text().splitlines()) < 6
    assert "secret" not in log.read_text()


def test_a_port_that_is_taken_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        result = run(database_url=NOWHERE, api_port=port)
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr == (
        f"The API cannot listen on 127.0.0.1:{port}: another program is using that port; "
        "stop it or set LOGISTICS_API_PORT to a free one.\n"
    )


def test_no_database_url_is_one_sentence() -> None:
    result = run()
    assert result.returncode == 1
    assert result.stdout == ""
    assert result.stderr == (
        "No database is configured: set LOGISTICS_API_DATABASE_URL or LOGISTICS_DATABASE_URL, "
        "or run `logistics up`, which starts one.\n"
    )


def test_a_setting_that_is_none_is_one_sentence() -> None:
    result = run(database_url=NOWHERE, api_port="abc")
    assert result.returncode == 1
    assert result.stderr.startswith("LOGISTICS_API_PORT is 'abc': ")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("host", ["192.0.2.1", "host.invalid"])
def test_an_address_of_elsewhere_cannot_be_listened_on(host: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"cannot listen on {host}:8000.*LOGISTICS_API_HOST"):
        listen(host, 8000)


def test_localhost_listens_where_clients_look_first() -> None:
    with listen("localhost", 0) as listener:
        assert listener.getsockname()[0] == "127.0.0.1"
