"""When a report is due: the windows of a schedule in a time zone.

The schedule is that of Debian's cron, by the library cronsim: a time that clocks skip is reached at the jump, one that
comes twice counts once, and what runs every hour or minute goes by elapsed time.
"""

from collections import deque
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

LONGEST_LOOK_BACK = timedelta(days=32)
"""Windows before that, while nothing ran, are not looked for."""
_MOST = 1_000
_FIELDS = 5


def check_schedule(schedule: str) -> None:
    """Checks that a schedule can be read, and that it ever comes.

    Raises:
        ValueError: it cannot.
    """
    message = f"is {schedule!r}. Expected: five fields of cron (minute hour day month weekday), such as 0 7 * * 1."
    if len(schedule.split()) != _FIELDS:
        raise ValueError(message)
    try:
        next(CronSim(schedule, datetime(2024, 1, 1, tzinfo=UTC)))
    except CronSimError as error:
        raise ValueError(f"{message} {str(error).rstrip('.')}.") from None
    except StopIteration:
        raise ValueError(f"is {schedule!r}, which never comes.") from None


def windows_between(schedule: str, zone: ZoneInfo, after: datetime, until: datetime) -> list[datetime]:
    """The windows after one instant and until another, both included at the end alone, the last thousand. In UTC."""
    begin = max(after, until - LONGEST_LOOK_BACK).astimezone(zone)
    found: deque[datetime] = deque(maxlen=_MOST)
    for window in CronSim(schedule, begin):
        instant = window.astimezone(UTC)
        if instant > until:
            break
        if instant > after:
            found.append(instant)
    return list(found)


def next_window(schedule: str, zone: ZoneInfo, after: datetime) -> datetime:
    """The first window after an instant. In UTC."""
    return next(CronSim(schedule, after.astimezone(zone))).astimezone(UTC)
