"""`logistics sources add`: what is written for an address, that it pulls, and that it holds no secret."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from logistics_core.catalogue import built_in_catalogue
from logistics_core.zstd import decompress
from logistics_pipeline.cli import app
from logistics_pipeline.errors import PipelineError
from logistics_pipeline.sources.definitions.reading import read_definition
from logistics_pipeline.sources.ledger.pulls import PullState
from logistics_pipeline.sources.proposing.adding import NewSource, propose_source
from tests.sources.servers.documented import APIS, easypost, fleetio, geotab, webfleet
from tests.sources.servers.fleet import Fleet, fleet_of
from tests.sources.servers.fleet_api import FleetApi
from tests.sources.servers.http import ApiServer, json_response
from tests.sources.site import Site
from tests.sources.test_proposing import CASES, FEED, lively_fleet

Add = Callable[..., str]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LOGISTICS_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr("logistics_pipeline.sources.proposing.adding._PAUSE_SECONDS", 0.0)
    return tmp_path / "data"


@pytest.fixture
def add(folder: Path) -> Add:
    def run(address: str, *options: str) -> str:
        result = CliRunner().invoke(app, ["sources", "add", address, "--private", *options])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.output

    return run


def written(folder: Path, name: str) -> str:
    path = folder / "sources" / f"{name}.yaml"
    assert path.read_text().count("\n") <= 30
    read_definition(path)
    return path.read_text()


def test_a_bearer_token_in_words_of_its_own(add: Add, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEETIO_KEY", fleetio.TOKEN)
    monkeypatch.setenv("FLEETIO_ACCOUNT", fleetio.ACCOUNT)
    with ApiServer(APIS["fleetio"].make(lively_fleet())) as server:
        output = add(
            f"{server.url}/api/v1/vehicles", "--name", "fleetio", "--token", "env:FLEETIO_KEY",
            "--token-prefix", "Token",
            "--header", "Account-Token=env:FLEETIO_ACCOUNT", "--header", "X-Api-Version=2024-01-01",
        )  # fmt: skip
    text = written(folder, "fleetio")

    assert f"baseUrl: {server.url}/api/v1\n" in text
    assert "path: /vehicles\n" in text
    assert "dataset: fleetio_vehicles" in text, "its records do not fit the dataset of that name"
    assert "There is no dataset fleetio_vehicles yet" in output
    assert fleetio.TOKEN not in text + output
    assert fleetio.ACCOUNT not in text + output


def test_basic_authentication_and_a_contract(add: Add, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EASYPOST_KEY", easypost.KEY)
    with ApiServer(APIS["easypost"].make(lively_fleet())) as server:
        output = add(f"{server.url}/v2/shipments", "--name", "easypost", "--user", "env:EASYPOST_KEY", "--contract")

    assert "username: env:EASYPOST_KEY" in written(folder, "easypost").replace("'", "")
    assert "It will ask: Which date do records belong to: created_at or updated_at?" in output
    assert not (folder / "contracts").exists(), "a contract with questions is not accepted by writing it"


def test_a_search_by_post(add: Add, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEOTAB_PASSWORD", geotab.CREDENTIALS["password"])
    body = json.dumps(FEED).replace(geotab.CREDENTIALS["password"], "env:GEOTAB_PASSWORD")
    with ApiServer(APIS["geotab"].make(lively_fleet())) as server:
        add(f"{server.url}/apiv1", "--name", "geotab", "--body", body)
    text = written(folder, "geotab")

    assert "incremental: {keepsCursor: true}" in text
    assert geotab.CREDENTIALS["password"] not in text


def test_what_is_proposed_pulls_every_record(add: Add, folder: Path, site: Site) -> None:
    fleet: Fleet = fleet_of(4, 50)
    with ApiServer(FleetApi(fleet, "offset", size=12, gives_total=True)) as server:
        add(f"{server.url}/trips", "--name", "fleet", "--dataset", "trips_of_fleet")
        pulls = site.pull(folder / "sources" / "fleet.yaml", load=False)

    assert [(each.state, each.records) for each in pulls] == [(PullState.COMPLETE, 50)]
    assert "total: total" in written(folder, "fleet")


def test_a_contract_without_questions_is_written(add: Add, folder: Path) -> None:
    records = [{"code": f"D-{number:03}", "city": f"City {number % 7}", "bays": number % 5} for number in range(43)]
    with ApiServer(lambda request: json_response({"depots": records})) as server:
        add(f"{server.url}/depots", "--name", "fleet", "--contract")

    assert "primaryKey: [code]" in (folder / "contracts" / "depots.yaml").read_text()
    assert "mode: snapshot" in written(folder, "fleet")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["?api_key=s3cr3t-in-the-address"], "holds a value where a secret belongs"),
        (["", "--token", "s3cr3t-in-the-option"], "holds a value where a secret belongs"),
        (["", "--token", "env:IS_NOT_SET"], "the environment variable IS_NOT_SET is not set"),
        (["/nothing"], "nothing can be proposed"),
    ],
)
def test_what_cannot_be_asked_is_said_without_the_secret(add: Add, folder: Path, options: list[str], says: str) -> None:
    with (
        ApiServer(FleetApi(fleet_of(2, 9))) as server,
        pytest.raises(PipelineError, match=says) as raised,
    ):
        add(f"{server.url}/trips{options[0]}", "--name", "fleet", *options[1:])

    assert "s3cr3t" not in str(raised.value)
    assert not (folder / "sources").exists()


def test_a_file_that_is_there_is_not_overwritten(add: Add, folder: Path) -> None:
    (folder / "sources").mkdir(parents=True)
    (folder / "sources" / "fleet.yaml").write_text("kind: rest\n")

    with pytest.raises(PipelineError, match=r"exists\. Choose another --name"):
        add("http://127.0.0.1:9/trips", "--name", "fleet")


def test_a_private_address_is_asked_only_if_it_is_meant(folder: Path) -> None:
    with ApiServer(FleetApi(fleet_of(2, 9))) as server:
        result = CliRunner().invoke(app, ["sources", "add", f"{server.url}/trips"])

    assert isinstance(result.exception, PipelineError)
    assert server.requests == []


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_the_proposal_for_a_documented_api_pulls_every_record(
    name: str, folder: Path, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    case, fleet = CASES[name], lively_fleet()
    secrets = {f"SECRET_{number}": value for number, value in enumerate(case.headers.values())}
    secrets |= {"SECRET_KEY": webfleet.KEY, "SECRET_PASSWORD": geotab.CREDENTIALS["password"]}
    for variable, value in secrets.items():
        monkeypatch.setenv(variable, value)
    body = case.body and json.loads(json.dumps(case.body).replace(secrets["SECRET_PASSWORD"], "env:SECRET_PASSWORD"))
    with ApiServer(APIS[case.api].make(fleet)) as server:
        given = NewSource(
            server.url + case.address.replace(webfleet.KEY, "env:SECRET_KEY"),
            "fleet",
            headers={header: f"env:SECRET_{number}" for number, header in enumerate(case.headers)},
            body=case.body if body is None else body,
            private=True,
        )
        text = propose_source(given, built_in_catalogue()).text
        path = folder / "sources" / "fleet.yaml"
        path.parent.mkdir(parents=True)
        path.write_text(text.replace("perSecond: 2}", "perSecond: 20}"))
        pulls = site.pull(path, load=False)

    of_trips = {"samsara, trips", "geotab", "easypost", "shippo", "karrio", "odoo", "erpnext"}
    assert [each.error for each in pulls] == [None]
    (landed,) = site.options.raw_dir.rglob("*.zst")
    records = set(decompress(landed.read_bytes()).splitlines())  # pages that overlap hold a record twice
    assert len(records) == (40 if name in of_trips else 14)
    assert not any(secret in text for secret in secrets.values())
