"""The nightly export, run by Dagster as it runs every night, and a database that is restored from it."""

from pathlib import Path
from typing import Any

import psycopg
import pytest

from logistics_pipeline.database.connections import with_database
from tests.end_to_end.conftest import Installation, wait_for
from tests.ports import free_port

pytestmark = pytest.mark.slow

REPOSITORY = "{ repositoriesOrError { ... on RepositoryConnection { nodes { name location { name } } } } }"
SCHEDULES = (
    "{ repositoriesOrError { ... on RepositoryConnection { nodes { schedules { name scheduleState { status } } } } } }"
)
LAUNCH = """
mutation($parameters: ExecutionParams!) { launchRun(executionParams: $parameters) {
    __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message }
} }"""
STATUS = "query($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"
ROWS = "SELECT * FROM raw.shipments ORDER BY shipment_id"


@pytest.fixture
def installation(installation: Installation, server_url: str, tmp_path: Path) -> Installation:
    """One with a database of its server's, and a folder for exports."""
    installation.database_url = with_database(server_url, "nightly_export")
    installation.settings["LOGISTICS_EXPORT_TO"] = str(tmp_path / "backups")
    return installation


def launch(installation: Installation, job: str) -> str:
    """Starts a job as the UI does; returns the ID of its run."""
    (repository,) = installation.graphql(REPOSITORY)["repositoriesOrError"]["nodes"]
    selector = {
        "repositoryName": repository["name"],
        "repositoryLocationName": repository["location"]["name"],
        "jobName": job,
    }
    launched = installation.graphql(LAUNCH, parameters={"selector": selector, "mode": "default"})["launchRun"]
    assert launched["__typename"] == "LaunchRunSuccess", launched
    return str(launched["run"]["runId"])


def status(installation: Installation, run_id: str) -> Any:
    return installation.graphql(STATUS, id=run_id)["runOrError"]["status"]


def test_what_the_night_exports_is_restored(running: Installation, server_url: str, tmp_path: Path) -> None:
    common = {"origin": "Lyon", "destination": "Turin", "log_id": "L1"}
    records = [common | {"shipment_id": f"S{number}", "cost": number / 4} for number in range(50)]
    running.drop("shipments/june.json", records)
    wait_for(lambda: running.get("/api/system/status")["files"]["loaded"] == 1, 120, "the file is loaded")
    (repository,) = running.graphql(SCHEDULES)["repositoriesOrError"]["nodes"]
    states = {each["name"]: each["scheduleState"]["status"] for each in repository["schedules"]}
    assert states["nightly_export"] == "RUNNING"

    run_id = launch(running, "nightly_export")

    wait_for(lambda: status(running, run_id) in ("SUCCESS", "FAILURE"), 90, "the run has ended")
    assert status(running, run_id) == "SUCCESS"
    (export,) = (tmp_path / "backups").iterdir()
    assert (export / "manifest.json").is_file()
    restored = Installation(
        tmp_path / "restored", free_port(), free_port(), with_database(server_url, "nightly_restored")
    )
    done = restored.run("restore", str(export))
    assert done.returncode == 0, done.stderr
    assert running.database_url is not None and restored.database_url is not None
    with psycopg.connect(running.database_url) as one, psycopg.connect(restored.database_url) as other:
        rows = one.execute(ROWS).fetchall()
        assert len(rows) == 50 and other.execute(ROWS).fetchall() == rows
