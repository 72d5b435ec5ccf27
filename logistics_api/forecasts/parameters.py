"""Query parameters of forecasts, and what they ask for."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Annotated, Any, Literal

from psycopg import sql
from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema
from pydantic.functional_validators import PlainValidator
from pydantic_core import PydanticCustomError

from logistics_api.errors import Problem, refused_parameter
from logistics_api.parameters.date_range import Day, end_before_start, parse_day
from logistics_api.parameters.types import DIGITS, DatasetName
from logistics_core.catalogue import Catalogue, Dataset
from logistics_core.catalogue.column_types import type_name
from logistics_core.catalogue.forecasts import DeclaredForecasts
from logistics_core.catalogue.metrics import Metric, Value
from logistics_core.metrics.conditions import EVERYTHING, Filter, conditions_on, fields_in, read_filter, sql_of
from logistics_core.metrics.defaults import find_metric
from logistics_core.metrics.paths import FieldPath, read_path
from logistics_core.metrics.periods import Grain

MAX_FILTER = 2_000
"""Characters."""
MAX_SERIES = 1_000
MAX_OFFSET = 1_000_000
MAX_PAST = 12
PROBABILITIES = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
"""Of the quantiles that forecasts are issued with."""

Name = Annotated[str, Field(max_length=63, pattern="^[a-z][a-z0-9_]*$")]
Names = Annotated[str, Field(max_length=500, pattern="^[a-zA-Z0-9_., -]*$")]
ForecastGrain = Literal["day", "week", "month"]


def _parse_as_of(value: Any) -> datetime:
    """A moment or, of a day, its end: what was issued on that day counts."""
    try:
        if isinstance(value, str) and len(value) > 10:
            moment = datetime.fromisoformat(value)
            if moment.tzinfo is not None and 1900 <= moment.year <= 2100:
                return moment
        elif isinstance(value, str):
            return datetime.combine(parse_day(value), time.max, UTC)
    except (ValueError, PydanticCustomError):
        pass
    raise PydanticCustomError(
        "as_of", "a day such as 2024-05-01, or a moment such as 2024-05-01T12:00Z; in an address + is %2B"
    )


AsOf = Annotated[datetime, PlainValidator(_parse_as_of), WithJsonSchema({"type": "string", "examples": ["2100-12-31"]})]


class _Series(BaseModel):
    """Which series are asked for."""

    model_config = ConfigDict(extra="forbid")

    metric: Name | None = Field(
        None, description="Metric; if omitted, the first that is forecast", examples=["revenue"]
    )
    by: Names | None = Field(
        None,
        description="The fields of a level that is forecast, separated by commas; empty for the total; if omitted, the "
        "coarsest that has the fields of the filter",
        examples=["origin"],
    )
    grain: ForecastGrain | None = Field(
        None, description="Length of the periods; if omitted, the first that is forecast", examples=["day"]
    )
    filter: Annotated[str, Field(max_length=MAX_FILTER)] | None = Field(
        None,
        description="Series that count, by the fields of the level, as JSON in the form of /api/metrics",
        examples=['{"origin":"Aachen"}'],
    )


class ForecastParameters(_Series):
    """A question about forecasts. Unknown parameters are refused."""

    as_of: AsOf | None = Field(
        None, description="The newest forecast issued until then, a day or a moment; if omitted, the newest of all"
    )
    run: Annotated[int, Field(ge=1, le=9_223_372_036_854_775_807, examples=[1]), DIGITS] | None = Field(
        None, description="The forecast of this fit"
    )
    start: Day | None = Field(None, description="Periods that begin on this day or later")
    end: Day | None = Field(None, description="Periods that begin on this day or earlier")
    horizon: Annotated[int, Field(ge=1, le=366, examples=[14]), DIGITS] | None = Field(
        None, description="At most so many periods ahead"
    )
    probabilities: Annotated[str, Field(max_length=200, pattern="^[0-9., ]*$")] | None = Field(
        None,
        description="Probabilities of the quantiles, separated by commas; if omitted, all that forecasts have: "
        f"{', '.join(map(str, PROBABILITIES))}",
        examples=["0.1,0.9"],
    )
    past: Annotated[int, Field(ge=0, le=MAX_PAST), DIGITS] = Field(
        0, description="Adds what so many earlier forecasts said, a week apart (or four weeks, or three months)"
    )
    limit: Annotated[int, Field(ge=1, le=MAX_SERIES), DIGITS] = Field(
        100, description="Maximum number of series, the largest first", examples=[100]
    )
    offset: Annotated[int, Field(ge=0, le=MAX_OFFSET), DIGITS] = Field(
        0, description="Skips so many series; with `run`, the pages are of one fit"
    )
    format: Literal["json", "csv", "ndjson"] = Field(
        "json", description="Format of the answer; csv and ndjson have one row per series and period"
    )


class AccuracyParameters(_Series):
    """A question about the accuracy of forecasts. Unknown parameters are refused."""

    dataset: DatasetName = Field(description="A dataset by its name in /api/forecasts", examples=["shipments"])
    periods: Annotated[int, Field(ge=1, le=1_100), DIGITS] | None = Field(
        None,
        description="How many of the newest periods count; if omitted, six weeks or, by month, six months",
        examples=[42],
    )


@dataclass(frozen=True)
class Question:
    """Which series are asked for: everything in it exists and fits together."""

    dataset: Dataset
    metric: Metric
    declared: DeclaredForecasts
    level: tuple[str, ...]
    paths: tuple[FieldPath, ...]
    """The fields of the level."""
    filter: Filter

    @property
    def grain(self) -> Grain:
        """The periods of the forecasts."""
        return self.declared.grain

    @property
    def level_text(self) -> str:
        """The fields of the level as JSON, as the database has them."""
        return json.dumps(list(self.level))

    @property
    def values(self) -> dict[str, object]:
        """What every statement about these series is given, but for the filter."""
        return {
            "dataset": self.dataset.name,
            "metric": self.metric.name,
            "grain": self.grain.value,
            "level": self.level_text,
            "names": list(self.level),
        }

    def filter_sql(self, bind: Callable[[Value], sql.Composable]) -> sql.Composable:
        """The filter as a condition on a row of forecast.series."""

        def column(name: str) -> sql.Composable:
            place = self.level.index(name)
            value = sql.SQL("(series.key ->> {})").format(sql.Literal(place))
            type_ = type_name(self.paths[place].field)
            # Series that were forecast while the field had another type stay: their values may be none of this one.
            template = "(CASE WHEN pg_input_is_valid({value}, {name}) THEN {value}::{type} END)"
            return sql.SQL(template).format(value=value, name=sql.Literal(type_), type=sql.SQL(type_))

        return sql_of(self.filter, column, bind)


def question(given: ForecastParameters | AccuracyParameters, dataset: Dataset, catalogue: Catalogue) -> Question:
    """What the parameters ask for.

    Raises:
        Problem: 404 if the dataset has no forecasts, 422 naming what is not forecast.
    """
    if not dataset.forecasts:
        raise _no_forecasts(dataset, catalogue)
    entries = list(dataset.forecasts)
    metric = given.metric or entries[0].metrics[0]
    entries = [each for each in entries if metric in each.metrics]
    if not entries:
        known = dict.fromkeys(name for each in dataset.forecasts for name in each.metrics)
        raise refused_parameter("metric", f"metrics that are forecast: {', '.join(known)}", metric)
    entries = _of_grain(entries, given.grain)
    levels = [level for each in entries for level in each.levels]
    paths = {name: read_path(name, dataset, catalogue) for level in levels for name in level}
    filter = _filter(given.filter, paths)
    level = _level(levels, given.by, fields_in(filter))
    found = find_metric(dataset, metric)
    assert found is not None
    declared = next(each for each in entries if level in each.levels)
    return Question(dataset, found, declared, level, tuple(paths[name] for name in level), filter)


def _of_grain(entries: list[DeclaredForecasts], grain: str | None) -> list[DeclaredForecasts]:
    wanted = entries[0].grain if grain is None else Grain(grain)
    found = [each for each in entries if each.grain is wanted]
    if not found:
        known = dict.fromkeys(each.grain.value for each in entries)
        raise refused_parameter("grain", f"the grain of its forecasts: {', '.join(known)}", grain)
    return found


def _level(levels: list[tuple[str, ...]], by: str | None, filtered: frozenset[str]) -> tuple[str, ...]:
    """The level asked for; if none is, the coarsest that has the fields of the filter."""
    known = " or ".join(",".join(level) or "nothing, for the total" for level in levels)
    if by is None:
        found = next((level for level in levels if filtered <= set(level)), None)
        if found is None:
            raise refused_parameter("filter", f"fields of one level: {known}", ", ".join(sorted(filtered)))
        return found
    asked = tuple(name.strip() for name in by.split(",") if name.strip())
    if asked not in levels:
        raise refused_parameter("by", f"fields of a level that is forecast: {known}", by)
    if not filtered <= set(asked):
        raise refused_parameter("filter", f"fields of the level {by or 'of the total, which has none'}", by)
    return asked


def _filter(text: str | None, paths: Mapping[str, FieldPath]) -> Filter:
    def field_of(name: str) -> Any:
        if name not in paths:
            known = ", ".join(paths) or "none, as only the total is forecast"
            raise ValueError(f"filter: {name!r} is no field of a level. There are: {known}.")
        return paths[name].field

    if text is None:
        return EVERYTHING
    try:
        return read_filter(json.loads(text), conditions_on(field_of))
    except RecursionError as error:
        raise refused_parameter("filter", "JSON that is less nested", text) from error
    except ValueError as error:
        raise refused_parameter("filter", str(error), text) from None


def _no_forecasts(dataset: Dataset, catalogue: Catalogue) -> Problem:
    known = ", ".join(name for name, each in catalogue.items() if each.forecasts) or "none"
    return Problem(
        404,
        "no-forecasts",
        "No forecasts",
        f"The contract of {dataset.name} asks for no forecasts. Datasets that have some: {known}.",
    )


def days_of(given: ForecastParameters) -> tuple[date | None, date | None]:
    """The range of periods.

    Raises:
        Problem: 422, it ends before it begins.
    """
    if given.start is not None and given.end is not None and given.end < given.start:
        raise end_before_start(given.start, given.end)
    return given.start, given.end


def probabilities_of(given: ForecastParameters) -> tuple[float, ...]:
    """The probabilities asked for, ascending.

    Raises:
        Problem: 422, forecasts have no such quantiles.
    """
    if given.probabilities is None:
        return PROBABILITIES
    found = [text.strip() for text in given.probabilities.split(",") if text.strip()]
    known = {str(each): each for each in PROBABILITIES}
    numbers = {f"{float(text):g}": text for text in found if text.count(".") <= 1 and text != "."}
    if len(numbers) < len(set(found)) or not numbers.keys() <= known.keys():
        raise refused_parameter("probabilities", f"of {', '.join(known)}", given.probabilities)
    return tuple(sorted(known[text] for text in numbers))
