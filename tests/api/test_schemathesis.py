"""Schemathesis over the whole OpenAPI, and its links: what is declared is what the running API does, whatever is asked.

Examples, the edges of every schema, random questions and chains of them, against a database that files were loaded
into; `schemathesis.toml` says how many. Every run is the same: what fails here fails again.
"""

import json
import os
import subprocess
import sysconfig
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from logistics_api.documentation.links import LINKS, PAGES
from logistics_core.settings import ContractPolicy, Settings
from logistics_pipeline.contracts.accepting import accept_contract
from logistics_pipeline.contracts.requests import serve_next_request
from logistics_pipeline.contracts.texts import contract_of_text
from logistics_pipeline.database.connections import connect
from logistics_pipeline.database.contracts import catalogue_in_force
from logistics_pipeline.files.folder import RawFolder
from logistics_pipeline.loading.loader import load_file
from tests.api.test_contracts import CLEAR
from tests.api.world import load_world, world_options
from tests.checkout import PROJECT_ROOT
from tests.contract_texts import FUEL, payment
from tests.people import sign_in

SCHEMATHESIS = Path(sysconfig.get_path("scripts")) / "schemathesis"
CONFIG = Path(__file__).with_name("schemathesis.toml")
RETIRABLE = "wood"  # a dataset that is not built in; named as the hooks name it
SPAN = {"start": "2024-01-01", "end": "2024-02-29"}
NEEDED: dict[str, Any] = {"read_vehicle_metrics": SPAN, "read_route_matrix": SPAN}


@pytest.fixture(scope="module")
def shared(serve: Any, new_database: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The API over a database that files were loaded into, for clients that may ask as often as they like."""
    raw_dir = tmp_path_factory.mktemp("world") / "data" / "raw"
    with new_database() as url:
        load_world(url, raw_dir)
        load_another_dataset(url, raw_dir)
        with connect(url) as connection:
            _, token = sign_in(connection)
        with serve(url, data_dir=raw_dir.parent, api_rate=0, default_role="viewer") as api:
            propose(api, url, raw_dir)
            api.session = token
            yield api


def load_another_dataset(url: str, raw_dir: Path) -> None:
    """A dataset that can be retired, with a file."""
    with connect(url) as connection:
        contract = contract_of_text(FUEL.replace("fuel", RETIRABLE) + "history: true\n", "the test")
        accept_contract(connection, contract, accepted_by="the test")
        catalogue = catalogue_in_force(connection)
    path = raw_dir / RETIRABLE / "2024-05.json"
    path.parent.mkdir()
    path.write_text(json.dumps([payment(number) for number in range(9)]))
    found = RawFolder(raw_dir, catalogue).look_at(path)
    assert found is not None
    load_file(url, found, replace(world_options(raw_dir), catalogue=catalogue))


def propose(api: Any, url: str, raw_dir: Path) -> None:
    """Has a contract proposed that could be accepted as it is. Later requests wait: nobody serves them."""
    (raw_dir / "fuel").mkdir()
    (raw_dir / "fuel" / "2024-06.csv").write_text(CLEAR)
    assert api.client.post("/api/contracts/proposals", json={"path": "fuel/2024-06.csv"}).status_code == 202
    with connect(url) as connection:
        settings = Settings(database_url=url, data_dir=raw_dir.parent, contracts=ContractPolicy.REVIEW)
        assert serve_next_request(connection, settings) is not None
    (summary,) = api.get("/api/contracts/proposals")["items"]
    assert api.get(summary["url"])["is_acceptable"], summary


@pytest.fixture(scope="module")
def document(shared: Any) -> Any:
    return shared.get("/openapi.json")


@pytest.mark.slow
def test_whatever_is_asked_the_answer_is_one_the_openapi_declares(shared: Any, document: Any, tmp_path: Path) -> None:
    operations = sum(len(item) for item in document["paths"].values())
    url = f"{shared.client.base_url}/openapi.json"
    proposal_id = shared.get("/api/contracts/proposals")["items"][0]["proposal_id"]
    variables = {"PYTHONPATH": str(PROJECT_ROOT), "COLUMNS": "200"}
    variables |= {"PROPOSAL_ID": proposal_id, "SESSION": shared.session, "API_URL": str(shared.client.base_url)}
    done = subprocess.run(
        [SCHEMATHESIS, "--config-file", CONFIG, "run", url],
        cwd=tmp_path,
        env=os.environ | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout
    assert f"{operations - 1} selected / {operations} total" in done.stdout  # the events have tests of their own


def test_every_link_leads_to_an_answer(shared: Any, document: Any) -> None:
    operations = {
        each["operationId"]: (path, each) for path, item in document["paths"].items() for each in item.values()
    }
    for name in LINKS.keys() - {"upload_file"}:
        path, operation = operations[name]
        answer = shared.get(path, **NEEDED.get(name, {}))
        for link in operation["responses"]["200"]["links"].values():
            if link["operationId"] == name:
                continue
            target = operations[link["operationId"]][0]
            given = {each: follow(value, NEEDED.get(name, {}), answer) for each, value in link["parameters"].items()}
            for each in list(given):
                if f"{{{each}}}" in target:
                    target = target.replace(f"{{{each}}}", quote(str(given.pop(each)), safe=""))
            assert shared.request(target, **given).status_code == 200, (name, target, given)


@pytest.mark.parametrize("name", sorted(PAGES))
def test_the_link_to_the_next_page_leads_through_all_of_them(shared: Any, document: Any, name: str) -> None:
    path, operation = next(
        (path, item["get"])
        for path, item in document["paths"].items()
        if item.get("get", {}).get("operationId") == name
    )
    link = operation["responses"]["200"]["links"]["next_page"]
    assert link["operationId"] == name
    path = path.replace("{file_id}", "6")
    whole, asked, pieces = shared.get(path, limit=1000), {"limit": 2}, []
    entries = "items" if "items" in whole else "data"
    while True:
        page = shared.get(path, **asked)
        pieces += page[entries]
        found = {each: follow(value, asked, page) for each, value in link["parameters"].items() if "path" not in each}
        asked = {each.removeprefix("query."): value for each, value in found.items() if value is not None}
        if page["next_cursor"] is None:
            break
    assert pieces == whole[entries] and len(pieces) > 3


def follow(expression: str, query: dict[str, Any], answer: Any) -> Any:
    """The value of an expression of OpenAPI links; None where there is none."""
    if expression.startswith("$request.query."):
        return query.get(expression.removeprefix("$request.query."))
    value = answer
    for step in expression.removeprefix("$response.body#/").split("/"):
        value = value[int(step)] if isinstance(value, list) else value[step]
    return value
