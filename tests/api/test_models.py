"""Models by the API: versions and their history, how right they are, what is late or odd; jobs and the protocol V2."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from logistics_core.settings import Settings
from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.database.connections import connect
from logistics_pipeline.files.folder import RawFolder
from logistics_pipeline.loading.loader import load_file
from logistics_pipeline.loading.options import LoadOptions, load_options
from logistics_pipeline.models import registry
from logistics_pipeline.models.jobs import serve_next
from logistics_pipeline.models.updating import update_model
from tests.contract_texts import synced_catalogue
from tests.model_records import DELIVERIES, as_csv, deliveries, usual_hours

DAYS = 60
HOURS, PRICE = "deliveries.hours", "deliveries.price"


@dataclass(frozen=True)
class Site:
    url: str
    options: LoadOptions
    raw_dir: Path
    api: Any
    moments: dict[str, str]

    def load(self, name: str, records: list[dict[str, Any]]) -> None:
        path = self.raw_dir / name
        path.write_bytes(as_csv(records))
        found = RawFolder(self.raw_dir).look_at(path)
        assert found is not None
        load_file(self.url, replace(found, dataset="deliveries"), self.options)
        refresh(self.url)

    def update(self, *, trains: bool | None = None) -> None:
        for name in (HOURS, PRICE):
            update_model(self.url, name, settings=Settings(), trains=trains)


@pytest.fixture(scope="module")
def site(new_database: Callable[[], AbstractContextManager[str]], serve: Any, tmp_path_factory: Any) -> Iterator[Site]:
    """Sixty days of deliveries; two more that are finished, one with an odd price; two that are on their way."""
    data_dir = tmp_path_factory.mktemp("data")
    (data_dir / "contracts").mkdir()
    (data_dir / "raw").mkdir()
    (data_dir / "contracts" / "deliveries.yaml").write_text(DELIVERIES)
    with new_database() as url:
        catalogue = synced_catalogue(url, data_dir / "contracts")
        options = replace(load_options(Settings(database_url=url, data_dir=data_dir)), catalogue=catalogue)
        with serve(url, data_dir=data_dir) as api:
            found = Site(url, options, data_dir / "raw", api, {})
            found.moments["before"] = _now()
            found.load("deliveries-1.csv", deliveries(DAYS))
            found.update()
            found.moments["first"] = _now()
            finished = deliveries(2, start=DAYS)
            finished[0] = finished[0] | {"price": round(3 * finished[0]["price"], 2)}
            found.load("deliveries-2.csv", finished)
            found.load("deliveries-3.csv", deliveries(2, start=DAYS + 2, hours=None))
            found.update()
            found.update(trains=True)
            yield found


def _now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


def test_all_models_are_listed_with_their_record(site: Site) -> None:
    found = {each["model"]: each for each in site.api.get("/api/models")["models"]}
    assert set(found) == {HOURS, PRICE}
    hours = found[HOURS]
    assert (hours["champion"]["version"], hours["champion"]["state"]) == (2, "production")
    assert hours["champion"]["backtest"]["verdict"] == "equal"
    assert 0.8 <= hours["champion"]["backtest"]["overall"]["coverage_90"] <= 0.97
    assert (hours["tracked"]["predictions"], hours["tracked"]["ahead"], hours["open"]) == (24, 0, 24)
    assert 0.5 <= hours["tracked"]["coverage_90"] <= 1
    assert found[PRICE]["odd"] == 1


def test_a_version_has_a_card_with_its_inputs(site: Site) -> None:
    card = site.api.get(f"/api/models/{HOURS}/versions/1")
    assert card["state"] == "archived"
    assert card["card"]["purpose"].startswith("How long deliveries take")
    inputs = {each["name"]: each for each in card["inputs"]}
    assert inputs["weight"]["unit"] == "kg"
    assert inputs["weight"]["range"][0] > 0
    assert inputs["promised"]["role"] == "promise"
    assert card["outputs"]["probabilities"][3] == 0.5
    assert site.api.refused(404, f"/api/models/{HOURS}/versions/99")["detail"].startswith(
        "The model deliveries.hours has"
    )
    site.api.refused(404, "/api/models/deliveries.nothing")
    site.api.refused(422, "/api/models/Nothing")


def test_which_version_was_in_production_when(site: Site) -> None:
    history = site.api.get(f"/api/models/{HOURS}/history")
    assert history["in_production"] == 2
    assert [each["to_state"] for each in history["transitions"]] == [
        "archived", "production", "staging", "production", "staging",
    ]  # fmt: skip
    production = next(each for each in history["transitions"] if each["to_state"] == "production")
    assert production["backtest_id"] is not None
    assert production["author"] == "pipeline"
    then = site.api.get(f"/api/models/{HOURS}/history", at=site.moments["first"])
    assert (then["in_production"], len(then["transitions"])) == (1, 2)
    before = site.api.get(f"/api/models/{HOURS}/history", at=site.moments["before"])
    assert (before["in_production"], before["transitions"]) == (None, [])
    site.api.refused(422, f"/api/models/{HOURS}/history", at="yesterday")


def test_the_riskiest_of_what_is_on_its_way_come_first(site: Site) -> None:
    found = site.api.get(f"/api/models/{HOURS}/predictions")
    assert found["total"] == 24
    risks = [each["late_risk"] for each in found["predictions"]]
    assert risks == sorted(risks, reverse=True)
    for each in found["predictions"]:
        inputs = each["inputs"]
        usual = usual_hours(inputs["from"], inputs["to"])
        assert float(each["promise"]) == pytest.approx(1.2 * usual, abs=0.01)
        assert float(each["quantiles"][3]) == pytest.approx(usual, rel=0.25)
        assert each["actual"] is None
    risky = site.api.get(f"/api/models/{HOURS}/predictions", least_risk=str(risks[3]))
    assert 4 <= risky["total"] <= 24
    scored = site.api.get(f"/api/models/{HOURS}/predictions", open="false", limit=5)
    assert (scored["total"], len(scored["predictions"])) == (24, 5)
    assert all(each["actual"] > 0 for each in scored["predictions"])


def test_accuracy_by_week(site: Site) -> None:
    found = site.api.get(f"/api/models/{HOURS}/accuracy")
    assert found["tracked"]["predictions"] == sum(each["predictions"] for each in found["weeks"]) == 24


def test_odd_values_have_their_reason(site: Site) -> None:
    found = site.api.get(f"/api/models/{PRICE}/odd")
    (odd,) = found["odd_values"]
    assert (odd["subject"], odd["key"]) == ("record", [f"D{DAYS}-0"])
    assert float(odd["effect"]) == pytest.approx(3, rel=0.25)
    assert "times more than the" in odd["reason"]


def test_graphql_answers_the_same(site: Site) -> None:
    document = """{
      models { model champion { version } tracked { predictions coverage90 } }
      modelHistory(model: "deliveries.hours", at: "%s") { inProduction transitions { version toState } }
      modelPredictions(model: "deliveries.hours", limit: 3) { total predictions { key lateRisk } }
      oddValues(model: "deliveries.price") { oddValues { reason } }
    }"""
    answer = site.api.client.post("/graphql", json={"query": document % site.moments["first"]}).json()
    found = answer["data"]
    assert [each["model"] for each in found["models"]] == [HOURS, PRICE]
    assert found["modelHistory"]["inProduction"] == 1
    rest = site.api.get(f"/api/models/{HOURS}/predictions", limit=3)
    assert [each["key"] for each in found["modelPredictions"]["predictions"]] == [
        each["key"] for each in rest["predictions"]
    ]
    assert "usual deviations" in found["oddValues"]["oddValues"][0]["reason"]


def test_a_rollback_is_seen_at_once(site: Site) -> None:
    with connect(site.url) as connection:
        registry.roll_back(connection, PRICE, "Ada", "Too many findings")
    found = site.api.get(f"/api/models/{PRICE}")
    assert found["model"]["champion"]["version"] == 1
    assert found["model"]["is_held"]
    assert [each["state"] for each in found["versions"]] == ["archived", "production"]


# -- jobs ------------------------------------------------------------------------------------------------------------

ROUTE = {"from": "Aachen", "to": "Bonn", "promised": 14}


def test_a_job_is_accepted_served_and_answered(site: Site) -> None:
    made = site.api.client.post(f"/api/models/{HOURS}/jobs", json={"rows": [ROUTE, {"from": "Aachen"}] * 3})
    assert made.status_code == 202
    job = made.json()
    assert made.headers["Location"] == job["status_url"]
    assert (job["state"], job["is_final"], job["result_url"], job["version"]) == ("queued", False, None, None)
    status = site.api.client.get(job["status_url"])
    assert status.headers["Retry-After"] == "1"
    waiting = site.api.client.get(f"{job['status_url']}/result")
    assert (waiting.status_code, waiting.json()["type"]) == (409, "urn:logistics:problem:job-not-done")
    with connect(site.url) as connection:
        assert serve_next(connection)
    done = site.api.client.get(job["status_url"])
    assert "Retry-After" not in done.headers
    assert (done.json()["state"], done.json()["rows_done"], done.json()["version"]) == ("done", 6, 2)
    found = site.api.client.get(done.json()["result_url"], params={"first": 2, "limit": 2}).json()
    assert (found["rows"], found["first"], len(found["results"])) == (6, 2, 2)
    assert found["results"][0]["quantiles"][3] == pytest.approx(usual_hours("Aachen", "Bonn"), rel=0.2)
    assert found["results"][0]["promise"] == 14
    assert found["results"][1] == {"error": "to: it is missing. Expected: its value, or null."}


def test_a_job_is_asked_for_once_by_its_idempotency_key(site: Site) -> None:
    headers = {"Idempotency-Key": "monday"}
    made = [
        site.api.client.post(f"/api/models/{HOURS}/jobs", json={"rows": [ROUTE]}, headers=headers).json()["job_id"]
        for _ in range(2)
    ]
    assert made[0] == made[1]
    cancelled = site.api.client.delete(f"/api/models/{HOURS}/jobs/{made[0]}")
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    again = site.api.client.delete(f"/api/models/{HOURS}/jobs/{made[0]}")
    assert again.status_code == 200  # it is what was asked for


def test_an_idempotency_key_with_other_rows_is_refused_and_makes_no_job(site: Site) -> None:
    def ask(rows: list[dict[str, Any]], **others: Any) -> Any:
        body = {"rows": rows} | others
        return site.api.client.post(f"/api/models/{HOURS}/jobs", json=body, headers={"Idempotency-Key": "tuesday"})

    first = ask([ROUTE])
    for other in (ask([ROUTE, ROUTE]), ask([ROUTE | {"from": "Dresden"}]), ask([ROUTE], version=1)):
        assert (other.status_code, other.json()["type"].rpartition(":")[2]) == (422, "idempotency-key-reused")
        assert first.json()["job_id"] in other.json()["detail"]
    assert ask([dict(reversed(ROUTE.items()))]).json()["job_id"] == first.json()["job_id"]
    site.api.client.delete(f"/api/models/{HOURS}/jobs/{first.json()['job_id']}")


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("1e999", "the number 1e999 is beyond those that can be used"),
        ("-1e400", "the number -1e400 is beyond"),
        ("1" + "0" * 5_000, "a whole number has 5,001 digits"),
        ("[" * 5_000 + "]" * 5_000, "nested too deeply"),
        ("NaN", "NaN is no JSON"),
    ],
)
@pytest.mark.parametrize("address", [f"/api/models/{HOURS}/jobs", f"/v2/models/{HOURS}/infer"])
def test_values_that_no_model_can_read_are_refused_in_plain_words(
    site: Site, address: str, value: str, says: str
) -> None:
    found = site.api.client.post(address, content=f'{{"rows": [{{"from": {value}}}]}}')
    assert found.status_code == 422
    assert says in found.json()["detail"]
    assert "set_int_max_str_digits" not in found.text


@pytest.mark.parametrize(
    ("model", "body", "status"),
    [
        (HOURS, {"rows": []}, 422),
        (HOURS, {"rows": [1]}, 422),
        (HOURS, {"rows": [ROUTE], "other": 1}, 422),
        (HOURS, {"rows": [ROUTE], "version": 99}, 404),
        ("deliveries.nothing", {"rows": [ROUTE]}, 404),
    ],
)
def test_jobs_that_make_no_sense_are_refused(site: Site, model: str, body: Any, status: int) -> None:
    assert site.api.client.post(f"/api/models/{model}/jobs", json=body).status_code == status


def test_a_job_of_another_model_is_unknown(site: Site) -> None:
    made = site.api.client.post(f"/api/models/{HOURS}/jobs", json={"rows": [ROUTE]}).json()
    for method in ("get", "delete"):
        found = getattr(site.api.client, method)(f"/api/models/{PRICE}/jobs/{made['job_id']}")
        assert found.status_code == 404
    assert site.api.client.delete(made["status_url"]).status_code == 200


# -- the Open Inference Protocol ---------------------------------------------------------------------------------------


def tensors(**columns: list[Any]) -> list[dict[str, Any]]:
    return [
        {
            "name": name.rstrip("_"),
            "shape": [len(values)],
            "datatype": "BYTES" if isinstance(values[0], str) else "FP64",
            "data": values,
        }
        for name, values in columns.items()
    ]


def test_the_server_and_the_model_say_what_they_are(site: Site) -> None:
    assert site.api.get("/v2/health/live") == {"live": True}
    assert site.api.get("/v2/health/ready") == {"ready": True}
    assert site.api.get("/v2")["name"] == "logistics"
    assert site.api.get(f"/v2/models/{HOURS}/ready") == {"ready": True}
    found = site.api.get(f"/v2/models/{HOURS}")
    assert [each["name"] for each in found["inputs"]] == ["from", "to", "weight", "promised"]
    assert found["outputs"][0] == {"name": "quantiles", "datatype": "FP64", "shape": [-1, 7]}
    assert site.api.get(f"/v2/models/{HOURS}/versions/1")["versions"] == ["1"]
    site.api.refused(404, f"/v2/models/{HOURS}/versions/99")
    site.api.refused(404, "/v2/models/deliveries.nothing")


def test_predictions_at_once_are_those_of_jobs(site: Site) -> None:
    body = {"id": "mine", "inputs": tensors(from_=["Aachen", "Celle"], to_=["Bonn", "Bonn"], promised=[14.0, None])}
    found = site.api.client.post(f"/v2/models/{HOURS}/infer", json=body).json()
    assert (found["model_name"], found["model_version"], found["id"]) == (HOURS, "2", "mine")
    outputs = {each["name"]: each for each in found["outputs"]}
    assert outputs["quantiles"]["shape"] == [2, 7]
    assert len(outputs["quantiles"]["data"]) == 14
    assert outputs["quantiles"]["data"][3] == pytest.approx(usual_hours("Aachen", "Bonn"), rel=0.2)
    assert outputs["promise"]["data"] == [14, None]
    assert outputs["late_risk"]["data"][1] is None
    only = site.api.client.post(
        f"/v2/models/{HOURS}/versions/1/infer", json=body | {"outputs": [{"name": "late_risk"}]}
    )
    assert [each["name"] for each in only.json()["outputs"]] == ["late_risk"]
    assert only.json()["model_version"] == "1"


def test_odd_values_at_once(site: Site) -> None:
    inputs = tensors(from_=["Aachen"] * 2, to_=["Bonn"] * 2, weight=[100.0] * 2, price=[22.0, 90.0])
    found = site.api.client.post(f"/v2/models/{PRICE}/infer", json={"inputs": inputs}).json()
    outputs = {each["name"]: each["data"] for each in found["outputs"]}
    assert outputs["is_odd"] == [False, True]
    assert outputs["expected"] == pytest.approx([22, 22], rel=0.15)


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        (tensors(from_=["Aachen"]), "to: it is missing"),
        (tensors(from_=["Aachen"], to_=["Bonn", "Celle"]), "Input to: expected 1 values"),
        ([*tensors(from_=["Aachen"], to_=["Bonn"]), *tensors(to_=["Bonn"])], "Input to: expected each input once"),
        ([{"name": "from", "shape": [1], "datatype": "BYTES", "data": [5]}], "values of the datatype BYTES"),
        ([{"name": "from", "shape": [1], "datatype": "FP64", "data": [True]}], "values of the datatype FP64"),
        ([{"name": "from", "shape": [1], "datatype": "INT64", "data": [1.5]}], "values of the datatype INT64"),
        ([{"name": "from", "shape": [1], "datatype": "INT64", "data": [True]}], "values of the datatype INT64"),
        ([{"name": "from", "shape": [1], "datatype": "INT32", "data": [2**31]}], "values of the datatype INT32"),
        ([], "inputs"),
        (tensors(from_=["Aachen"] * 10_001, to_=["Bonn"] * 10_001), "shape"),
    ],
)
def test_wrong_tensors_are_refused_by_name(site: Site, inputs: Any, says: str) -> None:
    refused = site.api.client.post(f"/v2/models/{HOURS}/infer", json={"inputs": inputs})
    assert refused.status_code == 422
    assert says in refused.text


def test_a_changed_artefact_answers_nothing(site: Site) -> None:
    """Last: what is changed stays so. Version 2 of prices was not read by the API before."""
    with connect(site.url) as connection:
        connection.execute("ALTER TABLE models.artefacts DROP CONSTRAINT artefacts_sha256_of_content")
        connection.execute("ALTER TABLE models.artefacts DISABLE TRIGGER USER")
        connection.execute("UPDATE models.artefacts SET content = content || ' '::bytea")
    refused = site.api.client.get(f"/v2/models/{PRICE}/versions/2")
    assert (refused.status_code, refused.json()["type"]) == (500, "urn:logistics:problem:damaged-model")
