"""Contracts for files of declared places: the commands take a URL where they take a path."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bench.object_store import Bucket
from logistics_pipeline.cli import app
from logistics_pipeline.database.connections import connect
from tests.database.test_proposals import CERTAIN, DOUBTFUL

Contracts = Callable[..., Result]


@pytest.fixture
def contracts(declared: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Contracts:
    monkeypatch.setenv("LOGISTICS_DATABASE_URL", database_url)
    return lambda *words: CliRunner().invoke(app, ["contracts", *words])


@pytest.mark.slow
def test_a_contract_is_proposed_for_an_object(contracts: Contracts, bucket: Bucket) -> None:
    bucket.put("incoming/fuel/may 1.csv", CERTAIN)

    proposed = contracts("propose", f"{bucket.url}/incoming/fuel/may 1.csv", "--dataset", "fuel")

    assert proposed.exit_code == 0, proposed.output
    assert "name: fuel" in proposed.stdout and "primaryKey: [card_id]" in proposed.stdout


@pytest.mark.slow
def test_a_proposal_for_an_object_is_stored_answered_and_accepted_by_its_url(
    contracts: Contracts, bucket: Bucket, database_url: str
) -> None:
    url = f"{bucket.url}/incoming/fuel/may.csv"
    bucket.put("incoming/fuel/may.csv", DOUBTFUL)

    (stored,) = map(json.loads, contracts("propose", url, "--store", "--json").stdout.splitlines())
    assert (stored["file"], stored["dataset"], stored["state"]) == (url, "fuel", "open")
    answered = contracts("answer", url, "--all", "date_order=dmy")
    assert answered.exit_code == 0, answered.output
    accepted = contracts("accept", url)

    assert accepted.exit_code == 0, accepted.output
    loaded = CliRunner().invoke(app, ["load", url, "--json"])
    assert json.loads(loaded.stdout)["loaded"] == 199, loaded.output
    with connect(database_url) as connection:
        assert connection.execute("SELECT min(day)::text FROM raw.fuel").fetchone() == ("2024-01-01",)


def test_an_object_is_proposed_for_and_accepted_at_once(contracts: Contracts, bucket: Bucket) -> None:
    bucket.put("incoming/fuel/may.csv", CERTAIN)

    accepted = contracts("accept", f"{bucket.url}/incoming/fuel/may.csv", "--json")

    assert accepted.exit_code == 0, accepted.output
    assert json.loads(accepted.stdout)["dataset"] == "fuel"


@pytest.mark.parametrize("command", ["propose", "accept"])
@pytest.mark.parametrize(
    ("url", "said"),
    [("{bucket}/incoming/none.csv", "no such file"), ("s3://elsewhere/none.csv", "is at no declared place")],
)
def test_a_url_without_a_file_is_said(contracts: Contracts, bucket: Bucket, command: str, url: str, said: str) -> None:
    result = contracts(command, url.format(bucket=bucket.url))

    assert result.exit_code == 1
    assert said in str(result.exception)
