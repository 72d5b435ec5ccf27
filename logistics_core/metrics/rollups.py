"""Pre-aggregates (rollups): the states of a dataset's metrics by day and some of its dimensions, as tables.

A refresh makes them and keeps them up to date; the API answers from them. Both take names and statements from here, so
a rollup holds exactly what the planner expects. `analytics.rollups` lists those that there are.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import lru_cache
from hashlib import sha256
from typing import Any

from psycopg import sql

from logistics_core.catalogue import Dataset, FieldType, Role
from logistics_core.catalogue.identities import ExternalId
from logistics_core.catalogue.metrics import Aggregate
from logistics_core.catalogue.model import NESTED_TYPES
from logistics_core.metrics.conditions import all_of, as_literal
from logistics_core.metrics.defaults import metrics_of
from logistics_core.metrics.periods import DayRange, Grain, period_of
from logistics_core.metrics.relations import key_or_id, link_join
from logistics_core.metrics.states import State, Values, all_states, all_values, values_read_by
from logistics_core.row_days import day_of_row
from logistics_core.sql_files import checksum

SCHEMA = "rollups"
DAY = "day"
VALUE = "value()"
"""The column with one of the distinct values or, in a sketch, with the number of a register. No field has such a
name."""
VALUE_ROWS = "rows()"
"""The column with the number of records that have the value."""
RANK = "rank()"
"""The column with the content of a register."""

FORMAT = 2
"""Raised when rollups are computed in another way: all are made anew."""


class Precision(StrEnum):
    """How exactly a rollup holds the values of a field."""

    EXACT = "exact"
    ROUNDED = "rounded"
    """To three significant digits: a quantile is off by at most 0.5 %."""
    SKETCHED = "sketched"
    """As a HyperLogLog sketch: its registers instead of the values, for distinct counts."""


ROUNDED_ERROR = 0.005
"""The greatest relative error of a value rounded to three significant digits."""
_REGISTER_BITS = 12
"""Bits of a value's hash that choose its register; the other ones decide what the register holds."""
REGISTERS = 1 << _REGISTER_BITS
"""Of a HyperLogLog sketch."""
SKETCHED_ERROR = 0.0163
"""The standard error of a distinct count from a sketch: 1.04 / sqrt(REGISTERS)."""


@dataclass(frozen=True)
class Rollup:
    """One pre-aggregate of a dataset."""

    dimensions: tuple[str, ...]
    values: Values | None = None
    """The field whose values it holds with their numbers; None: it holds states."""
    precision: Precision = Precision.EXACT
    unit: Grain = Grain.DAY
    """How long the periods are that it sums up: `DAY` names the first day of each. States are kept by day."""

    def covers(self, fields: frozenset[str]) -> bool:
        """Whether records can be grouped and filtered by these fields."""
        return fields <= set(self.dimensions)


@dataclass(frozen=True)
class StoredRollup:
    """A pre-aggregate that the database has."""

    table: str
    rollup: Rollup
    rows: int


@dataclass(frozen=True)
class Contents:
    """What the rollups of a dataset hold between them."""

    states: tuple[State, ...]
    values: tuple[tuple[Values, frozenset[Aggregate]], ...]
    """One rollup of its own for each, with what is computed from it."""


@lru_cache(maxsize=1024)
def contents_of(dataset: Dataset) -> Contents:
    """What the metrics of a dataset need."""
    metrics = metrics_of(dataset)
    values: dict[Values, frozenset[Aggregate]] = {}
    for each in all_values(metrics, metrics):
        read = values_read_by(each)
        values[read] = values.get(read, frozenset()) | {each.aggregate}
    return Contents(tuple(all_states(metrics, metrics)), tuple(values.items()))


