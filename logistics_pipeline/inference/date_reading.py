"""Columns of dates, timestamps, times of day and durations: which forms fit every value."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from functools import partial
from typing import NamedTuple

from logistics_core.catalogue import FieldType
from logistics_pipeline.inference.column_types import Column, Doubt, Reading, hang_on_it
from logistics_pipeline.inference.names import words_of
from logistics_pipeline.loading.contract.clock_times import read_time, read_timestamp
from logistics_pipeline.loading.contract.dates import (
    FIRST_DATE,
    LAST_DATE,
    ORDER_NAMES,
    ORDERS,
    NumberOrder,
    UnknownOrderError,
    possible_orders,
    read_day,
    without_time,
)
from logistics_pipeline.loading.contract.durations import read_duration

DATE_WORDS = frozenset(
    {
        "date", "day", "datum", "tag", "data", "fecha", "jour", "dia", "giorno", "dato", "dzien", "tarih",
        "time", "timestamp", "datetime", "zeit", "zeitpunkt", "dt", "dob", "birthday", "geburtstag", "am", "on", "at",
        "created", "updated", "modified", "due", "shipped", "delivered", "ordered", "closed", "opened", "begin",
        "start", "end", "from", "to", "since", "until", "when", "period",
    }
)  # fmt: skip
"""Words in the name of a column that says that it holds dates. `data` is the Italian, Portuguese and Polish one."""

_NOT_DATES = frozenset({"version", "release", "part", "sku", "code", "id", "ref", "ip", "no", "nr", "number", "model"})
_DURATION_WORDS = frozenset(
    {"duration", "elapsed", "dauer", "duree", "duracion", "durata", "length", "runtime", "took"}
)

_MAY_BE_DATE = re.compile(
    r"[0-9]{1,4}[-/. ]?[0-9WA-Za-z].{2,34}|[A-Za-z]{3,9}[-./ ]+[0-9].{2,30}|[0-9]{8}[T ].{2,30}", re.ASCII
)
_NUMBERS = re.compile(r"([0-9]{1,2})([-./])([0-9]{1,2})\2([0-9]{4}|[0-9]{2})", re.ASCII)
_ZONE = re.compile(r"(?:Z|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?)\Z", re.ASCII | re.IGNORECASE)
_TIME_PART = re.compile(
    r"[0-9],?[T ] *[0-9]{1,2}(?::[0-9]{2}|[ \u00a0\u2009\u202f]?[ap]\.?m)"
    r"|\A[0-9]{4}-?(?:[0-9]{2}-?[0-9]{2}|W[0-9]{2}-?[0-9])[T ][0-9]{2}",
    re.ASCII | re.IGNORECASE,
)
_ISO_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_ISO_TIMESTAMP = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{3,6})?)?"
    r"(?:Z|[+-][0-9]{2}:?[0-9]{2})?"
)
_YEAR_MONTH = re.compile(r"[12][0-9]{3}-(?:0[1-9]|1[0-2])")
_CLOCK = re.compile(
    r"([0-9]{1,3}):([0-5][0-9])(?::([0-5][0-9])(?:[.,][0-9]+)?)?( ?[ap]\.?m\.?)?", re.ASCII | re.IGNORECASE
)
_DURATION = re.compile(
    r"-?P(?=[0-9T])(?:[0-9.]+Y)?(?:[0-9.]+M)?(?:[0-9.]+W)?(?:[0-9.]+D)?(?:T(?=[0-9])(?:[0-9.]+H)?(?:[0-9.]+M)?(?:[0-9.]+S)?)?"
    r"|-?[0-9]+ days?,? [0-9]{1,2}:[0-5][0-9]:[0-5][0-9](?:\.[0-9]+)?"
    r"|[0-9]+ ?h(?:ours?|rs?)? ?[0-9]{1,2} ?m(?:in(?:utes?)?)?(?: ?[0-9]{1,2} ?s(?:ec)?)?"
    r"|[0-9]+ ?m(?:in(?:utes?)?)? ?[0-9]{1,2} ?s(?:ec)?",
    re.ASCII | re.IGNORECASE,
)
_MIDNIGHT = re.compile(r"24:00(?::00(?:[.,]0+)?)?")
_LAST_SENTINELS = frozenset({"9999-12-31", "2999-12-31", "2099-12-31", "1900-01-01", "1899-12-30", "0001-01-01"})


class _Day(NamedTuple):
    """A date as written."""

    text: str
    day: str
    """Without the time of day."""
    orders: tuple[NumberOrder, ...]
    """In which a date of all numbers is one; empty for every other form."""
    form: str


def is_date(text: str) -> bool:
    """Whether a text is a date or a timestamp in some form."""
    return _MAY_BE_DATE.fullmatch(text) is not None and _day(text) is not None


def is_clock(text: str) -> bool:
    """Whether a text is a time of day or a duration that a load reads, by some format."""
    if _CLOCK.fullmatch(text) is None and _DURATION.fullmatch(text) is None:
        return False
    return any(map(partial(_reads, text), (read_time, read_duration, _read_hours)))


def _read_hours(text: str) -> object:
    return read_duration(text, "%H:%M")


def _reads(text: str, read: Callable[[str], object]) -> bool:
    try:
        read(text)
    except ValueError:
        return False
    return True


def is_year_month(text: str) -> bool:
    """Whether a text is a month of a year, as ISO 8601 writes it."""
    return _YEAR_MONTH.fullmatch(text) is not None


def _day(text: str) -> _Day | None:
    day = without_time(text)
    numbers = _NUMBERS.fullmatch(day)
    if numbers is not None:
        orders = possible_orders(day)
        return _Day(text, day, orders, "numbers") if orders else None
    try:
        found = read_day(text)
    except UnknownOrderError:
        return None
    if found is None:
        return None
    form = "ISO" if day[:4].isdigit() else "with the name of the month"
    iso_day = (
        text[:10] if _ISO_DAY.match(text) else text.partition("T")[0] if "T" in text and text[0].isdigit() else day
    )
    return _Day(text, iso_day, (), form)


def _days(texts: Iterable[str]) -> Iterator[tuple[str, _Day | None]]:
    """Yields each text as a date. Each day and each time is looked at once: there are many pairs of few."""
    known: dict[str, _Day | None] = {}
    are_times: dict[str, bool] = {}
    for text in texts:
        head, space, clock = text.partition(" ")
        if space and head not in known:
            known[head] = _day(head)
        if space and clock not in are_times:
            are_times[clock] = without_time(f"2024-01-05 {clock}") == "2024-01-05"
        day = known[head] if space else None
        yield text, day._replace(text=text) if day is not None and are_times[clock] else _day(text)


def has_time(text: str) -> bool:
    """Whether a time of day follows a date."""
    return len(text) > len("2024-1-5") and _TIME_PART.search(text) is not None


def read_dates(column: Column, texts: Sequence[str]) -> tuple[Reading, Sequence[str]]:
    """Decides what a column is whose texts look like dates; also returns the texts that are none after all."""
    quick = _read_iso(column, texts)
    if quick is not None:
        return quick, ()
    days = list(_days(texts))
    misfits = [text for text, day in days if day is None]
    if misfits:
        return Reading(FieldType.STRING), misfits
    found = [day for _, day in days if day is not None]
    numbers = [day for day in found if day.orders]
    lost = _lost_times(texts)
    if lost:
        return Reading(FieldType.STRING), lost
    timed = [text for text in texts if has_time(text)]
    reading = Reading(FieldType.DATE, (f"all {column.cells(texts):,} values are dates",))
    reading = _with_clock(column, texts, timed, [text for text in timed if _ZONE.search(text[10:])], reading)
    if numbers:
        return _with_orders(column, numbers, reading, is_all=len(numbers) == len(found)), ()
    return _with_sentinels(column, texts, reading.but(date_forms=tuple(sorted({day.form for day in found})))), ()


def _lost_times(texts: Sequence[str]) -> list[str]:
    """Timestamps that a load refuses whatever their day is: leap seconds, more digits than are kept."""
    return [text for text in texts if has_time(text) and not _reads(text, _read_any_timestamp)]


def _read_any_timestamp(text: str) -> object:
    zoned = _ZONE.search(text[10:]) is not None
    return read_timestamp(text, has_zone=zoned, read_day=lambda _: FIRST_DATE)


def _read_iso(column: Column, texts: Sequence[str]) -> Reading | None:
    """The quick way for dates and timestamps that are all in one form of ISO 8601."""
    if all(map(_ISO_DAY.fullmatch, texts)):
        type = FieldType.DATE
    elif all(map(_ISO_TIMESTAMP.fullmatch, texts)):
        type = FieldType.DATETIME
    else:
        return None
    reading = Reading(type, (f"all {column.cells(texts):,} values are dates in ISO 8601",), date_forms=("ISO",))
    try:
        if type is FieldType.DATETIME:
            times = map(datetime.fromisoformat, texts)
            zoned = [text for text, time in zip(texts, times, strict=True) if time.tzinfo is not None]
            return _with_clock(column, texts, texts, zoned, reading)
        days = list(map(date.fromisoformat, texts))
    except ValueError:
        return None
    outside = sum(not FIRST_DATE <= day <= LAST_DATE for day in days)
    if outside:
        reading = reading.but(
            f"{outside:,} distinct days lie outside {FIRST_DATE} to {LAST_DATE}, which a load rejects"
        )
    return _with_sentinels(column, texts, reading)


def _with_clock(
    column: Column, texts: Sequence[str], timed: Sequence[str], zoned: Sequence[str], reading: Reading
) -> Reading:
    """A timestamp, if there are times of day; some cells without one, or some with a zone, are a question.

    `timed` are the texts with a time of day, `zoned` those of them with a zone.
    """
    if not timed:
        return reading
    zone = "none" if not zoned else "all" if len(zoned) == len(texts) else "some"
    reading = reading.but(type=FieldType.DATETIME, zone=zone)
    if len(timed) < len(texts):
        cells = column.cells(texts) - column.cells(timed)
        text = f"dates without a time of day, in {cells:,} of {column.cells(texts):,} cells: do they mean midnight?"
        reading = reading.but(doubts=(*reading.doubts, Doubt("time_of_day", text, cells, ("midnight", "text"))))
    if zone == "some":
        cells = column.cells(timed) - column.cells(zoned)
        text = f"timestamps without a time zone, in {cells:,} of {column.cells(texts):,} cells: which zone is it?"
        reading = reading.but(doubts=(*reading.doubts, Doubt("time_zone", text, cells, ("UTC", "another"))))
    else:
        reading = reading.but("every timestamp has a time zone" if zone == "all" else "no timestamp has a time zone")
    return reading


def _with_orders(column: Column, days: Sequence[_Day], reading: Reading, *, is_all: bool) -> Reading:
    """The order of day, month and year that fits all dates of all numbers; several are a question, none is a text."""
    found = {day.orders for day in days}
    fitting = tuple(order for order in ORDERS if all(order in orders for orders in found))
    cells = column.cells([day.text for day in days])
    days = list({day.day: day for day in days}.values())
    if not fitting:
        examples = _contradiction(days)
        doubt = Doubt("date_order", f"no order fits all dates: {examples}", cells, ("text",))
        return Reading(FieldType.STRING, ("dates, but not all written alike: kept as text",), (doubt,))
    if not _are_dates(column, days):
        as_dates = reading.but(date_orders=fitting, date_forms=tuple(_forms(days, fitting)))
        return _maybe_dates(column, days, fitting, cells, as_dates)
    reading = reading.but(date_orders=fitting, date_forms=tuple(_forms(days, fitting)))
    if len(fitting) == 1 and reading.type is FieldType.DATE and len(reading.date_forms) == 1 and is_all:
        reading = reading.but(format=reading.date_forms[0])
    if len(fitting) == 1:
        proof = next((day for day in days if len(day.orders) == 1), days[0])
        return reading.but(f"{ORDER_NAMES[fitting[0]]}: `{proof.text}` proves it")
    doubt = Doubt(
        "date_order",
        f"`{_telling(days)}`: {_or([ORDER_NAMES[order] for order in fitting])}? {hang_on_it(cells)}",
        cells,
        tuple(fitting),
    )
    return reading.but(doubts=(*reading.doubts, doubt))


def _or(names: Iterable[str]) -> str:
    return " or ".join(names)


def _telling(days: Sequence[_Day]) -> str:
    """A date that the orders read differently, if there is one."""
    return next((day.text for day in days if len(set(re.split("[-./]", day.day)[:2])) > 1), days[0].text)


def _contradiction(days: Sequence[_Day]) -> str:
    found: dict[NumberOrder, str] = {}
    for day in days:
        if len(day.orders) == 1:
            found.setdefault(day.orders[0], day.text)
    return " and ".join(f"`{text}` is {ORDER_NAMES[order]}" for order, text in found.items())


def _are_dates(column: Column, days: Sequence[_Day]) -> bool:
    """Whether dates of all numbers are proven to be dates: 1.12.45 may be a version, 05-14-77 the number of a part.

    A year of four digits, a slash, a time of day or the name proves it; so do points if days and months are padded with
    zeros, which versions are not.
    """
    words = set(words_of(column.title))
    short = [day for day in days if len(re.split("[-./]", day.day)[-1]) == 2]
    if not short:
        return True
    if words & _NOT_DATES:
        return False
    if words & DATE_WORDS or all("/" in day.day or day.text != day.day for day in short):
        return True
    are_padded = all("." in day.day and len(day.day) == len("31.01.24") for day in short)
    return are_padded and any(day.day.startswith("0") or ".0" in day.day for day in short)


def _maybe_dates(
    column: Column, days: Sequence[_Day], fitting: tuple[NumberOrder, ...], cells: int, as_dates: Reading
) -> Reading:
    reading = Reading(FieldType.STRING, (f"`{days[0].text}` may be a date or a code: kept as text",))
    if set(words_of(column.title)) & _NOT_DATES:
        return reading
    names = _or([ORDER_NAMES[order] for order in fitting])
    doubt = Doubt(
        "is_date",
        f"`{days[0].text}`: a date ({names}) or a code? {hang_on_it(cells)}",
        cells,
        ("text", *fitting),
    )
    return reading.but(doubts=(doubt,), otherwise=as_dates)


def _forms(days: Sequence[_Day], fitting: Sequence[NumberOrder]) -> list[str]:
    """The forms of dates of all numbers, as strptime has them."""
    forms = set()
    for day in days:
        match = _NUMBERS.fullmatch(day.day)
        assert match is not None
        for order in fitting:
            parts = [f"%{letter}" for letter in order]
            parts[order.index("y")] = "%Y" if len(match[4]) == 4 else "%y"
            forms.add(match[2].join(parts))
    return sorted(forms)


def _with_sentinels(column: Column, texts: Sequence[str], reading: Reading) -> Reading:
    """Asks whether a day such as 9999-12-31, in several cells, means "nothing"."""
    found = [text for text in texts if text[:10] in _LAST_SENTINELS and column.counts[text] > 1 and len(texts) > 2]
    if not found:
        return reading
    cells = column.cells(found)
    text = f"`{found[0]}` stands in {cells:,} cells: does it mean nothing, or for ever?"
    doubt = Doubt("missing_value", text, cells, ("nothing", "a value"), tuple(found))
    return reading.but(doubts=(*reading.doubts, doubt))


# -- times of day and durations --------------------------------------------------------------------------------------


def read_clocks(column: Column, texts: Sequence[str]) -> Reading:
    """Decides whether times such as 25:10:00 are of a day, or durations."""
    cells = column.cells(texts)
    matches = [_CLOCK.fullmatch(text) for text in texts]
    clocks = [match for match in matches if match is not None]
    if not clocks:
        return Reading(FieldType.DURATION, (f"all {cells:,} values are durations",))
    if len(clocks) < len(texts):
        return Reading(FieldType.STRING, ("times and durations in several forms: kept as text",))
    if any(match[4] and not 1 <= int(match[1]) <= 12 for match in clocks):
        return Reading(FieldType.STRING, ("times that do not exist: kept as text",))
    beyond = next((match for match in clocks if int(match[1]) > 23 and not _MIDNIGHT.fullmatch(match[0])), None)
    says_duration = bool(set(words_of(column.title)) & _DURATION_WORDS)
    if beyond is None and not says_duration:
        return Reading(FieldType.TIME, (f"all {cells:,} values are times of day",))
    reason = f"`{beyond[0]}` is beyond 24 hours" if beyond else "the name says so"
    reading = Reading(FieldType.DURATION, (f"durations: {reason}",))
    if any(match[3] is None for match in clocks):
        short = next(match for match in clocks if match[3] is None)
        text = f"`{short[0]}`: hours and minutes, or minutes and seconds? {hang_on_it(cells)}"
        return reading.but(doubts=(Doubt("duration", text, cells, ("hours:minutes", "minutes:seconds")),))
    return reading
