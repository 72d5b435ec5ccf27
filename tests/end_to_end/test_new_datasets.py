"""A file of unknown shape becomes a loaded dataset while everything runs, and a load that runs goes on meanwhile."""

import time
from typing import Any

import psycopg
import pytest

from tests.end_to_end.conftest import Installation, wait_for
from tests.end_to_end.test_crashes import LOADS, System, system  # noqa: F401

pytestmark = pytest.mark.slow

ASSETS = "{ assetNodes { assetKey { path } } }"
PAYMENTS = "payment,paid_on,litres,station\n" + "".join(
    f"P-{n},2024-05-{n % 28 + 1:02},{n % 90}.5,Ulm\n" for n in range(300)
)


def assets(installation: Installation) -> list[str]:
    return ["/".join(node["assetKey"]["path"]) for node in installation.graphql(ASSETS)["assetNodes"]]


def proposal(system: System, path: str) -> list[tuple[Any, ...]]:  # noqa: F811
    return system.query(f"SELECT state, dataset FROM catalogue.proposals WHERE path = '{path}'")


def test_an_unknown_file_is_proposed_accepted_and_loaded_while_another_load_goes_on(system: System) -> None:  # noqa: F811
    with system.held_load("N") as path:
        run_id = system.newest_run(LOADS)
        system.installation.drop("fuel/june.csv", PAYMENTS.encode())
        wait_for(lambda: system.file("fuel/june.csv"), 10, "the file is seen")
        began = time.monotonic()
        accepted = [("accepted", "fuel")]
        wait_for(lambda: proposal(system, "fuel/june.csv") == accepted, 5, "a contract is proposed and accepted")
        print(f"accepted {time.monotonic() - began:.1f} s after it was seen")
        wait_for(lambda: "raw/fuel" in assets(system.installation), 15, "Dagster shows the asset")
        print(f"an asset {time.monotonic() - began:.1f} s after it was seen")
        system.wait_until_loaded("fuel/june.csv")
        print(f"loaded {time.monotonic() - began:.1f} s after it was seen")
        assert system.query("SELECT count(*) FROM raw.fuel") == [(300,)]
        with psycopg.connect(system.database_url) as connection:
            row = connection.execute("SELECT state FROM ingest.files WHERE path = %s", (path,)).fetchone()
        assert row == ("loading",)
        (run,) = [run for run in system.runs(LOADS) if run["runId"] == run_id]
        assert run["status"] == "STARTED"
    system.wait_until(LOADS, run_id, "SUCCESS")
    system.wait_until_loaded(path)
    assert (system.installation.data_dir / "contracts/fuel.yaml").exists()
