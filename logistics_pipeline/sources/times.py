"""Schedules, and times as APIs write them."""

import re
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from logistics_core.time_lengths import parse_length
from logistics_pipeline.sources.definition import Schedule, TimeFormat

_CRON_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_CRON_NAMES = {
    3: {name: number for number, name in enumerate(_MONTHS, 1)},
    4: {name: number for number, name in enumerate(_WEEKDAYS)},
}
_SHORTEST_PAUSE = timedelta(seconds=30)


def parse_schedule(text: str) -> Schedule:
    """A schedule: `every 15m`, or a cron expression of five fields.

    Raises:
        ValueError: it is neither.
    """
    if text.startswith("every "):
        every = parse_length(text.removeprefix("every "))
        if every < _SHORTEST_PAUSE:
            raise ValueError(f"is {text!r}. Expected: a pause of at least 30s.")
        return Schedule(text, every=every)
    fields = text.lower().split()
    if len(fields) != 5 or not all(_is_cron_field(field, number) for number, field in enumerate(fields)):
        raise ValueError(
            f"is {text!r}. Expected: `every` with a length of time, such as every 15m, or a cron expression of minute, "
            "hour, day, month and weekday, such as 0 6 * * 1-5."
        )
    return Schedule(text, cron=" ".join(fields))


def _is_cron_field(field: str, number: int) -> bool:
    lowest, highest = _CRON_RANGES[number]
    for part in field.split(","):
        found = re.fullmatch(r"(\*|([0-9a-z]+)(?:-([0-9a-z]+))?)(?:/([0-9]{1,4}))?", part)
        if found is None or found[4] == "0":
            return False
        names = _CRON_NAMES.get(number, {})
        ends = [names.get(end, int(end) if end.isdigit() else -1) for end in found.groups()[1:3] if end]
        if any(not lowest <= end <= highest for end in ends) or ends != sorted(ends):
            return False
    return True


def write_time(moment: datetime, form: str) -> str:
    """A time as an API wants it in a request."""
    moment = moment.astimezone(UTC)
    match form:
        case TimeFormat.ISO:
            whole = moment.strftime("%Y-%m-%dT%H:%M:%S")
            return f"{whole}{f'.{moment.microsecond // 1000:03d}' if moment.microsecond else ''}Z"
        case TimeFormat.DATE:
            return moment.date().isoformat()
        case TimeFormat.UNIX:
            return str(int(moment.timestamp()))
        case TimeFormat.UNIX_MILLISECONDS:
            return str(int(moment.timestamp() * 1000))
    return moment.strftime(form)


def read_time(value: Any, form: str) -> datetime:
    """A time that a record holds; in UTC where it does not say where.

    Raises:
        ValueError: it is no time in that form.
    """
    match form:
        case TimeFormat.UNIX:
            moment = _of_seconds(float(value))
        case TimeFormat.UNIX_MILLISECONDS:
            moment = _of_seconds(float(value) / 1000)
        case TimeFormat.ISO | TimeFormat.DATE:
            moment = datetime.fromisoformat(str(value).strip())
        case _:
            moment = datetime.strptime(str(value).strip(), form)  # noqa: DTZ007 - where it does not say, it is UTC
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _of_seconds(seconds: float) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError) as error:
        raise ValueError(f"{seconds} is no time") from error


def parse_start(value: Any) -> datetime:
    """A date or time that YAML or a person wrote, in UTC.

    Raises:
        ValueError: it is neither.
    """
    if isinstance(value, datetime):
        moment = value
    elif isinstance(value, date):
        moment = datetime(value.year, value.month, value.day, tzinfo=UTC)
    else:
        try:
            moment = datetime.fromisoformat(str(value).strip())
        except ValueError:
            raise ValueError(
                f"is {str(value)!r}. Expected: a date or a time in UTC, such as 2024-01-31 or 2024-01-31T06:00:00Z."
            ) from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def http_date(text: str) -> datetime | None:
    """The time in a header such as Date; None if there is none."""
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
