"""The dashboard's charts in Dagster's metadata."""

import base64

import dagster as dg
import pytest

from logistics_core.catalogue import built_in_catalogue
from logistics_pipeline.orchestration.assets.pictures import pictures
from logistics_pipeline.orchestration.jobs import REFRESH_JOB
from logistics_pipeline.orchestration.resources import DatabaseResource
from tests.orchestration.conftest import System, shipment, vehicle_log

PNG = b"\x89PNG\r\n\x1a\n"


def drawn(system: System) -> dict[str, bytes]:
    """What one run of the asset shows: the pictures by name, decoded."""
    done = dg.materialize(
        [pictures],
        instance=system.instance,
        resources={"database": DatabaseResource(system.settings, built_in_catalogue())},
    )
    (materialised,) = done.asset_materializations_for_node("analytics__pictures")
    return {
        name: base64.b64decode(str(value.value).partition("base64,")[2].rstrip(")"))
        for name, value in materialised.metadata.items()
    }


@pytest.mark.slow
def test_the_newest_days_are_drawn(system: System) -> None:
    system.drop("vehicle_logs.json", [vehicle_log(1), vehicle_log(2, trip_date="2024-03-09")])
    system.drop("shipments.json", [shipment(1, cost=10), shipment(2, cost=5, log_id="L2")])
    for request in system.tick():
        system.run(request)
    (request,) = system.refresh_tick()
    system.run(request, job=REFRESH_JOB.name)

    found = drawn(system)

    assert sorted(found) == ["costliest_routes", "daily_revenue"]
    assert all(picture.startswith(PNG) and len(picture) > 2000 for picture in found.values())


def test_without_figures_there_is_nothing_to_draw(system: System) -> None:
    assert drawn(system) == {}
