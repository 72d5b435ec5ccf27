"""Tells the person at the terminal of files that fail or are not recognised while the system runs."""

import time
from collections.abc import Callable

from logistics_core.reject_threshold import RejectThreshold
from logistics_pipeline import ledger
from logistics_pipeline.cli.output import file_summary
from logistics_pipeline.database.connections import connect
from logistics_pipeline.errors import PipelineError, TransientError
from logistics_pipeline.ledger import LedgerFile

LOOK_SECONDS = 5
MOST_FILES = 1_000
"""Files looked at each time: of more that fail within a few seconds, the first are only in the ledger."""


class FileProblems:
    """Says each problem of a file once. What was there at first is not new."""

    def __init__(self, url: str, threshold: RejectThreshold, say: Callable[[str], None]) -> None:
        self._url = url
        self._threshold = threshold
        self._say = say
        self._known = set(map(_problem, self._find()))
        self._looked_at = time.monotonic()

    def check(self) -> None:
        """Looks again if some seconds have passed. Call it about once a second."""
        if time.monotonic() - self._looked_at < LOOK_SECONDS:
            return
        self._looked_at = time.monotonic()
        try:
            found = self._find()
        except (PipelineError, TransientError):
            return  # the database is away: others say so
        for file in found:
            if _problem(file) not in self._known:
                self._say(file_summary(file, self._threshold))
        self._known = set(map(_problem, found))

    def _find(self) -> list[LedgerFile]:
        with connect(self._url, application_name="logistics up") as connection:
            return ledger.latest_problems(connection, MOST_FILES)


def _problem(file: LedgerFile) -> tuple[int, str, str | None]:
    return file.file_id, file.state, file.error
