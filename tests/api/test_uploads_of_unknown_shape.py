"""Uploads that no dataset knows by their name: a contract is proposed, and they are loaded once it is accepted."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from logistics_core.settings import ContractPolicy, Settings
from logistics_pipeline import ledger
from logistics_pipeline.contracts.requests import serve_next_request
from logistics_pipeline.database.api_keys import create_key
from logistics_pipeline.database.connections import connect
from logistics_pipeline.database.contracts import catalogue_in_force
from logistics_pipeline.files.folder import RawFolder
from tests.api.test_contracts import AMBIGUOUS, CLEAR, Site
from tests.api.test_uploads import UPLOADS


@pytest.fixture
def make_site(serve: Any, database_url: str, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Serves an installation under a policy; keywords are settings."""
    (tmp_path / "raw").mkdir()
    with connect(database_url) as connection, ExitStack() as stack:

        def make(policy: ContractPolicy = ContractPolicy.REVIEW, **more: Any) -> Site:
            api = stack.enter_context(serve(database_url, data_dir=tmp_path, contracts=policy, **more))
            settings = Settings(database_url=database_url, data_dir=tmp_path, contracts=policy)
            return Site(api, connection, settings)

        yield make


@pytest.fixture
def site(make_site: Callable[..., Any]) -> Any:
    return make_site()


def upload(site: Site, content: str = CLEAR, status: int = 202, **query: Any) -> Any:
    response = site.send("POST", UPLOADS, params=query, content=content)
    assert response.status_code == status, response.text
    assert response.headers["location"] == f"{UPLOADS}/{response.json()['upload_id']}"
    return response.json()


def state(site: Site, sent: Any) -> Any:
    found = site.api.get(f"{UPLOADS}/{sent['upload_id']}")
    assert found["upload_id"] == sent["upload_id"]
    return found


def register(site: Site, path: str) -> None:
    """Does what the sensor does with a file that it finds."""
    folder = RawFolder(site.settings.raw_dir, catalogue_in_force(site.connection))
    found = folder.look_at(site.settings.raw_dir / path)
    assert found is not None
    ledger.register(site.connection, found)


def test_the_answer_leads_to_the_proposal_which_leads_to_the_load(site: Site) -> None:
    sent = upload(site, AMBIGUOUS, folder="fuel", filename="2024-06.csv")

    assert (sent["path"], sent["dataset"], sent["state"], sent["is_final"]) == (
        "fuel/2024-06.csv", None, "waiting", False,
    )  # fmt: skip
    assert (site.settings.raw_dir / sent["path"]).read_text() == AMBIGUOUS
    request = site.api.get(sent["proposal_request_url"])
    assert (request["action"], request["path"], request["state"]) == ("propose", sent["path"], "pending")
    assert sent["proposal_url"] is None and "a contract is to be proposed" in sent["detail"]

    register(site, sent["path"])
    assert (state(site, sent)["state"], state(site, sent)["is_final"]) == ("unrecognised", False)
    assert serve_next_request(site.connection, site.settings) is not None
    proposed = state(site, sent)
    assert (proposed["state"], proposed["is_final"]) == ("unrecognised", True)
    assert proposed["detail"] == "A contract of fuel is proposed: 1 question is open."
    proposal = site.api.get(proposed["proposal_url"])
    assert (proposal["dataset"], proposal["open_questions"]) == ("fuel", 1)

    (question,) = proposal["questions"]
    site.ask("POST", f"{proposal['url']}/answers", json={"answers": {question["id"]: question["answers"][0]}})
    assert site.ask("POST", f"{proposal['url']}/accept")["state"] == "done"
    accepted = state(site, sent)
    assert (accepted["dataset"], accepted["state"], accepted["is_final"]) == ("fuel", "registered", False)


