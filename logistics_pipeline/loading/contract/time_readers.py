"""How the dates and times of a field are read, by its contract, the formats of a file and the setting of an order."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from functools import partial

from logistics_core.catalogue import Field, FieldType
from logistics_core.catalogue.time_patterns import time_pattern
from logistics_pipeline.loading.contract import clock_times
from logistics_pipeline.loading.contract.columns import FormatsNeededError
from logistics_pipeline.loading.contract.date_evidence import DateReading, contradicted
from logistics_pipeline.loading.contract.dates import DateOrder, InvalidDateError, UnknownOrderError, parse_date
from logistics_pipeline.loading.contract.durations import read_duration
from logistics_pipeline.loading.contract.file_formats import AS_THE_CONTRACT, FileFormats
from logistics_pipeline.loading.excerpts import excerpt


def time_reader(
    field: Field, date_order: DateOrder | None = None, formats: FileFormats = AS_THE_CONTRACT
) -> Callable[[str], str]:
    """Returns a function that makes the COPY text of a trimmed text of a field of dates or times.

    That raises ValueError with what is wrong with a text, or FormatsNeededError.
    """
    match field.type:
        case FieldType.DATE:
            return _date_reader(field, date_order, formats)
        case FieldType.DATETIME:
            return _timestamp_reader(field, date_order, formats)
        case FieldType.TIME:
            if field.format in (None, "default"):
                return partial(clock_times.read_time, only_iso=field.format == "default")
            return partial(clock_times.read_time_by, time_pattern(field.format))
        case FieldType.DURATION:
            return lambda text: str(read_duration(text, field.format))
        case _:
            if field.format in (None, "default"):
                return clock_times.read_year_month
            return partial(clock_times.read_year_month_by, time_pattern(field.format))


def _date_reader(field: Field, date_order: DateOrder | None, formats: FileFormats) -> Callable[[str], str]:
    read_day = day_reader(field, date_order, formats)

    def read(text: str) -> str:
        day = read_day(text)
        if field.first_day is not None and day < field.first_day:
            raise InvalidDateError(f"must not be before {field.first_day}, found {day}")
        if field.last_day is not None and day > field.last_day:
            raise InvalidDateError(f"must not be after {field.last_day}, found {day}")
        return day.isoformat()

    return read


def _timestamp_reader(field: Field, date_order: DateOrder | None, formats: FileFormats) -> Callable[[str], str]:
    zoned = field.has_time_zone
    if field.format not in (None, "default"):
        return partial(clock_times.read_timestamp_by, time_pattern(field.format), has_zone=zoned)
    read_day = day_reader(replace(field, format=None), date_order, formats)
    return partial(clock_times.read_timestamp, has_zone=zoned, read_day=read_day, only_iso=field.format == "default")


def day_reader(field: Field, date_order: DateOrder | None, formats: FileFormats) -> Callable[[str], date]:
    """Returns a function that reads the date of a trimmed text. What the file proved goes before a setting of today."""
    if field.format == "default":
        return _read_iso_day
    if field.format is not None:
        return partial(clock_times.read_date_by, time_pattern(field.format))
    found = formats.dates
    reading = None if found is None else found.get(field.name)
    if reading is not None and reading.order is None and date_order is not None:
        reading = None

    def read(text: str) -> date:
        try:
            return _read_date(text, reading, date_order)
        except UnknownOrderError:
            if found is None:
                raise FormatsNeededError(FieldType.DATE) from None
            raise

    return read


def _read_iso_day(text: str) -> date:
    if not _ISO_DAY.fullmatch(text):
        raise InvalidDateError(f'must be a date written as 2024-03-05, found the text "{excerpt(text)}"')
    return parse_date(text)


_ISO_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


def _read_date(text: str, reading: DateReading | None, date_order: DateOrder | None) -> date:
    if reading is not None:
        return reading.read(text)
    try:
        return parse_date(text, date_order)
    except UnknownOrderError:
        raise
    except InvalidDateError as error:
        raise contradicted(text, date_order, error, "LOGISTICS_DATE_ORDER") from None
