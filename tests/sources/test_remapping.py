"""Files made anew from the archive: no request, the same rows, and no old pull that wins over a younger one."""

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from logistics_core.database_contract.pull_states import PullState
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.errors import ConfigurationError
from logistics_pipeline.ledger import latest_files
from logistics_pipeline.ledger.files import in_registration_order
from logistics_pipeline.loading.loader import load_file
from logistics_pipeline.loading.options import LoadOptions
from logistics_pipeline.sources.pulls.remapping import Remapped, remap, restore_pulls
from logistics_pipeline.sources.pulls.retention import prune
from tests.sources.conftest import SourceUnderTest, assert_balanced
from tests.sources.server import trip

BY_ID = "{vehicle_id: id, name: vehicle, total_mileage: {path: distance, unit: m to km}}"
BY_STATE = "{vehicle_id: id, name: state, total_mileage: distance}"
DONE_ONLY = "{vehicle_id: id, name: {path: state, values: {done: Done}}, total_mileage: distance}"


def define(source: SourceUnderTest, fields: str, more: str = "") -> None:
    source.define_trips("cursor", f"    fields: {fields}\n{more}")
    source.definition = source.definition.replace("dataset: trips", "dataset: vehicles")


class Loaded:
    """A source whose files are loaded into `raw.vehicles`."""

    def __init__(self, source: SourceUnderTest, options: LoadOptions, connection: Connection) -> None:
        self.source = source
        self.connection = connection
        self.load_options = replace(options, raw_dir=source.options.raw_dir, chunk_bytes=1 << 16)

    def load(self) -> None:
        """Loads what is new, as the sensor does, and what was unloaded."""
        folder = self.load_options.folder
        for found in in_registration_order(folder.find_files()):
            load_file(self.source.url, found, self.load_options)

    def remap(self) -> list[Remapped]:
        asked = len(self.source.fleet.asked)
        source = self.source
        done = list(remap(source.url, source.source, "trips", source.options, self.load_options))
        assert len(source.fleet.asked) == asked, "no request is made"
        assert_balanced(self.connection)
        return done

    @property
    def rows(self) -> dict[str, tuple[Any, ...]]:
        found = self.connection.execute("SELECT vehicle_id, name, total_mileage FROM raw.vehicles ORDER BY 1")
        return {row[0]: row[1:] for row in found.fetchall()}

    def fresh(self, path: Path, url: str) -> dict[str, Any]:
        """What one pull of all there is now would make."""
        other = SourceUnderTest(url, path, self.source.fleet, definition=self.source.definition, name="fresh")
        other.pull()
        return other.rows("vehicle_id", "vehicles")


@pytest.fixture
def loaded(source: SourceUnderTest, options: LoadOptions, connection: Connection) -> Loaded:
    return Loaded(source, options, connection)


def test_another_mapping_gives_the_rows_of_a_fresh_pull_and_keeps_the_rank(loaded: Loaded) -> None:
    source = loaded.source
    define(source, BY_ID)
    source.pull()
    source.fleet.records[3] = trip(3, vehicle="V9", state="late")
    source.pull()
    loaded.load()
    ranks = {path: file.file_id for path, file in latest_files(loaded.connection).items()}
    assert loaded.rows["T000003"][0] == "V9"
    define(source, BY_STATE)
    assert [each.is_changed for each in loaded.remap()] == [True, True]
    loaded.load()
    files = latest_files(loaded.connection)
    assert {path: file.file_id for path, file in files.items()} == ranks and len(files) == 2
    assert {file.version for file in files.values()} == {1}
    assert loaded.rows["T000003"] == ("late", pytest.approx(1003.5))
    assert loaded.rows["T000004"][0] == "done"
    assert not any(each.is_changed for each in loaded.remap()), "the same mapping changes nothing"


def test_an_old_pull_mapped_anew_does_not_win_over_a_younger_one(loaded: Loaded) -> None:
    """A record that the younger pull alone has stays its own, even where only the older file is loaded again."""
    source = loaded.source
    define(source, BY_ID)
    source.pull()
    source.fleet.records = [trip(number, vehicle="young") for number in range(25)]
    source.pull()
    loaded.load()
    define(source, BY_STATE)
    loaded.remap()
    older = min(loaded.load_options.folder.find_files(), key=lambda found: found.key)
    for found in loaded.load_options.folder.find_files():
        if found.key != older.key:
            load_file(source.url, found, loaded.load_options)
    load_file(source.url, older, loaded.load_options)
    assert {row[0] for row in loaded.rows.values()} == {"done"}
    define(source, BY_ID)
    loaded.remap()
    loaded.load()
    assert {row[0] for row in loaded.rows.values()} == {"young"}


