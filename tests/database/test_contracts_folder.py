"""The folder of contracts and the database: edits become versions, versions become files, and no edit is lost."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from logistics_pipeline.contracts.accepting import accept_contract
from logistics_pipeline.contracts.folder import SYNCED_FILE, SyncReport, sync_folder
from logistics_pipeline.contracts.texts import contract_of_text
from logistics_pipeline.contracts.versions import all_versions
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.database.contracts import catalogue_in_force
from tests.contract_texts import FUEL, with_station

BREAKING = FUEL.replace("type: number", "type: string").replace("{minimum: 0, maximum: 1000}", "{}")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "contracts"
    path.mkdir()
    return path


def accept(connection: Connection, text: str) -> None:
    """As another machine does, whose folder is another one."""
    accept_contract(connection, contract_of_text(text, "the file"), accepted_by="another machine", may_break=True)


def versions(connection: Connection) -> list[str]:
    return [each.contract for each in all_versions(connection, "fuel")]


def synced(connection: Connection, folder: Path) -> SyncReport:
    report = sync_folder(connection, folder)
    assert sync_folder(connection, folder).changes == [], "a second sync finds nothing to do"
    return report


def test_a_contract_of_a_person_becomes_version_1_and_its_edit_version_2(connection: Connection, folder: Path) -> None:
    path = folder / "any name.yaml"
    path.write_text(FUEL)
    assert synced(connection, folder).changes == ["Version 1 of the contract of fuel is in force."]

    path.write_text(with_station())
    report = synced(connection, folder)

    assert report.changes == [
        "Version 2 of the contract of fuel is in force. The field station (string) is new and optional."
    ]
    assert report.problems == [] and report.accepted
    assert versions(connection) == [FUEL, with_station()]
    assert sorted(each.name for each in folder.iterdir()) == [SYNCED_FILE, "any name.yaml"]


def test_an_edit_in_a_comment_alone_is_kept_as_a_version(connection: Connection, folder: Path) -> None:
    (folder / "fuel.yaml").write_text(FUEL)
    synced(connection, folder)
    (folder / "fuel.yaml").write_text("# owner: Anna\n" + FUEL)
    assert synced(connection, folder).problems == []
    assert versions(connection)[-1].startswith("# owner: Anna")


def test_a_breaking_edit_is_refused_stays_in_the_file_and_the_version_before_in_force(
    connection: Connection, folder: Path
) -> None:
    path = folder / "fuel.yaml"
    path.write_text(FUEL)
    synced(connection, folder)
    path.write_text(BREAKING)

    report = sync_folder(connection, folder)

    (problem,) = report.problems
    assert "breaking change. litres: number becomes string." in problem and f"accept {path}" in problem
    assert path.read_text() == BREAKING and versions(connection) == [FUEL]
    assert sync_folder(connection, folder).problems == [problem], "it is said until somebody acts"


def test_a_version_accepted_elsewhere_is_written(connection: Connection, folder: Path) -> None:
    (folder / "fuel.yaml").write_text(FUEL)
    synced(connection, folder)
    accept(connection, with_station())

    assert "is written: version 2" in synced(connection, folder).changes[0]
    assert (folder / "fuel.yaml").read_text() == with_station()


def test_a_folder_that_has_never_been_synced_is_brought_up_to_date(connection: Connection, folder: Path) -> None:
    accept(connection, FUEL)
    accept(connection, with_station())
    (folder / "old.yaml").write_text(FUEL)

    synced(connection, folder)

    assert (folder / "old.yaml").read_text() == with_station() and versions(connection) == [FUEL, with_station()]


def test_where_both_have_changed_nothing_is_overwritten(connection: Connection, folder: Path) -> None:
    path = folder / "fuel.yaml"
    path.write_text(FUEL)
    synced(connection, folder)
    edited = FUEL.replace("Payments with", "All payments with")
    path.write_text(edited)
    accept(connection, with_station())

    report = sync_folder(connection, folder)

    assert path.read_text() == edited and versions(connection) == [FUEL, with_station()]
    assert len(report.problems) == 1 and "Nothing is overwritten, and version 2 is in force" in report.problems[0]


def test_an_older_version_that_a_person_puts_back_is_an_edit(connection: Connection, folder: Path) -> None:
    path = folder / "fuel.yaml"
    for text in (FUEL, FUEL.replace("maximum: 1000", "maximum: 2000")):
        path.write_text(text)
        synced(connection, folder)
    path.write_text(FUEL.replace("Fuel cards", "Cards"))
    assert "narrower" in sync_folder(connection, folder).problems[0]
    assert len(versions(connection)) == 2


def test_a_deleted_file_is_written_again_and_the_dataset_stays(connection: Connection, folder: Path) -> None:
    (folder / "fuel.yaml").write_text(FUEL)
    synced(connection, folder)
    (folder / "fuel.yaml").unlink()

    assert "written again, as it was not there" in synced(connection, folder).changes[0]
    assert (folder / "fuel.yaml").read_text() == FUEL


def test_a_half_edited_file_is_a_problem_and_is_not_touched(connection: Connection, folder: Path) -> None:
    path = folder / "any.yaml"
    path.write_text(FUEL)
    synced(connection, folder)
    path.write_text(FUEL + "indexes: [")
    accept(connection, with_station())

    report = sync_folder(connection, folder)

    assert len(report.problems) == 1 and str(path) in report.problems[0]
    assert path.read_text() == FUEL + "indexes: [" and not (folder / "fuel.yaml").exists()


def test_one_bad_contract_does_not_keep_others_out(connection: Connection, folder: Path) -> None:
    (folder / "bad.yaml").write_text("name: bad")
    (folder / "fuel.yaml").write_text(FUEL)
    report = sync_folder(connection, folder)
    assert len(report.problems) == 1 and "fuel" in catalogue_in_force(connection)


def test_two_files_of_one_dataset_are_a_problem(connection: Connection, folder: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        (folder / name).write_text(FUEL)
    report = sync_folder(connection, folder)
    assert "there are two contracts of the dataset fuel" in report.problems[0]
    assert "fuel" not in catalogue_in_force(connection)


def test_contracts_that_refer_to_each_other_are_accepted_in_any_order(connection: Connection, folder: Path) -> None:
    key = "  foreignKeys: [{fields: [payment], reference: {resource: zones, fields: [payment]}}]\n  fields:"
    (folder / "a.yaml").write_text(FUEL.replace("name: fuel", "name: areas").replace("  fields:", key))
    (folder / "z.yaml").write_text(FUEL.replace("name: fuel", "name: zones"))

    assert synced(connection, folder).problems == []
    assert list(catalogue_in_force(connection))[-2:] == ["areas", "zones"]


def test_the_contract_of_a_retired_dataset_goes_and_does_not_come_back_by_itself(
    connection: Connection, folder: Path
) -> None:
    path = folder / "fuel.yaml"
    path.write_text(FUEL)
    synced(connection, folder)
    connection.execute("UPDATE catalogue.datasets SET retired_at = now()")

    assert "is removed: the dataset fuel is retired" in synced(connection, folder).changes[0]
    assert not path.exists()

    path.write_text(FUEL)
    assert "is the contract of a dataset that is retired" in sync_folder(connection, folder).problems[0]
    assert path.exists() and "fuel" not in catalogue_in_force(connection)


def test_a_folder_that_cannot_be_written_is_read_all_the_same(connection: Connection, tmp_path: Path) -> None:
    accept(connection, FUEL)
    not_a_folder = tmp_path / "contracts"
    not_a_folder.write_text("")
    report = sync_folder(connection, not_a_folder)
    assert "It is in force all the same" in report.problems[0]


def test_an_unreadable_note_of_the_last_sync_is_no_problem(connection: Connection, folder: Path) -> None:
    (folder / "fuel.yaml").write_text(FUEL)
    synced(connection, folder)
    (folder / SYNCED_FILE).write_text('{"fuel": 1')
    accept(connection, with_station())
    assert synced(connection, folder).problems == []
    assert (folder / "fuel.yaml").read_text() == with_station()


KILLED = textwrap.dedent(
    """
    import os, signal, sys
    from pathlib import Path
    from logistics_pipeline.contracts import folder
    from logistics_pipeline.contracts.accepting import accept_contract
    from logistics_pipeline.contracts.texts import contract_of_text
    from logistics_pipeline.database.connections import connect

    def die(*arguments, **keywords):
        os.kill(os.getpid(), signal.SIGKILL)

    url, path, text = sys.argv[1:]
    with connect(url) as connection:
        accept_contract(connection, contract_of_text(text, "it"), accepted_by="it", may_break=True)
        folder.replacing = die
        folder.sync_folder(connection, Path(path))
    """
)


@pytest.mark.parametrize("before", [None, FUEL])
def test_a_kill_between_the_transaction_and_the_file_is_mended_by_the_next_sync(
    connection: Connection, database_url: str, folder: Path, before: str | None
) -> None:
    if before is not None:
        (folder / "fuel.yaml").write_text(before)
        synced(connection, folder)

    done = subprocess.run(
        [sys.executable, "-c", KILLED, database_url, str(folder), with_station()],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        timeout=120,
        check=False,
    )

    assert done.returncode == -signal.SIGKILL
    assert versions(connection)[-1] == with_station()
    assert ((folder / "fuel.yaml").read_text() if before else None) == before
    assert "is written" in synced(connection, folder).changes[0]
    assert (folder / "fuel.yaml").read_text() == with_station()
