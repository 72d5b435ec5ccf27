"""A file that was renamed into the folder is known to be finished; one that may still be written is not."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from watchdog.observers import inotify

from logistics_pipeline.files import renamed_files
from logistics_pipeline.files.folder import RawFolder
from logistics_pipeline.files.folder_changes import FolderChanges

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells of renames")

PATIENCE = 30.0
"""Waiting ends with the news, so this costs time only where a test fails."""


class Folder:
    """A watched folder beside one that is not watched."""

    def __init__(self, folder: Path) -> None:
        self.raw, self.elsewhere = folder / "raw", folder / "elsewhere"
        for each in (self.raw, self.elsewhere):
            each.mkdir()
        self.changes = FolderChanges(self.raw)
        assert not self.changes.wait(0.1)  # it begins to watch with the first question

    def was_renamed(self, path: Path) -> bool:
        found = RawFolder(self.raw).look_at(path)
        return found is not None and self.changes.was_renamed(found)

    def bring(self, path: Path, source: Path | None = None, text: str = "[]") -> Path:
        source = source or self.elsewhere / path.name
        source.write_text(text)
        source.rename(path)
        return path

    def wait_for(self, path: Path) -> None:
        deadline = time.monotonic() + PATIENCE
        while not self.was_renamed(path):
            assert time.monotonic() < deadline, f"{path} was not told"
            time.sleep(0.01)

    def wait_for_all_news(self) -> None:
        """What has happened before is told before."""
        self.wait_for(self.bring(self.raw / "last.json"))


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    watched = Folder(tmp_path)
    yield watched
    watched.changes.close()


@pytest.mark.parametrize("source", ["elsewhere/a.json", "raw/a.json.part", "raw/.a.json", "raw/.unfinished/a.json"])
def test_a_file_renamed_from_elsewhere_or_from_a_name_that_is_ignored_is_finished(folder: Folder, source: str) -> None:
    path = folder.raw.parent / source
    path.parent.mkdir(exist_ok=True)

    folder.wait_for(folder.bring(folder.raw / "a.json", path))


def test_so_is_one_in_a_folder_that_was_made_since(folder: Folder) -> None:
    (folder.raw / "shipments").mkdir()
    assert folder.changes.wait(PATIENCE)
    folder.wait_for_all_news()

    folder.wait_for(folder.bring(folder.raw / "shipments" / "june.json"))


def write_in_place(folder: Folder, path: Path) -> None:
    path.write_text("[]")


def rename_and_write_on(folder: Folder, path: Path) -> None:
    unfinished = folder.elsewhere / "a.json"
    with unfinished.open("w") as file:
        file.write("[")
        file.flush()
        unfinished.rename(path)
        folder.wait_for(path)
        file.write("]")


def write_again_after_it_was_renamed(folder: Folder, path: Path) -> None:
    folder.wait_for(folder.bring(path))
    later = path.stat().st_mtime_ns + 1
    path.write_text("{}")
    os.utime(path, ns=(later, later))


def rename_a_file_that_was_visible(folder: Folder, path: Path) -> None:
    folder.bring(path, folder.raw / "log.json")


def rename_the_folder_of_the_file(folder: Folder, path: Path) -> None:
    (folder.elsewhere / "a.json").write_text("[]")
    folder.elsewhere.rename(folder.raw / "batch")
    folder.elsewhere.mkdir()


def link(folder: Folder, path: Path) -> None:
    unfinished = folder.elsewhere / "a.json"
    unfinished.write_text("[]")
    path.hardlink_to(unfinished)


def rename_a_link(folder: Folder, path: Path) -> None:
    (folder.elsewhere / "unfinished.json").write_text("[")
    link = folder.elsewhere / "link"
    link.symlink_to(folder.elsewhere / "unfinished.json")
    link.rename(path)


@pytest.mark.parametrize(
    "bring",
    [
        write_in_place,
        rename_and_write_on,
        write_again_after_it_was_renamed,
        rename_a_file_that_was_visible,
        rename_the_folder_of_the_file,
        link,
        rename_a_link,
    ],
)
def test_a_file_that_may_still_be_written_is_not(folder: Folder, bring: Callable[[Folder, Path], None]) -> None:
    path = folder.raw / ("batch/a.json" if bring is rename_the_folder_of_the_file else "a.json")

    bring(folder, path)
    folder.wait_for_all_news()

    assert path.exists()
    assert not folder.was_renamed(path)


def test_where_the_system_does_not_tell_it_that_is_logged_and_files_have_to_settle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(_: object) -> None:
        raise OSError("inotify watch limit reached")

    monkeypatch.setattr(inotify.InotifyObserver, "start", refuse)
    folder = Folder(tmp_path)
    folder.bring(folder.raw / "a.json")

    assert folder.changes.wait(PATIENCE)
    assert not folder.was_renamed(folder.raw / "a.json")
    folder.changes.close()
    assert "The system does not tell what is renamed into" in caplog.text


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_library_that_has_stopped_reading_is_started_again(folder: Folder) -> None:
    """watchdog 6.0.0 does, where a folder was moved out and another of its name was made and deleted."""
    batch, moved = folder.raw / "batch", folder.elsewhere / "batch"
    for step in (batch.mkdir, partial(batch.rename, moved), batch.mkdir, batch.rmdir, moved.rmdir):
        step()
        time.sleep(0.1)
    while folder.changes.wait(0.5):
        pass

    folder.wait_for(folder.bring(folder.raw / "a.json"))


def test_only_the_newest_are_remembered(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renamed_files, "MOST_FILES", 1)
    first = folder.bring(folder.raw / "a.json")
    folder.wait_for(first)

    folder.wait_for_all_news()

    assert not folder.was_renamed(first)
