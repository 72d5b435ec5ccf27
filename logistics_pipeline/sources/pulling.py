"""Runs a pull: asks a source for a resource page by page, archives each page, and lands one file at the end."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from logistics_core.settings import Settings
from logistics_pipeline.errors import PipelineError
from logistics_pipeline.sources.definition import RestSource
from logistics_pipeline.sources.pulls import PullReport


@dataclass(frozen=True)
class PullOptions:
    """Where pulls put what they read."""

    raw_dir: Path
    archive_dir: Path

    @classmethod
    def of(cls, settings: Settings) -> "PullOptions":
        """The folders that the settings give."""
        return cls(settings.raw_dir, settings.archive_dir)


@dataclass(frozen=True)
class PullRequest:
    """What is asked of a pull beyond the definition."""

    since: datetime | None = None
    """Begin here instead of where the last pull ended."""
    until: datetime | None = None
    is_backfill: bool = False
    """It fills a gap: the next pull begins where it would have begun without."""
    run_id: str | None = None
    """The Dagster run."""


class PullBusyError(PipelineError):
    """Another process pulls the same resource at this moment."""


OnPage = Callable[[int, int], None]
"""Called with the numbers of pages and records so far."""


def pull(
    url: str,
    source: RestSource,
    resource: str,
    options: PullOptions,
    request: PullRequest | None = None,
    on_page: OnPage | None = None,
) -> PullReport:
    """Pulls one resource into the raw folder; goes on with the pull that an earlier run has left open.

    What the source does wrong is in the report: its pull has the state `failed` or `paused`, and the next call goes on
    at the page where this one ended. `url` is that of the database.

    Raises:
        TransientError: the database cannot be reached, or the disk is full.
        PullBusyError: another process pulls the same resource.
    """
    raise PipelineError(f"{source.name}: pulls of {resource} are not built yet.")
