"""Contracts through the API: what may be requested, who may, what the pipeline makes of it, and how it is told."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml

from logistics_core.settings import Settings
from logistics_pipeline import ledger
from logistics_pipeline.contracts.requests import serve_next_request
from logistics_pipeline.database.api_keys import create_key
from logistics_pipeline.database.connections import Connection, connect
from tests.contract_texts import FUEL, with_station

PROPOSALS = "/api/contracts/proposals"
HEADER = "payment,paid_on,litres\n"
CLEAR = HEADER + "".join(f"P-{number:03},2024-05-{1 + number % 28:02},{number}.5\n" for number in range(60))
AMBIGUOUS = HEADER + "".join(f"P-{number:03},0{1 + number % 9}/05/2024,{number}.5\n" for number in range(60))


class Site:
    """A running API, the raw folder, and the pipeline that serves requests when told to."""

    def __init__(self, api: Any, connection: Connection, settings: Settings) -> None:
        self.api, self.connection, self.settings = api, connection, settings

    def send(self, method: str, path: str, **more: Any) -> Any:
        response = self.api.client.request(method, path, **more)
        if not response.is_success:
            self.api.check_problem(response)
        return response

    def refused(self, status: int, kind: str, method: str, path: str, **more: Any) -> Any:
        response = self.send(method, path, **more)
        assert (response.status_code, response.json()["type"]) == (status, f"urn:logistics:problem:{kind}"), (
            response.text
        )
        return response.json()

    def ask(self, method: str, path: str, **more: Any) -> Any:
        """Makes a request, has it served, and returns its final state."""
        response = self.send(method, path, **more)
        assert response.status_code == 202, response.text
        body = response.json()
        assert response.headers["location"] == body["status_url"]
        assert (body["state"], body["is_final"]) == ("pending", False)
        assert self.api.request(body["status_url"]).headers["retry-after"] == "1"
        assert serve_next_request(self.connection, self.settings) is not None
        done = self.api.get(body["status_url"])
        assert done["is_final"]
        return done

    def file(self, path: str, content: str = CLEAR) -> str:
        target = self.settings.raw_dir / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content)
        return path

    def propose(self, path: str, content: str = CLEAR) -> Any:
        done = self.ask("POST", PROPOSALS, json={"path": self.file(path, content)})
        assert done["state"] == "done", done
        return self.api.get(done["proposal_url"])


@pytest.fixture
def make_site(serve: Any, database_url: str, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    with connect(database_url) as connection:
        (tmp_path / "raw").mkdir()

        def make(policy: str = "review", **more: Any) -> Any:
            context = serve(database_url, data_dir=tmp_path, contracts=policy, **more)
            return context, connection, Settings(database_url=database_url, data_dir=tmp_path, contracts=policy)

        yield make


@pytest.fixture
def site(make_site: Callable[..., Any]) -> Iterator[Site]:
    context, connection, settings = make_site()
    with context as api:
        yield Site(api, connection, settings)


def test_a_file_of_the_raw_folder_is_proposed_answered_and_accepted(site: Site) -> None:
    found = site.propose("fuel/2024-06.csv", AMBIGUOUS)

    assert (found["dataset"], found["kind"], found["state"], found["open_questions"] > 0) == (
        "fuel",
        "new",
        "open",
        True,
    )
    assert found["preview"]["titles"] == ["payment", "paid_on", "litres"]
    assert found["preview"]["rows"][0] == ["P-000", "01/05/2024", "0.5"]
    assert [each["name"] for each in found["columns"]] == ["payment", "paid_on", "litres"]
    assert yaml.safe_load(found["contract"])["name"] == "fuel"
    questions = found["questions"]
    question = questions[0]
    assert question["answer"] is None and len(question["answers"]) >= 2
    address = found["url"]
    site.refused(409, "proposal-incomplete", "POST", f"{address}/accept")

    wrong = site.ask("POST", f"{address}/answers", json={"answers": {question["id"]: "neither"}})
    assert wrong["state"] == "failed" and "Answer one of" in wrong["detail"]
    by_kind = {each["kind"]: each["answers"][0] for each in questions}
    assert site.ask("POST", f"{address}/answers", json={"by_kind": by_kind})["result"]["is_acceptable"]
    site.refused(422, "invalid-parameters", "POST", f"{address}/answers", json={"answers": {}})
    answered = site.api.get(address)
    assert (answered["open_questions"], answered["is_acceptable"]) == (0, True)
    assert answered["questions"][0]["answer"] == question["answers"][0]

    accepted = site.ask("POST", f"{address}/accept")
    assert accepted["state"] == "done", accepted
    assert (accepted["dataset"], accepted["proposal_id"]) == ("fuel", found["proposal_id"])
    ended = site.api.get(address)
    assert (ended["state"], ended["version"], ended["ended_by"]) == ("accepted", 1, "anonymous")
    assert ended["latest_request"]["request_id"] == accepted["request_id"]
    site.refused(409, "proposal-not-open", "POST", f"{address}/accept")
    contract = site.api.get("/api/contracts/fuel")
    assert (contract["version"], contract["is_built_in"], contract["accepted_by"]) == (1, False, "anonymous")
    assert contract["contract"] == answered["contract"] and len(contract["versions"]) == 1


def test_a_file_that_is_sent_is_stored_and_proposed(site: Site) -> None:
    response = site.send("POST", PROPOSALS, params={"filename": "2024-06.csv", "folder": "fuel"}, content=CLEAR)
    assert response.status_code == 202, response.text
    assert response.json()["path"] == "fuel/2024-06.csv"
    assert (site.settings.raw_dir / "fuel/2024-06.csv").read_text() == CLEAR
    assert serve_next_request(site.connection, site.settings) is not None
    done = site.api.get(response.json()["status_url"])
    assert (done["state"], done["dataset"]) == ("done", "fuel")
    assert site.api.get(done["proposal_url"])["is_acceptable"]

    named = site.ask("POST", f"{PROPOSALS}?filename=toll stations.csv", content=CLEAR)
    assert named["dataset"] == "toll_stations"


@pytest.mark.parametrize(
    ("status", "kind", "query", "headers", "content"),
    [
        (409, "known-dataset", {"filename": "a.csv", "folder": "shipments"}, {}, CLEAR),
        (409, "known-dataset", {"filename": "vehicles.csv"}, {}, CLEAR),
        (422, "empty-upload", {"filename": "a.csv"}, {}, ""),
        (415, "multipart-form", {"filename": "a.csv"}, {"content-type": "multipart/form-data; boundary=x"}, "x"),
        (415, "content-encoding", {"filename": "a.csv"}, {"content-encoding": "gzip"}, "x"),
        (422, "digest-mismatch", {"filename": "a.csv"}, {"x-checksum-sha256": "0" * 64}, CLEAR),
        (422, "invalid-parameters", {"filename": "../a.csv"}, {}, CLEAR),
        (422, "invalid-parameters", {"filename": "a.csv", "folder": "../x"}, {}, CLEAR),
        (422, "invalid-parameters", {"filename": "a.csv", "dataset": "x"}, {}, CLEAR),
        (422, "filename-missing", {"folder": "fuel"}, {}, CLEAR),
        (422, "invalid-body", {}, {}, CLEAR),
        (422, "invalid-body", {}, {}, b"\xff\xfe"),
        (422, "invalid-body", {}, {}, "[" * 100_000),
        (422, "invalid-body", {}, {}, '{"path": NaN}'),
        (413, "content-too-large", {}, {}, b" " * (1 << 21)),
        *(
            (422, "invalid-parameters", {}, {}, json.dumps(body))
            for body in ([], 1, {}, {"path": 1}, {"path": ""}, {"path": "a.csv", "other": 1}, {"path": "../a.csv"},
                         {"path": "/etc/passwd"}, {"path": ".uploads/x"}, {"path": "a\x00b"}, {"path": "a//b.csv"},
                         {"path": "a\\b.csv"}, {"path": "a.csv", "dataset": "No"})
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_proposed_is_refused_and_nothing_is_stored(
    site: Site, status: int, kind: str, query: Any, headers: Any, content: Any
) -> None:
    site.refused(status, kind, "POST", PROPOSALS, params=query, headers=headers, content=content)

    assert [path for path in site.settings.raw_dir.rglob("*") if path.is_file()] == []
    assert serve_next_request(site.connection, site.settings) is None


def test_a_file_that_is_not_there_or_not_readable_fails_in_a_sentence(site: Site) -> None:
    missing = site.ask("POST", PROPOSALS, json={"path": "fuel/none.csv"})
    assert (missing["state"], missing["result"]) == ("failed", None)
    assert "There is no file 'fuel/none.csv'" in missing["detail"]
    empty = site.ask("POST", PROPOSALS, json={"path": site.file("fuel/empty.csv", "")})
    assert empty["state"] == "failed" and empty["proposal_url"] is None


def test_an_edited_contract_takes_the_place_of_the_proposed_one(site: Site) -> None:
    address = site.propose("fuel/2024-06.csv", AMBIGUOUS)["url"]
    place = f"{address}/contract"
    unsafe = "name: !!python/object:os.system {}"
    for text in ("name: fuel", "a: [", "", unsafe, FUEL.replace("fuel\n", "../x\n", 1)):
        assert "contract" in site.refused(422, "invalid-contract", "PUT", place, content=text)["detail"].lower()
    site.refused(413, "content-too-large", "PUT", place, content=b"#" * (1 << 21))

    done = site.ask("PUT", place, content=FUEL)
    assert done["state"] == "done", done
    found = site.api.get(address)
    assert (found["contract"], found["is_edited"], found["is_acceptable"]) == (FUEL, True, True)
    refused = site.ask("POST", f"{address}/answers", json={"answers": {"a": "b"}})
    assert "was edited" in refused["detail"]


def test_a_proposal_is_dismissed_and_a_dataset_retired(site: Site) -> None:
    first = site.propose("tolls/a.csv")
    assert site.ask("POST", f"{first['url']}/dismiss")["state"] == "done"
    assert site.api.get(first["url"])["state"] == "dismissed"

    second = site.propose("fuel/a.csv")
    site.ask("POST", f"{second['url']}/accept")
    assert [each["dataset"] for each in site.api.get("/api/contracts")["datasets"]][-1] == "fuel"
    assert site.ask("POST", "/api/contracts/fuel/retire")["detail"].startswith("fuel is retired")
    assert site.api.get("/api/contracts/fuel")["retired_at"] is not None
    site.refused(409, "dataset-retired", "POST", "/api/contracts/fuel/retire")
    site.refused(409, "built-in-dataset", "POST", "/api/contracts/shipments/retire")


def test_a_proposal_says_why_it_waits_and_the_status_counts_those_that_do(site: Site) -> None:
    clear, asking = site.propose("fuel/a.csv"), site.propose("tolls/a.csv", AMBIGUOUS)
    assert clear["waits_because"] == "LOGISTICS_CONTRACTS is review: a person accepts every contract"
    assert asking["waits_because"] is None and asking["open_questions"] > 0
    assert site.api.get("/api/system/status")["open_proposals"] == 2
    site.ask("POST", f"{clear['url']}/accept")
    assert site.api.get(clear["url"])["waits_because"] is None
    assert site.api.get("/api/system/status")["open_proposals"] == 1


def test_the_list_is_filtered_and_paged(site: Site) -> None:
    addresses = [site.propose(f"{name}/a.csv")["url"] for name in ("one", "two", "three")]
    site.ask("POST", f"{addresses[1]}/dismiss")

    assert [each["url"] for each in site.api.get(PROPOSALS)["items"]] == addresses[::-1]
    assert [each["dataset"] for each in site.api.get(PROPOSALS, state="open")["items"]] == ["three", "one"]
    assert [each["dataset"] for each in site.api.get(PROPOSALS, dataset="two")["items"]] == ["two"]
    page, found = site.api.get(PROPOSALS, limit=2), []
    while True:
        found += [each["url"] for each in page["items"]]
        if page["next_cursor"] is None:
            break
        page = site.api.get(PROPOSALS, limit=2, cursor=page["next_cursor"])
    assert found == addresses[::-1]
    site.api.refused(404, PROPOSALS, cursor="nonsense")
    site.api.refused(422, PROPOSALS, state="other")


@pytest.mark.parametrize("format", ["datapackage", "odcs", "jsonschema"])
@pytest.mark.parametrize("dataset", ["shipments", "fuel"])
def test_a_contract_is_exported_in_the_formats_of_others(site: Site, dataset: str, format: str) -> None:
    site.ask("POST", f"{site.propose('fuel/a.csv')['url']}/accept")
    found = site.api.get(f"/api/contracts/{dataset}", **{"as": format})
    mark = {"datapackage": "resources", "odcs": "apiVersion", "jsonschema": "properties"}[format]
    assert mark in found["document"]
    plain = site.api.get(f"/api/contracts/{dataset}")
    assert plain["document"]["name"] == dataset
    site.api.refused(422, f"/api/contracts/{dataset}", **{"as": "other"})
    assert site.api.refused(404, f"/api/contracts/{dataset}", version=9)["type"].endswith("unknown-version")


def test_what_does_not_exist_is_named(site: Site) -> None:
    unknown = f"{PROPOSALS}/{uuid4()}"
    site.refused(404, "unknown-proposal", "GET", unknown)
    for action in ("accept", "dismiss", "dry-run"):
        site.refused(404, "unknown-proposal", "POST", f"{unknown}/{action}")
    site.refused(404, "unknown-proposal", "POST", f"{unknown}/answers", json={"answers": {"a": "b"}})
    site.refused(404, "unknown-proposal", "PUT", f"{unknown}/contract", content=FUEL)
    site.refused(422, "invalid-parameters", "GET", f"{PROPOSALS}/other")
    site.refused(404, "unknown-request", "GET", "/api/contracts/requests/99")
    site.refused(422, "invalid-parameters", "GET", "/api/contracts/requests/zero")
    site.refused(404, "unknown-dataset", "GET", "/api/contracts/other")
    site.refused(404, "unknown-dataset", "POST", "/api/contracts/other/retire")
    assert site.api.client.head("/api/contracts").status_code == 200
    refused = site.send("DELETE", PROPOSALS)
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD, POST")


def test_too_many_pending_requests_are_refused(site: Site) -> None:
    found = site.propose("fuel/a.csv")
    site.connection.execute(
        "INSERT INTO catalogue.requests (action, requested_by) SELECT 'propose', 'a key' FROM generate_series(1, 1000)"
    )
    for method, path, more in (
        ("POST", f"{found['url']}/accept", {}),
        ("POST", PROPOSALS, {"json": {"path": "fuel/b.csv"}}),
    ):
        site.refused(503, "too-many-requests-pending", method, path, **more)


def test_a_request_that_waits_long_says_what_may_be_missing(site: Site) -> None:
    made = site.send("POST", PROPOSALS, json={"path": "fuel/a.csv"}).json()
    assert made["detail"].startswith("Waits for the pipeline")
    site.connection.execute("UPDATE catalogue.requests SET requested_at = requested_at - interval '2 minutes'")
    assert "logistics contracts watch" in site.api.get(made["status_url"])["detail"]


def test_with_the_policy_auto_a_clear_file_is_accepted_by_itself(make_site: Callable[..., Any]) -> None:
    context, connection, settings = make_site("auto")
    with context as api:
        site = Site(api, connection, settings)
        done = site.ask("POST", PROPOSALS, json={"path": site.file("fuel/a.csv")})
        assert (done["result"]["state"], done["result"]["version"]) == ("accepted", 1)
        waiting = site.ask("POST", PROPOSALS, json={"path": site.file("tolls/a.csv", AMBIGUOUS)})
        assert waiting["result"]["state"] == "open"


def test_a_proposal_of_the_watch_for_the_same_file_keeps_its_answers(site: Site) -> None:
    path = site.file("fuel/a.csv", AMBIGUOUS)
    site.connection.execute(
        "INSERT INTO ingest.files (path, size_bytes, modified_ns, state) VALUES (%s, 1, 1, 'unrecognised')", (path,)
    )
    assert ledger.latest_file(site.connection, path) is not None
    first = site.ask("POST", PROPOSALS, json={"path": path})
    answers = {each["id"]: each["answers"][0] for each in site.api.get(first["proposal_url"])["questions"]}
    site.ask("POST", f"{first['proposal_url']}/answers", json={"answers": answers})
    again = site.ask("POST", PROPOSALS, json={"path": path})
    assert again["proposal_id"] == first["proposal_id"]
    assert site.api.get(first["proposal_url"])["is_acceptable"]


def test_an_unknown_action_and_an_error_of_the_program_end_the_request(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.connection.execute("INSERT INTO catalogue.requests (action, requested_by) VALUES ('explode', 'a key')")
    assert "There is no action 'explode'" in str(serve_next_request(site.connection, site.settings))
    found = site.propose("fuel/a.csv")

    def fail(*_: Any, **__: Any) -> Any:
        raise IndexError("list index out of range")

    monkeypatch.setattr("logistics_pipeline.contracts.requests.dismiss_proposal", fail)
    done = site.ask("POST", f"{found['url']}/dismiss")
    assert done["state"] == "failed" and "IndexError" not in done["detail"]
    assert serve_next_request(site.connection, site.settings) is None


READING = [
    ("GET", "/api/contracts"),
    ("GET", PROPOSALS),
    ("GET", f"{PROPOSALS}/{uuid4()}"),
    ("GET", "/api/contracts/x"),
]
DECIDING = [
    ("POST", f"{PROPOSALS}/{uuid4()}/accept"), ("POST", f"{PROPOSALS}/{uuid4()}/dismiss"),
    ("POST", f"{PROPOSALS}/{uuid4()}/answers"), ("PUT", f"{PROPOSALS}/{uuid4()}/contract"),
    ("POST", f"{PROPOSALS}/{uuid4()}/dry-run"), ("POST", "/api/contracts/fuel/retire"),
]  # fmt: skip


def test_deciding_needs_the_scope_contracts_proposing_needs_ingest_and_reading_read(
    make_site: Callable[..., Any],
) -> None:
    context, connection, settings = make_site(api_anonymous="none")
    keys = {scope: create_key(connection, scope, [scope])[0] for scope in ("read", "export", "ingest", "contracts")}
    needed = [(*each, "read") for each in READING] + [(*each, "contracts") for each in DECIDING]
    needed += [("POST", PROPOSALS, "ingest")]
    with context as api:
        site = Site(api, connection, settings)
        for method, path, scope in needed:
            assert site.send(method, path).status_code == 401
            for name, key in keys.items():
                status = site.send(method, path, headers={"x-api-key": key}).status_code
                assert (status != 403) == (name == scope), (method, path, name, status)
        for name in ("read", "ingest", "contracts"):
            assert site.send("GET", "/api/contracts/requests/1", headers={"x-api-key": keys[name]}).status_code == 404
        body = {"json": {"path": "fuel/a.csv"}, "headers": {"x-api-key": keys["ingest"]}}
        assert site.send("POST", PROPOSALS, **body).json()["requested_by"] == "ingest"


def test_a_version_is_shown_with_its_changes(site: Site) -> None:
    first = site.propose("fuel/a.csv")
    site.ask("PUT", f"{first['url']}/contract", content=FUEL)
    site.ask("POST", f"{first['url']}/accept")
    site.connection.execute(
        "INSERT INTO catalogue.proposals (path, dataset, kind, contract, document, created_by) "
        "VALUES ('fuel/b.csv', 'fuel', 'drift', %s, '{}', 'somebody')", (with_station(),)
    )  # fmt: skip
    (drift,) = site.api.get(PROPOSALS, state="open")["items"]
    assert drift["kind"] == "drift" and site.api.get(drift["url"])["columns"] == []
    done = site.ask("POST", f"{drift['url']}/accept")
    assert done["result"]["version"] == 2, done
    found = site.api.get("/api/contracts/fuel")
    assert [each["version"] for each in found["versions"]] == [2, 1]
    assert "station" in found["versions"][0]["changes"][0]
    old = site.api.get("/api/contracts/fuel", version=1)
    assert (old["version"], old["shown_version"], old["contract"]) == (2, 1, FUEL)


def test_a_dry_run_says_what_a_load_would_make_of_the_file_and_stores_nothing(site: Site) -> None:
    rows = ["P-1,2024-05-13,12.5", "P-2,2024-05-14,8", "P-2,2024-05-15,9", ",2024-05-16,1", "P-4,never,1", "P-5,,1"]
    path = site.file("fuel/a.csv", "payment,paid_on,litres\n" + "\n".join(rows) + "\n")
    made = site.ask("POST", PROPOSALS, json={"path": path})
    address = made["proposal_url"]
    site.ask("PUT", f"{address}/contract", content=FUEL)

    done = site.ask("POST", f"{address}/dry-run")

    assert done["state"] == "done", done
    found = done["result"]
    assert found["records"] == {"read": 6, "accepted": 3, "superseded": 1, "replaced": None, "rejected": 3}
    assert found["is_whole"] and found["error"] is None
    assert sum(cause["count"] for cause in found["rejects"]) == 3
    by_record = {line["record_no"]: cause["field"] for cause in found["rejects"] for line in cause["lines"]}
    assert by_record == {4: "payment", 5: "paid_on", 6: "paid_on"}
    assert site.api.get(address)["state"] == "open"
    assert site.connection.execute("SELECT to_regclass('raw.fuel')").fetchone() == (None,)

    site.file("fuel/a.csv", "station\nX\n")
    changed = site.ask("POST", f"{address}/dry-run")
    assert changed["result"]["records"]["accepted"] == 0
