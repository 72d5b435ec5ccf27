"""Notes: what was understood about a file that is not plain is kept with the file, once, and shown."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from logistics_core.reject_threshold import RejectThreshold
from logistics_pipeline import ledger
from logistics_pipeline.cli.output import file_summary, load_result
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.ledger import LedgerFile
from tests.database.conftest import FolderUnderTest
from tests.database.records import vehicle


def _advance(connection: Connection, file: LedgerFile, notes: Sequence[str]) -> None:
    progress = ledger.Progress(file.records_read, 1, 1, 0, 0, 10, [], 0.1, notes)
    assert ledger.advance(connection, file.file_id, progress)


@pytest.fixture
def file(raw_folder: FolderUnderTest, connection: Connection) -> LedgerFile:
    return ledger.register(connection, raw_folder.drop("vehicles.json", [vehicle(1)]))


def test_notes_are_kept_once_in_the_order_in_which_they_came(connection: Connection, file: LedgerFile) -> None:
    file = ledger.begin(connection, file.file_id, None)
    _advance(connection, file, ["Second one.", "First one."])
    file = ledger.file_by_id(connection, file.file_id)
    _advance(connection, file, ["First one.", "Third one."])
    ledger.finish(
        connection, file.file_id, content_hash=None, file_format="csv", seconds=0, notes=["Fourth one.", "Second one."]
    )

    file = ledger.file_by_id(connection, file.file_id)

    assert file.notes == ["Second one.", "First one.", "Third one.", "Fourth one."]
    assert load_result(file, Path(file.path))["notes"] == file.notes
    assert file_summary(file, RejectThreshold.parse("1%")).splitlines()[1:] == [f"  {note}" for note in file.notes]


def test_a_file_that_failed_keeps_its_notes_and_a_resumed_load_those_of_its_batches(
    connection: Connection, file: LedgerFile
) -> None:
    file = ledger.begin(connection, file.file_id, None)
    _advance(connection, file, ["From a batch."])
    ledger.fail(connection, file.file_id, "It broke.", notes=["From the beginning."])

    resumed = ledger.begin(connection, file.file_id, None)

    assert resumed.notes == ["From a batch.", "From the beginning."]


def test_a_file_of_which_nothing_was_read_begins_without_notes(connection: Connection, file: LedgerFile) -> None:
    ledger.begin(connection, file.file_id, None)
    ledger.fail(connection, file.file_id, "It broke.", notes=["Of another attempt."])

    assert ledger.begin(connection, file.file_id, None).notes == []


def test_notes_are_limited_in_number(connection: Connection, file: LedgerFile) -> None:
    file = ledger.begin(connection, file.file_id, None)
    _advance(connection, file, [f"Note {number}." for number in range(1000)])

    assert ledger.file_by_id(connection, file.file_id).notes == [f"Note {n}." for n in range(ledger.MAX_NOTES)]


def test_unloading_a_file_clears_its_notes(connection: Connection, file: LedgerFile) -> None:
    file = ledger.begin(connection, file.file_id, None)
    _advance(connection, file, ["A note."])

    ledger.clear(connection, file.file_id, ledger.file_by_id(connection, file.file_id).state)

    assert ledger.file_by_id(connection, file.file_id).notes == []
