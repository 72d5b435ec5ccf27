"""A part of the campaign with every slow test run, and the proof that it finds what it looks for."""

from collections.abc import Iterator

import pytest

from tests.cluster.campaign.campaign import Stage, build_stage, run_campaign
from tests.cluster.campaign.faults import FAULTS
from tests.cluster.campaign.run import Run
from tests.cluster.campaign.servers import why_unavailable

pytestmark = pytest.mark.slow

SEED = 1


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    if reason := why_unavailable():
        pytest.skip(reason)
    with build_stage() as built:
        yield built


def test_nothing_is_lost_or_doubled_when_servers_of_a_cluster_are_killed_or_cut_off(stage: Stage) -> None:
    report = run_campaign(stage, range(2 * len(FAULTS)), SEED)
    print(report)

    assert not report.failures, str(report)
    assert {result.fault for result in report.results if result.strikes} == {fault.name for fault in FAULTS}
    assert sum(result.repeated for result in report.results) > len(FAULTS), "no step noticed"


def test_the_comparison_tells_what_is_lost_doubled_or_wrong(stage: Stage) -> None:
    run = Run(*stage, SEED, 0)
    assert run().is_good
    for damage, says in (
        ("DELETE FROM raw.shipments WHERE shipment_id = (SELECT min(shipment_id) FROM raw.shipments)", "1 lost: row"),
        ("DELETE FROM keys.shipments", "keys.shipments does not have the keys"),
        (
            "INSERT INTO raw.visits (place, visited_on, guests, station, slot, file_id, record_no) "
            "SELECT place, visited_on, guests, station, slot, file_id, -record_no FROM raw.visits LIMIT 1",
            "1 doubled: row",
        ),
        ("UPDATE raw.vehicle_logs SET fuel_used = fuel_used + 1", "the figures are not those of the rows"),
    ):
        with run.disturbed.connect() as connection:
            connection.execute(damage.encode())
        run.judge()
        assert says in f"{run.result.differences}; {run.result.trouble}"
