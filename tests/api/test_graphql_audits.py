"""The GraphQL over HTTP specification, as the audits of the npm package graphql-http test it."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.api.conftest import Serve

PACKAGES = "LOGISTICS_TEST_GRAPHQL_HTTP"
"""The folder with node_modules that holds graphql-http and graphql."""
SCRIPT = Path(__file__).parent.parent / "graphql_audits.mjs"


@pytest.fixture(scope="module")
def audits(new_database: Callable[[], AbstractContextManager[str]], serve: Serve) -> Iterator[list[dict[str, str]]]:
    packages, node = os.environ.get(PACKAGES), shutil.which("node")
    if packages is None:
        pytest.skip(f"{PACKAGES} does not say where graphql-http is")
    assert node is not None, f"{PACKAGES} is set, but node is not installed"
    with new_database() as url, serve(url) as api:
        address = f"{api.client.base_url}/graphql".replace("//graphql", "/graphql")
        command = [node, str(SCRIPT), packages, address]
        run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert run.returncode == 0, run.stderr
        yield [json.loads(line) for line in run.stdout.splitlines()]


def test_every_audit_passes(audits: list[dict[str, str]]) -> None:
    failed = [each for each in audits if each["status"] != "ok"]

    assert len(audits) >= 60
    assert failed == []
