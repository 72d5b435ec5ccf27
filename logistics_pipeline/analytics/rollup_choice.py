"""Chooses by what the pre-aggregates of a dataset group, from how many rows they would have.

Of few records the groups are counted. Of many, the planner's estimates decide: they cost no look at the records, and
the statistics are as fresh as the refresh, which renews them before. The planner expects groups by several columns to
be a tenth of the records at most, so what it expects to be less than a twentieth is much smaller than the dataset.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from psycopg import sql

from logistics_core.catalogue import Dataset
from logistics_core.catalogue.metrics import Aggregate
from logistics_core.metrics.periods import Grain
from logistics_core.metrics.rollups import (
    DAY,
    REGISTERS,
    Contents,
    Precision,
    Rollup,
    candidates,
    condition,
    day_of,
    first_day_of_period,
    grouping,
    source,
)
from logistics_core.metrics.states import Values
from logistics_pipeline.database.connections import Connection

SMALL = 5_000
"""A rollup of so many rows is always small enough."""
COUNTED = 50_000
"""The groups of so many records are counted."""
SHARE = 0.05
"""Of the records: the most rows that a rollup of several dimensions may have."""
PER_DAY = 250
"""The most rows per day of a rollup of several dimensions: a year of it is summed up in some 20 ms."""
SINGLE_SHARE = 0.05
"""Of the records: the most rows of a rollup of one dimension, or of the values of a field."""
SMALL_VALUES = 5_000
"""Values of a field of so many rows are always few enough."""
PER_YEAR = 100_000
"""The most rows of a year of a rollup of values by longer periods than days: they are summed up in some 100 ms."""
EXACT_PER_YEAR = 25_000
"""The same of exact values: each refresh of the present period changes many of them."""
MOST_SINGLE_VALUES = 3
"""Rollups of values by one dimension, for those that do not fit in with the others."""
_UNITS = (Grain.DAY, Grain.WEEK, Grain.MONTH, Grain.YEAR)
"""The periods that values are kept by."""
_MOST_PER_GROUP = {Precision.SKETCHED: REGISTERS, Precision.ROUNDED: 3 * 900}
"""The most values per group: the registers of a sketch; of rounded numbers 900 per power of ten, usually three."""
MOST_CANDIDATES = 40
MOST_SINGLE = 6
"""Rollups of one dimension, for those that do not fit in with the others."""


def _precisions(aggregates: frozenset[Aggregate]) -> Iterator[tuple[Precision, ...]]:
    """How exactly values are kept for what is computed from them, the most exact first."""
    if Aggregate.DISTINCT in aggregates:
        yield Precision.EXACT, Precision.SKETCHED
    if Aggregate.QUANTILE in aggregates:
        yield Precision.EXACT, Precision.ROUNDED


@dataclass
class _Chooser:
    connection: Connection
    dataset: Dataset
    contents: Contents
    records: int
    _estimates: dict[Rollup, float] = field(default_factory=dict)
    _periods: dict[Grain, float] = field(default_factory=dict)

    def states(self) -> list[Rollup]:
        """The rollups of states."""
        if self.dataset.declared_rollups is not None:
            return [Rollup(dimensions) for dimensions in self.dataset.declared_rollups or ((),)]
        alone = {name: self.estimate(Rollup((name,))) for name in candidates(self.dataset)[:MOST_CANDIDATES]}
        together: tuple[str, ...] = ()
        most = max(SMALL, min(SHARE * self.records, PER_DAY * self.estimate(Rollup(()))))
        ordered = sorted(alone, key=alone.__getitem__)
        for name in ordered:
            if self.estimate(Rollup((*together, name))) <= most:
                together = (*together, name)
        others = [name for name in ordered if name not in together]
        fitting = [name for name in others if alone[name] <= max(SMALL, SINGLE_SHARE * self.records)]
        return [Rollup(together), *(Rollup((name,)) for name in fitting[:MOST_SINGLE])]

    def values(self, values: Values, aggregates: frozenset[Aggregate], dimensions: tuple[str, ...]) -> list[Rollup]:
        """The rollups of a field's values: by day and, for the dimensions that do not fit in, by longer periods."""
        found: list[Rollup] = []
        for unit in self._units():
            for wanted in _precisions(aggregates):
                found += self._of_unit(values, wanted, unit, dimensions, found)
        return found

    def _units(self) -> Sequence[Grain]:
        return _UNITS if self.dataset.dating is not None else (Grain.DAY,)

    def _of_unit(
        self,
        values: Values,
        wanted: Sequence[Precision],
        unit: Grain,
        dimensions: tuple[str, ...],
        known: Sequence[Rollup],
    ) -> Iterator[Rollup]:
        """With as many of the dimensions as fit together, and one for each of some others: exact where that fits."""
        dimensions = tuple(name for name in dimensions if name != values.field)
        lacking = [(), *((name,) for name in dimensions)]
        quick = [each for each in known if each.precision in wanted and self._serves(each, unit)]
        lacking = [each for each in lacking if not any(set(each) <= set(other.dimensions) for other in quick)]
        for precision in wanted:
            if not lacking:
                return
            together = self._with_dimensions(Rollup((), values, precision, unit), dimensions)
            singles = [Rollup(each, values, precision, unit) for each in lacking]
            fitting = [] if together is None else [together]
            fitting += [each for each in singles if self._fits(each)][: MOST_SINGLE_VALUES + 1]
            for rollup in fitting:
                if any(set(each) <= set(rollup.dimensions) for each in lacking):
                    lacking = [each for each in lacking if not set(each) <= set(rollup.dimensions)]
                    yield rollup

    def _serves(self, known: Rollup, unit: Grain) -> bool:
        """Whether a rollup that is chosen already answers for periods of a unit, and quickly."""
        is_finer = known.unit in (Grain.DAY, unit) or (known.unit is Grain.MONTH and unit is Grain.YEAR)
        return is_finer and (self.dataset.dating is None or self.estimate(known) <= self._most_rows())

    def _most_rows(self) -> float:
        return PER_YEAR * self.periods(Grain.YEAR)

    def _with_dimensions(self, alone: Rollup, dimensions: tuple[str, ...]) -> Rollup | None:
        """With as many of the dimensions as fit; None if not even the values alone are few enough."""
        if not self._fits(alone):
            return None
        found = alone
        for name in dimensions:
            larger = replace(found, dimensions=(*found.dimensions, name))
            if self._fits(larger):
                found = larger
        return found

    def _fits(self, rollup: Rollup) -> bool:
        """Whether a rollup of values is small enough: compared with the records and, by longer periods, in itself."""
        rows = self.estimate(rollup)
        if rows > max(SMALL_VALUES, SINGLE_SHARE * self.records):
            return False
        if rollup.unit is Grain.DAY or rows <= SMALL_VALUES:
            return True
        if rollup.precision is Precision.EXACT:
            return rows <= EXACT_PER_YEAR * self.periods(Grain.YEAR)
        return not rollup.dimensions or rows <= self._most_rows()

    def periods(self, unit: Grain) -> float:
        """How many periods have records."""
        if unit is Grain.DAY:
            return self.estimate(Rollup(()))
        if not self._periods:
            self._periods = self._count_periods()
        return self._periods[unit]

    def _count_periods(self) -> dict[Grain, float]:
        """Where another dataset dates the records, of the days of that one: no look at the records is needed."""
        dated = self.dataset.dated_through or self.dataset
        day = day_of(dated)
        assert day is not None
        counts = sql.SQL(", ").join(
            sql.SQL("count(DISTINCT {})").format(first_day_of_period(sql.Identifier("day"), unit)) for unit in _UNITS
        )
        row = self.connection.execute(
            sql.SQL("SELECT {} FROM (SELECT DISTINCT {} AS day FROM {}) AS found").format(counts, day, source(dated))
        ).fetchone()
        assert row is not None
        return {unit: float(count) for unit, count in zip(_UNITS, row, strict=True)}

    def estimate(self, rollup: Rollup) -> float:
        """How many rows a rollup would have, by the planner."""
        if rollup not in self._estimates:
            self._estimates[rollup] = self._ask(rollup)
        return self._estimates[rollup]

    def _ask(self, rollup: Rollup) -> float:
        if rollup.precision is not Precision.EXACT:
            # The planner does not know what rounding does to a field: the number of groups bounds the rows.
            groups = self.estimate(Rollup(rollup.dimensions, unit=rollup.unit)) * _MOST_PER_GROUP[rollup.precision]
            return min(self.estimate(replace(rollup, precision=Precision.EXACT)), groups)
        if rollup.unit is not Grain.DAY and self.records > COUNTED:
            # Nor what naming periods does to days.
            by_day = self.estimate(replace(rollup, unit=Grain.DAY))
            return min(by_day, self.periods(rollup.unit) * self._without_days(rollup))
        return self._counted(grouping(self.dataset, rollup), rollup)

    def _without_days(self, rollup: Rollup) -> float:
        """How many groups there are in all periods together."""
        return self._counted([each for each in grouping(self.dataset, rollup) if each[0] != DAY], rollup)

    def _counted(self, grouped: Sequence[tuple[str, sql.Composable]], rollup: Rollup) -> float:
        groups = [expression for _, expression in grouped]
        if not groups:
            return 1
        query = sql.SQL("SELECT 1 FROM {} WHERE {} GROUP BY {}").format(
            source(self.dataset), condition(self.dataset, rollup), sql.SQL(", ").join(groups)
        )
        if self.records <= COUNTED:
            return float(self._one(sql.SQL("SELECT count(*) FROM ({}) AS found").format(query)))
        return float(self._one(sql.SQL("EXPLAIN (FORMAT json) {}").format(query))[0]["Plan"]["Plan Rows"])

    def _one(self, query: sql.Composed) -> Any:
        row = self.connection.execute(query).fetchone()
        assert row is not None
        return row[0]


def choose(connection: Connection, dataset: Dataset, contents: Contents, records: int) -> list[Rollup]:
    """The pre-aggregates that a dataset should have. The first one has no other purpose than the days, if need be."""
    chooser = _Chooser(connection, dataset, contents, records)
    found = chooser.states()
    dimensions = found[0].dimensions
    for values, aggregates in contents.values:
        is_dimension = any(values.field in each.dimensions for each in found if each.values is None)
        if is_dimension and not values.conditions and aggregates == {Aggregate.DISTINCT}:
            continue  # its distinct values are those that the rollup groups by
        found += chooser.values(values, aggregates, dimensions)
    return list(dict.fromkeys(found))
