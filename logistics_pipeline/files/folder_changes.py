"""Says when something changes in a folder, as the operating system tells it."""

import logging
import time
from pathlib import Path
from stat import S_ISDIR
from threading import Event, Lock, Thread

from watchfiles import Change, watch

from logistics_core.raw_folder_rules import is_ignored
from logistics_pipeline.files.folder import FoundFile
from logistics_pipeline.files.renamed_files import RenamedFiles

logger = logging.getLogger(__name__)

_STEP_MS, _DEBOUNCE_MS = 50, 200
"""Changes that follow each other within a step are told together, at the latest after the debounce time."""
RETRY_SECONDS = 60.0
"""How long a system that told nothing is left alone: asking costs a call for each folder."""


class FolderChanges:
    """Watches a folder and all below it from the first question on, once the folder is there.

    A folder that is deleted, or moved away, is watched anew once there is one of its name again.

    Where the system tells nothing (a network share, too many folders for its limits), nothing is ever said to have
    changed: this is a reason to look sooner, never to look less often. Nor is what happens to files that are ignored.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = Lock()
        self._thread: Thread | None = None
        self._watched: tuple[int, int] | None = None
        """Device and inode of the folder that is watched; None before the first."""
        self._changed = Event()
        self._stop = Event()
        self._problem: str | None = None
        self._retry_at = 0.0
        self._renamed = RenamedFiles(folder)

    def wait(self, seconds: float) -> bool:
        """Waits for a change. Returns whether something has changed since the last question."""
        with self._lock:  # an evaluation by hand may come at the same time
            self._follow()
        has_changed = self._changed.wait(seconds)
        self._changed.clear()
        return has_changed

    def was_renamed(self, file: FoundFile) -> bool:
        """Whether a file was renamed into the folder as it is: whoever wrote it has finished."""
        return self._renamed.include(str(file.path), (file.size_bytes, file.modified_ns))

    def close(self) -> None:
        """Stops watching."""
        self._renamed.close()
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _follow(self) -> None:
        """Watches the folder that is there now, if there is one."""
        folder = _identity(self._folder)
        if folder is None or (folder == self._watched and self._hears()) or time.monotonic() < self._retry_at:
            return
        if self._watched is not None:
            self.close()
            self._changed.set()  # nobody knows what has happened meanwhile
        self._watched, self._stop = folder, Event()
        self._thread = Thread(target=self._watch, name="changes in the raw folder", args=[self._stop], daemon=True)
        self._thread.start()
        self._renamed.start()

    def _hears(self) -> bool:
        return self._thread is not None and self._thread.is_alive() and self._renamed.hears()

    def _watch(self, stop: Event) -> None:
        """Ends with the folder."""
        try:
            for changes in watch(
                self._folder,
                watch_filter=_concerns_a_file,
                step=_STEP_MS,
                debounce=_DEBOUNCE_MS,
                stop_event=stop,
                raise_interrupt=False,
                ignore_permission_denied=True,
            ):
                self._changed.set()
                if (Change.deleted, str(self._folder)) in changes:
                    break
        except Exception as error:  # noqa: BLE001 - a thread's edge, and the library raises what the system says
            self._report(str(error))
            self._retry_at = time.monotonic() + RETRY_SECONDS

    def _report(self, problem: str) -> None:
        """Reports what the system says once."""
        if problem != self._problem:
            logger.warning(
                "The system does not tell what changes in %s (%s): files are found at the next look.",
                self._folder,
                problem,
            )
        self._problem = problem


def _identity(folder: Path) -> tuple[int, int] | None:
    """Which folder it is; None if there is none."""
    try:
        status = folder.stat()
    except OSError:
        return None
    return (status.st_dev, status.st_ino) if S_ISDIR(status.st_mode) else None


def _concerns_a_file(_: Change, path: str) -> bool:
    return not is_ignored(Path(path).name)
