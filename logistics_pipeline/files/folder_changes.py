"""Says when something changes in a folder, as the operating system tells it."""

import logging
from pathlib import Path
from threading import Event, Lock, Thread

from watchfiles import Change, watch

from logistics_core.raw_folder_rules import is_ignored
from logistics_pipeline.files.folder import FoundFile
from logistics_pipeline.files.renamed_files import RenamedFiles

logger = logging.getLogger(__name__)

_STEP_MS, _DEBOUNCE_MS = 50, 200
"""Changes that follow each other within a step are told together, at the latest after the debounce time."""


class FolderChanges:
    """Watches a folder and all below it from the first question on, once the folder is there.

    Where the system tells nothing (a network share, too many folders for its limits), nothing is ever said to have
    changed: this is a reason to look sooner, never to look less often. Nor is what happens to files that are ignored.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = Lock()
        self._thread: Thread | None = None
        self._changed = Event()
        self._stop = Event()
        self._renamed = RenamedFiles(folder)

    def wait(self, seconds: float) -> bool:
        """Waits for a change. Returns whether something has changed since the last question."""
        self._start()
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

    def _start(self) -> None:
        with self._lock:  # an evaluation by hand may come at the same time
            if self._thread is None and self._folder.is_dir():
                self._thread = Thread(target=self._watch, name="changes in the raw folder", daemon=True)
                self._thread.start()
                self._renamed.start()

    def _watch(self) -> None:
        try:
            for _ in watch(
                self._folder,
                watch_filter=_concerns_a_file,
                step=_STEP_MS,
                debounce=_DEBOUNCE_MS,
                stop_event=self._stop,
                raise_interrupt=False,
                ignore_permission_denied=True,
            ):
                self._changed.set()
        except Exception as error:  # noqa: BLE001 - a thread's edge, and the library raises what the system says
            logger.warning(
                "The system does not tell what changes in %s (%s): files are found at the next look.",
                self._folder,
                error,
            )


def _concerns_a_file(_: Change, path: str) -> bool:
    return not is_ignored(Path(path).name)