def candidates(dataset: Dataset) -> list[str]:
    """The fields that rollups may group by: dimensions and booleans, the shorter names of things before references.

    The master keys of external ids come first: figures by thing are what links are made for.
    """
    referring = {name for reference in dataset.references for name in reference.fields}
    found = [
        field.name
        for field in dataset.fields
        if field.type not in NESTED_TYPES
        and (field.role is Role.DIMENSION or field.type is FieldType.BOOLEAN)
        and field.name not in dataset.key
    ]
    return [*(each.name for each in dataset.external_ids), *sorted(found, key=lambda name: name in referring)]


@lru_cache(maxsize=1024)
def definition_checksum(dataset: Dataset) -> str:
    """A fingerprint of all that decides what the rollups of a dataset hold, but for the choice of dimensions."""
    contents = contents_of(dataset)
    parts = [
        FORMAT,
        checksum("rollups/compute"),
        repr(contents.states),
        [(repr(values), sorted(aggregates)) for values, aggregates in contents.values],
        repr(dataset.dating),
        None if dataset.dated_through is None else repr(dataset.dated_through.dating),
        repr(dataset.declared_rollups),
        [(field.name, field.type, field.has_time_zone) for field in dataset.fields],
        candidates(dataset),
    ]
    if dataset.external_ids:
        parts.append([(each.name, each.field, each.entity, each.system) for each in dataset.external_ids])
    if dataset.links is not None:
        parts.append(repr(dataset.links))
    return sha256(json.dumps(parts, default=str).encode()).hexdigest()


# -- what a rollup is in the registry --------------------------------------------------------------------------------


def to_document(rollup: Rollup) -> dict[str, Any]:
    """A rollup as JSON, for `analytics.rollups`."""
    return {
        "dimensions": list(rollup.dimensions),
        "values": None if rollup.values is None else rollup.values.column,
        "precision": rollup.precision.value,
        "unit": rollup.unit.value,
    }


def from_document(document: Mapping[str, Any], contents: Contents) -> Rollup | None:
    """The rollup of a document; None if the dataset's metrics do not need it any more."""
    name = document["values"]
    values = next((each for each, _ in contents.values if each.column == name), None)
    if name is not None and values is None:
        return None
    unit = Grain(document.get("unit", Grain.DAY))
    return Rollup(tuple(document["dimensions"]), values, Precision(document["precision"]), unit)


# -- SQL ---------------------------------------------------------------------------------------------------------------


def source(
    dataset: Dataset,
    records: sql.Composable | None = None,
    dating_records: sql.Composable | None = None,
    *,
    all_records: bool = False,
) -> sql.Composable:
    """The records of a dataset as `page`, joined with those that date them as `Dating`.

    `records` is a table of some of them, or a subquery, and so is `dating_records` of the others. With `all_records`,
    those are among them that have no day because what dates them has not arrived. The links of external ids are joined
    as well: where a statement does not ask for them, the planner leaves them out.
    """
    other, dating = dataset.dated_through, dataset.dating
    clauses: list[sql.Composable] = [sql.SQL("{} AS page").format(records or sql.Identifier("raw", dataset.name))]
    if other is not None and dating is not None:
        clauses.append(
            sql.SQL('{} {} AS "Dating" ON {} = {}').format(
                sql.SQL("LEFT JOIN" if all_records else "JOIN"),
                dating_records or sql.Identifier("raw", other.name),
                sql.Identifier("Dating", other.key[0]),
                sql.Identifier("page", dating.field),
            )
        )
    clauses += [
        link_join(_link_of(each), page_column(each.field), each.entity, each.system) for each in dataset.external_ids
    ]
    return sql.SQL(" ").join(clauses)


def _link_of(external: ExternalId) -> str:
    """The alias of the link of an external id of `source`."""
    return f"Link of {external.field}"


def day_of(dataset: Dataset) -> sql.Composable | None:
    """The day of a record of `source`; None if records have none."""
    dating, other = dataset.dating, dataset.dated_through
    if dating is None:
        return None
    if dating.is_own:
        return day_of_row(dataset, "page")
    assert other is not None
    return day_of_row(other, "Dating")


