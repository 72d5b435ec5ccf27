"""A file of unknown shape becomes a loaded dataset while everything runs, and a load that runs goes on meanwhile."""

import time
from typing import Any

import psycopg
import pytest

from tests.end_to_end.conftest import PATIENCE, Installation, wait_for
from tests.end_to_end.test_crashes import LOADS, System, system  # noqa: F401

pytestmark = pytest.mark.slow

ASSET_SECONDS = 3
"""From the acceptance of a contract to its asset in Dagster, on an idle machine; so are those of the first run."""
RUN_SECONDS = 10
"""From the moment that a file is seen to the end of the run that loads it."""
ASSETS = "{ assetNodes { assetKey { path } } }"
PAYMENTS = "payment,paid_on,litres,station\n" + "".join(
    f"P-{n},2024-05-{n % 28 + 1:02},{n % 90}.5,Ulm\n" for n in range(300)
)


def assets(installation: Installation) -> list[str]:
    return ["/".join(node["assetKey"]["path"]) for node in installation.graphql(ASSETS)["assetNodes"]]


def proposal(system: System, path: str) -> list[tuple[Any, ...]]:  # noqa: F811
    return system.query(f"SELECT state, dataset FROM catalogue.proposals WHERE path = '{path}'")


def is_loaded(system: System, path: str) -> bool:  # noqa: F811
    file = system.file(path)
    return file is not None and file.state == "loaded"


def test_an_unknown_file_is_proposed_accepted_and_loaded_while_another_load_goes_on(system: System) -> None:  # noqa: F811
    with system.held_load("N") as path:
        run_id = system.newest_run(LOADS)
        system.installation.drop("fuel/june.csv", PAYMENTS.encode())
        wait_for(lambda: system.file("fuel/june.csv"), 10, "the file is seen")
        seen = time.monotonic()
        wait_for(lambda: proposal(system, "fuel/june.csv") == [("accepted", "fuel")], 5, "a contract is accepted")
        accepted = time.monotonic()
        wait_for(lambda: "raw/fuel" in assets(system.installation), ASSET_SECONDS, "Dagster shows the asset")
        shown = time.monotonic()
        seconds = RUN_SECONDS - (shown - seen) / PATIENCE
        wait_for(lambda: is_loaded(system, "fuel/june.csv"), seconds, "its first run is done")
        print(
            f"accepted {accepted - seen:.1f} s after the file was seen, an asset {shown - accepted:.1f} s after that; "
            f"loaded {time.monotonic() - seen:.1f} s after the file was seen"
        )
        assert system.query("SELECT count(*) FROM raw.fuel") == [(300,)]
        with psycopg.connect(system.database_url) as connection:
            row = connection.execute("SELECT state FROM ingest.files WHERE path = %s", (path,)).fetchone()
        assert row == ("loading",)
        (run,) = [run for run in system.runs(LOADS) if run["runId"] == run_id]
        assert run["status"] == "STARTED"
    system.wait_until(LOADS, run_id, "SUCCESS")
    system.wait_until_loaded(path)
    assert (system.installation.data_dir / "contracts/fuel.yaml").exists()
