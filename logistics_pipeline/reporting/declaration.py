"""What `reports.yaml` declares."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class Report:
    """A board that is sent on a schedule."""

    name: str
    board: str
    """ID or title."""
    schedule: str
    """Five fields of cron."""
    endpoints: tuple[str, ...]
    title: str = ""
    """Unset: the board's."""
    time_zone: str = "UTC"
    days: str = "7d"
    """Which days it is about, see `days`."""
    fresh_within: timedelta | None = None
    """How long ago the figures may have been refreshed."""
