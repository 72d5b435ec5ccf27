"""Schemathesis over the whole OpenAPI, and its links: what is declared is what the running API does, whatever is asked.

Examples, the edges of every schema, random questions and chains of them, against a database that files were loaded
into; `schemathesis.toml` says how many. Every run is the same: what fails here fails again.
"""

import os
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from logistics_api.documentation.links import LINKS, PAGES
from logistics_settings import PROJECT_ROOT
from tests.api.world import load_world

SCHEMATHESIS = Path(sysconfig.get_path("scripts")) / "schemathesis"
CONFIG = Path(__file__).with_name("schemathesis.toml")
SPAN = {"start": "2024-01-01", "end": "2024-02-29"}
NEEDED: dict[str, Any] = {"read_vehicle_metrics": SPAN, "read_route_matrix": SPAN}


@pytest.fixture(scope="module")
def shared(serve: Any, new_database: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The API over a database that files were loaded into, for clients that may ask as often as they like."""
    raw_dir = tmp_path_factory.mktemp("world") / "data" / "raw"
    with new_database() as url:
        load_world(url, raw_dir)
        with serve(url, data_dir=raw_dir.parent, api_rate=0) as api:
            yield api


@pytest.fixture(scope="module")
def document(shared: Any) -> Any:
    return shared.get("/openapi.json")


def test_whatever_is_asked_the_answer_is_one_the_openapi_declares(shared: Any, tmp_path: Path) -> None:
    url = f"{shared.client.base_url}/openapi.json"
    done = subprocess.run(
        [SCHEMATHESIS, "--config-file", CONFIG, "run", url],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(PROJECT_ROOT), "COLUMNS": "200"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout
    assert "38 selected / 39 total" in done.stdout, "an operation was not asked: only the events have a test of their own"
