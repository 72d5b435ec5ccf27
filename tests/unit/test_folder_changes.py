"""What the operating system tells of a folder is heard, also between two questions and in folders made since."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from logistics_pipeline.files import folder_changes
from logistics_pipeline.files.folder_changes import FolderChanges

PATIENCE = 30.0
"""Waiting ends with the change, so this costs time only where a test fails."""


@pytest.fixture
def changes(tmp_path: Path) -> Iterator[FolderChanges]:
    watched = FolderChanges(tmp_path)
    assert not watched.wait(0.3)  # it begins to watch with the first question
    yield watched
    watched.close()


def test_a_new_file_ends_the_waiting_and_is_told_once(changes: FolderChanges, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("[]")

    assert changes.wait(PATIENCE)
    while changes.wait(0.5):  # creation and content may be told one after the other
        pass


def test_a_file_that_is_renamed_into_a_folder_made_since_is_seen(changes: FolderChanges, tmp_path: Path) -> None:
    (tmp_path / "shipments").mkdir()
    assert changes.wait(PATIENCE)
    unfinished = tmp_path / "shipments" / "june.part"
    unfinished.write_text("[]")
    while changes.wait(0.5):
        pass

    unfinished.rename(unfinished.with_suffix(".json"))

    assert changes.wait(PATIENCE)


def test_what_happened_between_two_questions_is_told_by_the_next(changes: FolderChanges, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("[]")
    assert changes.wait(PATIENCE)
    while changes.wait(0.5):
        pass
    (tmp_path / "b.json").write_text("[]")

    assert changes.wait(PATIENCE)


def test_a_folder_is_watched_once_it_is_there(tmp_path: Path) -> None:
    watched = FolderChanges(tmp_path / "raw")
    assert not watched.wait(0.3)
    (tmp_path / "raw").mkdir()
    assert not watched.wait(0.3)

    (tmp_path / "raw" / "a.json").write_text("[]")

    assert watched.wait(PATIENCE)
    watched.close()


def delete(folder: Path) -> None:
    folder.rmdir()


def move_away(folder: Path) -> None:
    folder.rename(folder.with_name("old"))


@pytest.mark.parametrize("lose", [delete, move_away])
def test_a_folder_that_was_lost_is_watched_again_once_it_is_back(tmp_path: Path, lose: Callable[[Path], None]) -> None:
    folder = tmp_path / "raw"
    folder.mkdir()
    watched = FolderChanges(folder)
    assert not watched.wait(0.1)
    lose(folder)
    assert watched.wait(PATIENCE)
    assert not watched.wait(0.1)
    folder.mkdir()
    assert watched.wait(PATIENCE)  # nobody knows what has happened meanwhile
    while watched.wait(0.3):
        pass

    (folder / "a.json").write_text("[]")

    assert watched.wait(PATIENCE)
    watched.close()


def test_a_system_that_told_nothing_is_asked_again_after_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("OS file watch limit reached")

    watched = FolderChanges(tmp_path)
    with monkeypatch.context() as limited:
        limited.setattr(folder_changes, "watch", refuse)
        limited.setattr(folder_changes, "RETRY_SECONDS", 0.0)
        assert not watched.wait(0.1)
        watched.wait(0.1)

    while not watched.wait(0.1):
        pass
    (tmp_path / "a.json").write_text("[]")

    assert watched.wait(PATIENCE)
    watched.close()
    assert caplog.text.count("OS file watch limit reached") == 1


def test_where_the_system_tells_nothing_that_is_logged_and_nothing_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("OS file watch limit reached")

    monkeypatch.setattr(folder_changes, "watch", refuse)
    watched = FolderChanges(tmp_path)

    assert not watched.wait(0.3)
    watched.close()

    assert f"The system does not tell what changes in {tmp_path} (OS file watch limit reached)" in caplog.text
