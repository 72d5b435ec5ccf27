"""Reads the key `forecasts` of a contract."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import msgspec

from logistics_core.catalogue.contract_shapes import described, known_field, listed, suggestion
from logistics_core.catalogue.forecasts import FORECAST_GRAINS, DeclaredForecasts, NamedDay
from logistics_core.catalogue.metrics import Aggregate, Metric
from logistics_core.catalogue.model import NESTED_TYPES, TEMPORAL_TYPES, Dating, Field, FieldType
from logistics_core.metrics.periods import Grain
from logistics_core.special_days import check_region

MAX_ENTRIES = 20
MAX_LEVELS = 6
MAX_SERIES = 50_000
"""Of one level."""
MAX_SPECIAL_DAYS = 50
MAX_NAME_LENGTH = 100
MAX_HORIZONS: Mapping[Grain, int] = {Grain.DAY: 366, Grain.WEEK: 104, Grain.MONTH: 60}
USUAL_HORIZONS: Mapping[Grain, int] = {Grain.DAY: 28, Grain.WEEK: 13, Grain.MONTH: 12}

_EVERY_YEAR = re.compile(r"\d\d-\d\d")
_ONE_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_NO_NUMBERS = TEMPORAL_TYPES | {FieldType.YEAR}


class ForecastKeys(msgspec.Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """An entry of `forecasts` in a contract."""

    metrics: list[str]
    by: list[list[str]] = []
    grain: Grain = Grain.DAY
    horizon: int | None = None
    max_series: int | None = None
    holidays: str | list[str] = []
    special_days: dict[str, list[Any]] = {}


def read_forecasts(
    declared: Sequence[ForecastKeys], metrics: Sequence[Metric], fields: Mapping[str, Field], dating: Dating | None
) -> tuple[DeclaredForecasts, ...]:
    """The forecasts of a contract. Fields of records referred to are looked up later, in the catalogue.

    Raises:
        ValueError: one of them cannot be made; the message begins with its key.
    """
    if len(declared) > MAX_ENTRIES:
        raise ValueError(f"forecasts: a dataset has at most {MAX_ENTRIES} entries, not {len(declared)}.")
    if declared and dating is None:
        raise ValueError("forecasts: records have no day, so there is nothing to forecast. Add `datedBy`.")
    known = {metric.name: metric for metric in metrics}
    found = tuple(_entry(each, f"forecasts[{number}]", known, fields) for number, each in enumerate(declared))
    _check_different(found)
    return found


def _entry(
    keys: ForecastKeys, where: str, metrics: Mapping[str, Metric], fields: Mapping[str, Field]
) -> DeclaredForecasts:
    _check_metrics(keys.metrics, f"{where}.metrics", metrics, fields)
    if keys.grain not in FORECAST_GRAINS:
        raise ValueError(f"{where}.grain must be one of {', '.join(FORECAST_GRAINS)}, not {keys.grain}.")
    horizon = USUAL_HORIZONS[keys.grain] if keys.horizon is None else keys.horizon
    if not 1 <= horizon <= MAX_HORIZONS[keys.grain]:
        raise ValueError(
            f"{where}.horizon must be from 1 to {MAX_HORIZONS[keys.grain]} with the grain {keys.grain}, not {horizon}."
        )
    if keys.max_series is not None and not 1 <= keys.max_series <= MAX_SERIES:
        raise ValueError(f"{where}.maxSeries must be from 1 to {MAX_SERIES:,}, not {keys.max_series}.")
    levels = tuple(tuple(level) for level in keys.by) or ((),)
    _check_levels(levels, f"{where}.by", fields)
    return DeclaredForecasts(
        metrics=tuple(keys.metrics),
        levels=levels,
        grain=keys.grain,
        horizon=horizon,
        max_series=keys.max_series,
        holidays=_holidays(keys, where),
        special_days=tuple(_special_days(keys, f"{where}.specialDays")),
    )


def _holidays(keys: ForecastKeys, where: str) -> tuple[str, ...]:
    regions = [keys.holidays] if isinstance(keys.holidays, str) else keys.holidays
    if (regions or keys.special_days) and keys.grain is not Grain.DAY:
        key = "holidays" if regions else "specialDays"
        raise ValueError(f"{where}.{key} is for forecasts by day, not by {keys.grain}.")
    for region in regions:
        try:
            check_region(region)
        except ValueError as error:
            raise ValueError(f"{where}.holidays: {error}") from None
    return tuple(dict.fromkeys(regions))


def _special_days(keys: ForecastKeys, where: str) -> Iterator[NamedDay]:
    if len(keys.special_days) > MAX_SPECIAL_DAYS:
        raise ValueError(f"{where} names at most {MAX_SPECIAL_DAYS} kinds of days, not {len(keys.special_days)}.")
    for name, days in keys.special_days.items():
        if not name.strip() or len(name) > MAX_NAME_LENGTH:
            raise ValueError(f"{where}: a name has 1 to {MAX_NAME_LENGTH} characters, not {described(name)}.")
        for number, value in enumerate(days):
            yield _named_day(name, value, f"{where}.{name}[{number}]")


def _named_day(name: str, value: object, where: str) -> NamedDay:
    text = str(value)
    try:
        if isinstance(value, str) and _EVERY_YEAR.fullmatch(value):
            day = date.fromisoformat(f"2024-{value}")  # a leap year
            return NamedDay(name, day.month, day.day)
        if _ONE_DAY.fullmatch(text):
            day = date.fromisoformat(text)
            return NamedDay(name, day.month, day.day, day.year)
    except ValueError:
        pass
    raise ValueError(f"{where} must be a day, such as 2026-12-24, or 12-24 for every year, not {described(value)}.")


def _check_metrics(
    names: Sequence[str], where: str, metrics: Mapping[str, Metric], fields: Mapping[str, Field]
) -> None:
    if not names:
        raise ValueError(f"{where} must name at least one metric, not {described(names)}.")
    for name in names:
        if name not in metrics:
            meant = suggestion(name, metrics)
            raise ValueError(f"{where} names {name!r}, which is no metric. There are: {listed(metrics)}.{meant}")
        if names.count(name) > 1:
            raise ValueError(f"{where} names {name} twice.")
        metric = metrics[name]
        if metric.aggregate in (Aggregate.MIN, Aggregate.MAX):
            assert metric.field is not None
            if fields[metric.field].type in _NO_NUMBERS:
                raise ValueError(f"{where} names {name}, whose values are no numbers.")


def _check_levels(levels: Sequence[tuple[str, ...]], where: str, fields: Mapping[str, Field]) -> None:
    if len(levels) > MAX_LEVELS:
        raise ValueError(f"{where} has at most {MAX_LEVELS} levels, not {len(levels)}.")
    for number, level in enumerate(levels):
        place = f"{where}[{number}]"
        for name in level:
            if "." in name:
                continue
            if known_field(name, fields, place).type in NESTED_TYPES:
                raise ValueError(f"{place} names {name}, whose type is {fields[name].type}: it must be a single value.")
        if len(set(level)) < len(level):
            raise ValueError(f"{place} names a field twice.")
        before = levels[number - 1] if number else ()
        if number and (level[: len(before)] != before or level == before):
            raise ValueError(
                f"{place} must begin with the fields of the level before, [{', '.join(before)}], and add some: its "
                "series are parts of those. Levels of another kind are an entry of their own."
            )


def _check_different(entries: Sequence[DeclaredForecasts]) -> None:
    """A question names metric, grain and level: there is one answer to it."""
    owners: dict[tuple[str, Grain, tuple[str, ...]], int] = {}
    for number, entry in enumerate(entries):
        for metric, level in _questions(entry):
            key = metric, entry.grain, level
            if key in owners:
                by = f"by {', '.join(level)}" if level else "in total"
                raise ValueError(
                    f"forecasts[{number}] forecasts {metric} {by} per {entry.grain}, as does forecasts[{owners[key]}]. "
                    "Remove it from one."
                )
            owners[key] = number


def _questions(entry: DeclaredForecasts) -> Iterator[tuple[str, tuple[str, ...]]]:
    return ((metric, level) for metric in entry.metrics for level in entry.levels)


def paths_of(entries: Collection[DeclaredForecasts]) -> Iterator[tuple[str, str]]:
    """The fields of records referred to that entries name, each with its key."""
    for number, entry in enumerate(entries):
        for level_number, level in enumerate(entry.levels):
            for name in level:
                if "." in name:
                    yield f"forecasts[{number}].by[{level_number}]", name
