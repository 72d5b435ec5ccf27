"""A part of the campaign with every slow test run, and the proof that it finds what it looks for."""

from collections.abc import Iterator

import pytest

from tests.sources.campaign.campaign import build_site, run_campaign
from tests.sources.campaign.kinds import KINDS
from tests.sources.campaign.run import Run
from tests.sources.site import Site

SEED = 1


@pytest.fixture(scope="module")
def stage() -> Iterator[Site]:
    with build_site() as site:
        yield site


@pytest.mark.slow
def test_pulls_struck_by_any_fault_end_with_what_the_source_has(stage: Site) -> None:
    report = run_campaign(stage, range(len(KINDS)), SEED)
    print(report)

    assert not report.failures, str(report)
    assert {result.kind for result in report.results} == {kind.name for kind in KINDS}


@pytest.fixture(scope="module")
def finished(stage: Site) -> Run:
    """A run that has ended well, with a file in the database."""
    run = Run(stage, SEED, 0)
    assert run().is_good
    return run


@pytest.mark.slow
@pytest.mark.parametrize(
    ("damage", "says"),
    [
        ("DELETE FROM raw.trips WHERE started_at = (SELECT min(started_at) FROM raw.trips)", "1 lost"),
        (
            "INSERT INTO raw.trips (vehicle_id, started_at, file_id, record_no) "
            "SELECT 'V-9999', started_at, file_id, -1 FROM raw.trips LIMIT 1",
            "1 doubled",
        ),
        ("UPDATE raw.trips SET distance_km = 0 WHERE started_at = (SELECT min(started_at) FROM raw.trips)", "1 wrong"),
        ("UPDATE source.pages SET records = records + 1 WHERE pull_id = 1 AND number = 1", "records of pages"),
        ("DELETE FROM source.pages WHERE pull_id = 1 AND number = 1", "pull 1: pages"),
        ("UPDATE source.pages SET sha256 = repeat('0', 64) WHERE pull_id = 1 AND number = 1", "is not in the archive"),
    ],
)
def test_the_comparison_tells_what_is_lost_doubled_or_wrong(finished: Run, damage: str, says: str) -> None:
    with finished.site.damaged(damage):
        finished.judge()
    found = finished.result

    assert says in f"{len(found.lost)} lost {len(found.doubled)} doubled {len(found.wrong)} wrong {found.trouble}"
    assert not found.is_good
    finished.judge()
    assert finished.result.is_good
