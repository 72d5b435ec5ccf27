"""A source is declared, changed and removed while everything runs: pulled, landed, loaded, and shown."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.end_to_end.conftest import Installation, wait_for
from tests.sources.server import Answer, Fleet, once, trip

pytestmark = pytest.mark.slow

ASSETS = "{ assetNodes { assetKey { path } } }"
DEFINITION = """\
kind: rest
baseUrl: {url}
private: true
retries: {{attempts: 1}}
resources:
  - name: trips
    dataset: vehicle_logs
    path: /keyset
    records: items
    pagination: {{type: keyset, parameter: after, key: id, sizeParameter: limit, size: 10, ends: short}}
    key: [id]
    fields: {{log_id: id, vehicle_id: vehicle, trip_date: {{path: updated, format: iso8601}}, mileage: distance}}
    schedule: every {schedule}
"""


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    with Fleet().served() as served:
        yield served


def define(installation: Installation, text: str, name: str = "fleet") -> None:
    path = installation.data_dir / "sources" / f"{name}.yaml"
    path.parent.mkdir(exist_ok=True)
    unfinished = path.with_suffix(".part")
    unfinished.write_text(text)
    unfinished.rename(path)


def resource(installation: Installation) -> Any:
    return installation.get("/api/sources/fleet")["resources"][0]


def pulls(installation: Installation) -> list[Any]:
    found: list[Any] = installation.get("/api/sources/fleet/pulls")["items"]
    return found


def is_loaded(installation: Installation) -> bool:
    """Whether the file of the newest pull is."""
    file = pulls(installation)[0]["file"]
    return file is not None and file["state"] == "loaded"


def assets(installation: Installation) -> list[str]:
    return ["/".join(node["assetKey"]["path"]) for node in installation.graphql(ASSETS)["assetNodes"]]


def test_a_source_is_pulled_loaded_and_changed_without_a_restart(running: Installation, fleet: Fleet) -> None:
    define(running, DEFINITION.format(url=fleet.url, schedule="1d"))
    define(running, "kind: rest\n", "broken")
    wait_for(lambda: "pulled/fleet/trips" in assets(running), 20, "Dagster shows the asset")
    wait_for(lambda: is_loaded(running), 60, "its first pull is loaded")
    (pull,) = pulls(running)
    assert (pull["state"], pull["records"]["landed"], pull["file"]["records"]["loaded"]) == ("complete", 25, 25)
    assert pull["run_id"] is not None
    broken = next(each for each in running.get("/api/sources")["sources"] if each["source"] == "broken")
    assert not broken["is_in_force"] and "broken.yaml" in broken["problem"]

    fleet.records.append(trip(99))
    fleet.faults.append(once(Answer({"message": "no"}, 404)))
    url = f"http://127.0.0.1:{running.api_port}/api/sources/fleet/pull"
    request = httpx2.post(url, verify=False, trust_env=False).json()
    wait_for(lambda: running.get(request["status_url"])["state"] == "done", 30, "the request is served")
    wait_for(lambda: resource(running)["state"] == "failed", 30, "the pull has failed")
    assert "404" in resource(running)["latest_pull"]["error"]
    again = httpx2.post(url, verify=False, trust_env=False).json()
    assert again["request_id"] != request["request_id"]
    wait_for(lambda: resource(running)["state"] == "current", 40, "the pull has gone on")
    assert pulls(running)[0]["attempts"] == 2

    define(running, DEFINITION.format(url=fleet.url, schedule="12h"))
    wait_for(lambda: resource(running)["schedule"] == "every 12h", 10, "the changed definition is in force")
    (running.data_dir / "sources" / "fleet.yaml").unlink()
    wait_for(lambda: "pulled/fleet/trips" not in assets(running), 20, "the asset is gone")
    assert len(pulls(running)) == 2, "history stays"