def first_day_of_period(day: sql.Composable, unit: Grain) -> sql.Composable:
    """The first day of the period that a day belongs to."""
    if unit is Grain.DAY:
        return day
    return sql.SQL("date_trunc({}, ({})::timestamp)::date").format(sql.Literal(unit.value), day)


def periods_with(days: Iterable[date], unit: Grain) -> list[DayRange]:
    """The whole periods that have one of the days, in order."""
    return sorted({period_of(day, unit) for day in days})


def page_column(field: str) -> sql.Composable:
    """A field of `source`."""
    return sql.Identifier("page", field)


def dimension_column(dataset: Dataset, name: str) -> sql.Composable:
    """A field of `source`, or the master key of the thing that is called so."""
    external = dataset.external_id_called(name)
    if external is None:
        return page_column(name)
    return key_or_id(_link_of(external), page_column(external.field), external.system)


def rounded(value: sql.Composable) -> sql.Composable:
    """A number rounded to three significant digits. Exact, and far quicker than by a logarithm of `numeric`."""
    return sql.SQL("to_char(({})::numeric, '9.99EEEE')::numeric").format(value)


def grouping(dataset: Dataset, rollup: Rollup) -> list[tuple[str, sql.Composable]]:
    """The columns that a rollup groups by, with their expressions over `source`."""
    day = day_of(dataset)
    found = [] if day is None else [(DAY, first_day_of_period(day, rollup.unit))]
    found += [(name, dimension_column(dataset, name)) for name in rollup.dimensions]
    if rollup.values is not None:
        found.append((VALUE, _held(page_column(rollup.values.field), rollup.precision)))
    return found


def _held(value: sql.Composable, precision: Precision) -> sql.Composable:
    """What a rollup groups the values of a field by."""
    match precision:
        case Precision.EXACT:
            return value
        case Precision.ROUNDED:
            return rounded(value)
        case Precision.SKETCHED:
            return sql.SQL("({} & {})::int").format(_hash(value), sql.Literal(REGISTERS - 1))


def _hash(value: sql.Composable) -> sql.Composable:
    return sql.SQL("hashtextextended(({})::text, 0)").format(value)


def _rank(value: sql.Composable) -> sql.Composable:
    """The place of the first 1 among the bits of a value's hash that do not choose the register."""
    bits = 64 - _REGISTER_BITS
    rest = sql.SQL("(({} >> {}) & {})::double precision").format(
        _hash(value), sql.Literal(_REGISTER_BITS), sql.Literal((1 << bits) - 1)
    )
    powers = sql.Literal("{" + ",".join(str(1 << bit) for bit in range(bits)) + "}")
    return sql.SQL("max({} - width_bucket({}, {}::double precision[]))").format(sql.Literal(bits + 1), rest, powers)


def states_in(rollup: Rollup, contents: Contents) -> Sequence[tuple[str, sql.Composable]]:
    """The other columns of a rollup, with their aggregates over `source`."""
    if rollup.values is not None and rollup.precision is Precision.SKETCHED:
        return [(RANK, _rank(page_column(rollup.values.field)))]
    if rollup.values is not None:
        return [(VALUE_ROWS, sql.SQL("count(*)"))]
    return [(state.column, state.of_rows(page_column)) for state in contents.states]


def condition(dataset: Dataset, rollup: Rollup) -> sql.Composable:
    """Which records of `source` a rollup counts."""
    parts: list[sql.Composable] = []
    day = day_of(dataset)
    if day is not None:
        parts.append(sql.SQL("{} IS NOT NULL").format(day))
    if rollup.values is not None:
        parts.append(sql.SQL("{} IS NOT NULL").format(page_column(rollup.values.field)))
        parts.append(all_of(rollup.values.conditions, page_column, as_literal))
    return sql.SQL(" AND ").join(parts) if parts else sql.SQL("true")
