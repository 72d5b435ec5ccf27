"""Pulls from a real server into a real database: every pagination, windows, resuming, and what goes wrong."""

import pytest

from logistics_core.database_contract.pull_states import PullState
from logistics_pipeline.database.connections import Connection
from tests.sources.conftest import PAGINATIONS, SourceUnderTest, assert_balanced
from tests.sources.server import trip


@pytest.mark.parametrize("pagination", PAGINATIONS)
def test_every_pagination_reads_every_record_once(
    source: SourceUnderTest, connection: Connection, pagination: str
) -> None:
    source.define_trips(pagination, "    total: total\n")
    report = source.pull()
    assert report.pull.state is PullState.COMPLETE, report.pull.error
    assert source.landed() == sorted(source.fleet.records, key=lambda record: record["id"])
    assert report.file is not None and report.pull.path == f"trips/fleet/trips/{report.pull.pull_id:010}.ndjson.zst"
    assert report.pull.expected_records == 25 and report.pull.warnings == []
    assert report.file.stat().st_mtime == pytest.approx(report.pull.started_at.timestamp(), abs=1e-5)
    assert_balanced(connection)


def test_what_has_not_changed_is_not_landed_again(source: SourceUnderTest) -> None:
    source.define_trips()
    assert source.pull().file is not None
    again = source.pull()
    assert again.pull.state is PullState.UNCHANGED and again.file is None
    source.fleet.records.append(trip(99))
    assert source.pull().file is not None
    assert len(source.rows()) == 26