def test_without_a_folder_the_file_gives_the_name(site: Site) -> None:
    sent = upload(site, filename="Toll Stations (2024).csv")
    assert sent["path"] == "Toll Stations (2024).csv"
    assert serve_next_request(site.connection, site.settings) is not None
    assert site.api.get(state(site, sent)["proposal_url"])["dataset"] == "toll_stations"


def test_the_same_file_again_leads_to_the_same_proposal(site: Site) -> None:
    first = upload(site, folder="fuel", filename="a.csv")
    serve_next_request(site.connection, site.settings)
    register(site, first["path"])
    again = upload(site, folder="fuel", filename="a.csv", status=200)
    serve_next_request(site.connection, site.settings)
    assert state(site, again)["proposal_url"] == state(site, first)["proposal_url"]
    response = site.refused(
        409, "file-exists", "POST", UPLOADS, params={"folder": "fuel", "filename": "a.csv"}, content="x"
    )
    assert "The folder fuel has" in response["detail"]


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ({"filename": "shipments-2024.csv"}, "shipments/shipments-2024.csv"),
        ({"folder": "shipments", "filename": "a.csv"}, "shipments/a.csv"),
        ({"folder": "from_berlin", "filename": "shipments.csv"}, "from_berlin/shipments.csv"),
    ],
)
def test_a_name_that_a_dataset_has_needs_no_proposal(site: Site, query: dict[str, Any], path: str) -> None:
    sent = upload(site, "shipment_id\nS-1\n", **query)
    assert (sent["path"], sent["dataset"]) == (path, "shipments")
    assert (sent["proposal_request_url"], sent["proposal_url"]) == (None, None)
    register(site, path)
    assert (state(site, sent)["dataset"], state(site, sent)["state"]) == ("shipments", "registered")


def test_years_in_names_are_no_misspelling(site: Site) -> None:
    site.propose("sales_2023/a.csv")
    (proposal,) = site.api.get("/api/contracts/proposals")["items"]
    assert site.ask("POST", f"{proposal['url']}/accept")["state"] == "done"
    assert proposal["dataset"] in catalogue_in_force(site.connection)
    assert upload(site, folder="sales_2024", filename="a.csv")["proposal_request_url"] is not None


def test_a_file_without_records_ends_with_the_reason(site: Site) -> None:
    sent = upload(site, "{", filename="broken.json")
    register(site, sent["path"])
    serve_next_request(site.connection, site.settings)
    ended = state(site, sent)
    assert (ended["state"], ended["is_final"], ended["proposal_url"]) == ("unrecognised", True, None)
    assert ended["detail"] == site.api.get(sent["proposal_request_url"])["detail"] and "record 1" in ended["detail"]


def test_with_the_policy_auto_a_clear_file_is_registered_for_its_dataset(make_site: Callable[..., Any]) -> None:
    site = make_site(ContractPolicy.AUTO)
    sent = upload(site, folder="fuel", filename="a.csv")
    register(site, sent["path"])
    assert serve_next_request(site.connection, site.settings) is not None
    assert (state(site, sent)["dataset"], state(site, sent)["state"]) == ("fuel", "registered")


def test_the_scope_ingest_uploads_files_of_any_shape_and_no_other_does(
    make_site: Callable[..., Any], wait_until: Callable[..., None]
) -> None:
    site = make_site(api_anonymous="none")
    scopes = ("read", "export", "ingest", "contracts")
    keys = {scope: create_key(site.connection, scope, [scope])[0] for scope in scopes}
    for name, key in keys.items():
        headers = {"x-api-key": key}
        wait_until(lambda headers=headers: site.send("GET", "/api/datasets", headers=headers).status_code != 401)
        query = {"folder": "fuel", "filename": "a.csv"}
        response = site.send("POST", UPLOADS, params=query, content=CLEAR, headers={"x-api-key": key})
        assert response.status_code == (202 if name == "ingest" else 403), name
    request = site.send("GET", "/api/contracts/requests/1", headers={"x-api-key": keys["ingest"]})
    assert (request.status_code, request.json()["requested_by"]) == (200, "ingest")
