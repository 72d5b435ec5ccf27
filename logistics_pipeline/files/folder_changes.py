"""Says when something changes in a folder, as the operating system tells it."""

import logging
from pathlib import Path
from threading import Event, Lock, Thread

from watchfiles import watch

logger = logging.getLogger(__name__)

_STEP_MS, _DEBOUNCE_MS = 50, 200
"""Changes that follow each other within a step are told together, at the latest after the debounce time."""


class FolderChanges:
    """Watches a folder and all below it from the first question on, once the folder is there.

    Where the system tells nothing (a network share, too many folders for its limits), nothing is ever said to have
    changed: this is a reason to look sooner, never to look less often.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = Lock()
        self._thread: Thread | None = None
        self._changed = Event()
        self._stop = Event()

    def wait(self, seconds: float) -> bool:
        """Waits for a change. Returns whether something has changed since the last question."""
        self._start()
        has_changed = self._changed.wait(seconds)
        self._changed.clear()
        return has_changed

    def close(self) -> None:
        """Stops watching."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _start(self) -> None:
        with self._lock:  # an evaluation by hand may come at the same time
            if self._thread is None and self._folder.is_dir():
                self._thread = Thread(target=self._watch, name="changes in the raw folder", daemon=True)
                self._thread.start()

    def _watch(self) -> None:
        try:
            for _ in watch(
                self._folder,
                watch_filter=None,
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