def test_a_pull_that_was_unchanged_may_differ_by_another_mapping(loaded: Loaded) -> None:
    source = loaded.source
    define(source, BY_ID)
    source.pull()
    source.fleet.records[5] = trip(5, state="late")  # nothing that the mapping reads
    assert source.pull().pull.state is PullState.UNCHANGED
    source.fleet.records[6] = trip(6, vehicle="V7")
    source.pull()
    loaded.load()
    define(source, BY_STATE)
    loaded.remap()
    loaded.load()
    assert loaded.rows["T000005"][0] == "late" and len(latest_files(loaded.connection)) == 2
    define(source, BY_ID)
    loaded.remap()
    loaded.load()
    assert loaded.rows["T000005"][0] == "V2" and loaded.rows["T000006"][0] == "V7"
    assert [row[0] for row in loaded.connection.execute("SELECT state FROM source.pulls ORDER BY pull_id")] == [
        "complete", "unchanged", "complete",
    ]  # fmt: skip


def test_records_that_are_mapped_no_longer_give_their_keys_back(loaded: Loaded) -> None:
    source = loaded.source
    source.fleet.records = [trip(1), trip(2)]
    define(source, BY_ID)
    source.pull()
    source.fleet.records = [trip(1, state="draft", vehicle="V9")]
    source.pull()
    loaded.load()
    assert loaded.rows["T000001"][0] == "V9"
    define(source, DONE_ONLY)
    done = loaded.remap()
    assert done[1].path is None and done[1].records_unmapped == 1
    loaded.load()
    assert loaded.rows == {"T000001": ("Done", pytest.approx(1001.5)), "T000002": ("Done", pytest.approx(1002.5))}
    define(source, BY_ID)
    loaded.remap()
    loaded.load()
    assert loaded.rows["T000001"][0] == "V9", "and a later mapping takes them again, at the same place"


def test_the_archive_alone_is_enough(loaded: Loaded, connection: Connection) -> None:
    source = loaded.source
    define(source, BY_ID)
    source.pull()
    source.fleet.records[3] = trip(3, vehicle="V9")
    source.pull()
    loaded.load()
    before = loaded.rows
    shutil.rmtree(source.options.raw_dir)
    connection.execute("TRUNCATE raw.vehicles, ingest.files RESTART IDENTITY CASCADE")
    connection.execute("TRUNCATE source.pulls CASCADE")
    assert restore_pulls(connection, source.options.archive_dir) == 2
    assert restore_pulls(connection, source.options.archive_dir) == 0
    loaded.remap()
    loaded.load()
    assert loaded.rows == before
    assert source.pull().pull.state is PullState.UNCHANGED, "and pulls go on where they were"


def test_what_dies_while_a_file_is_made_anew_is_completed_by_the_next_call(
    loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = loaded.source
    define(source, BY_ID)
    source.pull()
    source.fleet.records[3] = trip(3, vehicle="V9")
    source.pull()
    loaded.load()
    define(source, BY_STATE)
    calls = []
    rename = Path.replace

    def fail(path: Path, target: Path) -> Path:
        if path.name.endswith(".zst.tmp"):
            calls.append(path)
            if len(calls) == 1:
                raise KeyboardInterrupt
        return rename(path, target)

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(KeyboardInterrupt):
        loaded.remap()
    loaded.load()
    loaded.remap()
    loaded.load()
    assert loaded.rows["T000003"][0] == "done" and len(loaded.rows) == 25
    assert {file.version for file in latest_files(loaded.connection).values()} == {1}


def test_a_damaged_page_is_told_and_changes_nothing(loaded: Loaded) -> None:
    source = loaded.source
    define(source, BY_ID)
    report = source.pull()
    loaded.load()
    before = loaded.rows
    page = next((source.options.archive_dir / "pages").rglob("*.zst"))
    page.write_bytes(page.read_bytes()[:-9])
    define(source, BY_STATE)
    with pytest.raises(Exception, match="is damaged"):
        loaded.remap()
    assert loaded.rows == before and report.file is not None and report.file.exists()


def test_another_dataset_is_no_mapping(loaded: Loaded) -> None:
    define(loaded.source, BY_ID)
    loaded.source.pull()
    loaded.source.definition = loaded.source.definition.replace("dataset: vehicles", "dataset: shipments")
    with pytest.raises(ConfigurationError, match="Give the resource another name"):
        loaded.remap()


def test_old_pulls_are_deleted_but_for_those_that_count(loaded: Loaded, connection: Connection) -> None:
    source = loaded.source
    define(source, BY_ID)
    for number in range(4):
        source.fleet.records[3] = trip(3, vehicle=f"V{number}")
        source.pull()
    connection.execute("UPDATE source.pulls SET finished_at = finished_at - interval '40 days' WHERE pull_id < 4")
    pages = list((source.options.archive_dir / "pages").rglob("*.zst"))
    for path in pages:
        os.utime(path, (1_000_000_000, 1_000_000_000))
    assert prune(connection, source.options.archive_dir, {"fleet": source.source}, 30).pulls == 3
    assert connection.execute("SELECT complete FROM source.totals").fetchall() == [(4,)]
    assert [row[0] for row in connection.execute("SELECT pull_id FROM source.pulls")] == [4]
    assert len(list((source.options.archive_dir / "pages").rglob("*.zst"))) == 3, "those of the pull that is left"
    assert source.pull().pull.state is PullState.UNCHANGED
