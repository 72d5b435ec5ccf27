"""The primary dies amid a load and its standby takes over: nothing is lost, nothing is loaded twice.

The loader's address names both servers, and libpq looks for the one that takes changes.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from logistics_core.catalogue import built_in_catalogue
from logistics_core.database_contract.file_states import FileState
from logistics_core.reject_threshold import RejectThreshold
from logistics_pipeline import ledger
from logistics_pipeline.analytics.checks import all_checks, run_checks
from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.database.connections import connect, with_database
from logistics_pipeline.loading.loader import LoadReport, load_file
from logistics_pipeline.migrations import migrate
from tests.conftest import options_of
from tests.database.records import shipment
from tests.postgres_servers import Pair, streaming_pair

pytestmark = pytest.mark.slow

RECORDS, PER_BATCH = 700, 7
LOST, KILLED = 40, 60
"""After how many batches the standby receives nothing more, and after how many the primary is killed."""


@dataclass
class Site:
    """A pair of servers, a folder, and a file in it."""

    pair: Pair
    folder: Path

    @property
    def url(self) -> str:
        return self.pair.url("logistics")

    def drop(self, name: str = "shipments.json", first: int = 0) -> Path:
        path = self.folder / name
        path.write_text(json.dumps([shipment(number) for number in range(first, first + RECORDS)]))
        return path

    def load(self, path: Path, on_batch: Callable[[int], None] = lambda number: None) -> LoadReport:
        """Loads a file as a run does; `on_batch` is called after each commit, with the number of batches."""
        options = options_of(self.folder)
        found = options.folder.look_at(path)
        assert found is not None
        return load_file(self.url, found, options, on_progress=lambda records, _: on_batch(records // PER_BATCH))

    def fail_over(self) -> None:
        self.pair.primary.kill()
        self.pair.standby.promote()

    def stored(self) -> tuple[Any, ...]:
        """Rows, and how many keys they have; records that the ledger has read and loaded; files."""
        with connect(self.url) as connection:
            row = connection.execute(
                "SELECT count(*), count(DISTINCT shipment_id), (SELECT sum(records_read) FROM ingest.files), "
                "(SELECT sum(records_loaded) FROM ingest.files), (SELECT count(*) FROM ingest.files) FROM raw.shipments"
            ).fetchone()
        assert row is not None
        return tuple(map(int, row))

    def is_sound(self) -> bool:
        """What `logistics check --all` finds, once the figures are up to date."""
        refresh(self.url)
        checks = all_checks(built_in_catalogue(), RejectThreshold.parse("1%"))
        findings = [finding for _, finding in run_checks(self.url, checks, whole=True)]
        assert not [finding.sentence for finding in findings if finding.is_error]
        return True


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with streaming_pair({}) as pair:  # durable, as servers are that somebody relies on
        migrate(with_database(pair.primary.url, "logistics"))
        pair.standby.catch_up_with(pair.primary)
        folder = tmp_path / "data" / "raw"
        folder.mkdir(parents=True)
        yield Site(pair, folder)


def test_a_load_goes_on_where_the_standby_stands(site: Site) -> None:
    """The standby lacks the last twenty batches that the primary had committed: the load reads the ledger again."""
    seen: list[int] = []

    def on_batch(number: int) -> None:
        seen.append(number)
        if number == LOST and len(seen) == LOST:
            site.pair.standby.catch_up_with(site.pair.primary)
            site.pair.standby.stop_receiving()
        if len(seen) == KILLED:
            site.fail_over()

    report = site.load(site.drop(), on_batch)

    assert report.is_loaded
    resumed = seen[KILLED] - 1
    assert resumed == LOST, "the twenty batches that the standby had not received are loaded again"
    assert site.stored() == (RECORDS, RECORDS, RECORDS, RECORDS, 1)
    assert site.is_sound()


def test_a_file_that_was_loaded_on_the_old_primary_alone_is_loaded_once_more(site: Site) -> None:
    """The new primary knows nothing of it, and neither does Dagster, whose database is on the same server."""
    first = site.drop("shipments-1.json")
    site.load(first)
    site.pair.standby.catch_up_with(site.pair.primary)
    site.pair.standby.stop_receiving()
    second = site.drop("shipments-2.json", first=RECORDS)
    assert site.load(second).is_loaded
    assert site.stored() == (2 * RECORDS, 2 * RECORDS, 2 * RECORDS, 2 * RECORDS, 2)

    site.fail_over()

    assert site.stored() == (RECORDS, RECORDS, RECORDS, RECORDS, 1)
    assert site.is_sound()
    for path in (first, second):
        report = site.load(path)
        assert (report.is_loaded, report.was_loaded_before) == (True, path == first)
    assert site.stored() == (2 * RECORDS, 2 * RECORDS, 2 * RECORDS, 2 * RECORDS, 2)
    assert site.is_sound()


def test_with_a_synchronous_standby_whatever_is_reported_as_loaded_is_there(site: Site) -> None:
    """Batches do not wait for the standby; the end of a file does, and everything before it is in the log before it."""
    site.pair.primary.configure(synchronous_standby_names="'standby'")
    site.pair.primary.wait_for("SELECT bool_and(sync_state = 'sync') FROM pg_stat_replication")
    assert site.load(site.drop()).is_loaded

    site.fail_over()

    with connect(site.url) as connection:
        assert [file.state for file in ledger.files_in_order(connection)] == [FileState.LOADED]
    assert site.stored() == (RECORDS, RECORDS, RECORDS, RECORDS, 1)
    assert site.is_sound()
