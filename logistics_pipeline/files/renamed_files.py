"""Knows which files were renamed into a folder, as Linux tells it: whoever writes elsewhere and renames has finished.

A file that appears otherwise may still be written, and one that was visible before under another name as well.
"""

import logging
import os
import sys
from pathlib import Path
from stat import S_ISREG
from threading import Lock, Thread
from typing import TYPE_CHECKING

from watchdog.events import DirCreatedEvent, FileMovedEvent, FileSystemEvent, FileSystemEventHandler

from logistics_core.raw_folder_rules import is_ignored

if TYPE_CHECKING:
    from watchdog.observers.api import BaseObserver, EventEmitter

logger = logging.getLogger(__name__)

MOST_FILES = 20_000
"""As many are remembered, some 5 MB; the others have to settle."""

Content = tuple[int, int]
"""Size in bytes and modification time in nanoseconds of a file when it was renamed."""


class RenamedFiles:
    """Watches a folder and the folders below it, but not behind links.

    Where the system tells nothing, or not all, no file is known to have been renamed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = Lock()
        self._renamed: dict[str, Content] = {}
        """By path, the oldest first."""
        self._observer: BaseObserver | None = None
        self._problem: str | None = None

    def start(self) -> None:
        """Begins to watch."""
        if sys.platform != "linux":
            return
        from watchdog.observers.inotify import InotifyObserver

        observer = InotifyObserver(generate_full_events=True)
        # Folders that are made, as they are watched as well; else nothing but renames, however much is written.
        observer.schedule(
            _Handler(self), str(self._folder), recursive=True, event_filter=[FileMovedEvent, DirCreatedEvent]
        )
        try:
            observer.start()
        except OSError as error:
            self._report(str(error))
            return
        self._observer = observer

    def _report(self, problem: str) -> None:
        """Reports what the system says once."""
        if problem != self._problem:
            logger.warning(
                "The system does not tell what is renamed into %s (%s): files have to settle.", self._folder, problem
            )
        self._problem = problem

    def close(self) -> None:
        """Stops watching."""
        if self._observer is not None:
            self._observer.stop()
            self._observer.join()
            self._observer = None

    def hears(self) -> bool:
        """Whether nothing has ended that had begun to watch.

        The thread that watchdog reads with ends with the folder, and with an error where a folder was moved out of it
        and another of its name was made and deleted (6.0.0).
        """
        if self._observer is None:
            return True
        return all(emitter.is_alive() and _reader(emitter).is_alive() for emitter in self._observer.emitters)

    def include(self, path: str, content: Content) -> bool:
        """Whether this file was renamed into the folder, and has not changed since."""
        with self._lock:
            return self._renamed.get(path) == content

    def note(self, source: str, target: str) -> None:
        """Notes that a file was renamed; `source` is empty if it was not in the folder before."""
        content = None if source and self._is_visible(source) else _content(Path(target))
        with self._lock:
            self._renamed.pop(target, None)
            if content is not None:
                self._renamed[target] = content
            if len(self._renamed) > MOST_FILES:
                del self._renamed[next(iter(self._renamed))]

    def _is_visible(self, path: str) -> bool:
        return not any(map(is_ignored, Path(path).relative_to(self._folder).parts))


def _content(path: Path) -> Content | None:
    """None if there is no file any more, or a link: what it leads to may still be written."""
    try:
        status = path.lstat()
    except OSError:
        return None
    return (status.st_size, status.st_mtime_ns) if S_ISREG(status.st_mode) else None


def _reader(emitter: "EventEmitter") -> Thread:
    """The thread that reads what the system tells; it is private to watchdog."""
    reader: Thread | None = vars(emitter).get("_inotify")
    return emitter if reader is None else reader


class _Handler(FileSystemEventHandler):
    def __init__(self, renamed: RenamedFiles) -> None:
        self._files = renamed

    def on_moved(self, event: FileSystemEvent) -> None:
        """Passes on what happened to a file itself: one in a folder that was renamed may still be written."""
        if event.dest_path and not event.is_directory and not event.is_synthetic:
            self._files.note(os.fsdecode(event.src_path), os.fsdecode(event.dest_path))
