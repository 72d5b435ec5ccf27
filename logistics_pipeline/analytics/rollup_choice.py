"""Chooses by what the pre-aggregates of a dataset group, from how many rows they would have.

Of few records the groups are counted. Of many, the planner's estimates decide: they cost no look at the records, and
the statistics are as fresh as the refresh, which renews them before. The planner expects groups by several columns to
be a tenth of the records at most, so what it expects to be less than a twentieth is much smaller than the dataset.
"""

from dataclasses import dataclass, field
from typing import Any

from psycopg import sql

from logistics_core.catalogue import Dataset
from logistics_core.catalogue.metrics import Aggregate
from logistics_core.metrics.rollups import (
    REGISTERS,
    Contents,
    Precision,
    Rollup,
    candidates,
    condition,
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
_MOST_PER_GROUP = {Precision.SKETCHED: REGISTERS, Precision.ROUNDED: 3 * 900}
"""The most values per group: the registers of a sketch; of rounded numbers 900 per power of ten, usually three."""
MOST_CANDIDATES = 40
MOST_SINGLE = 6
"""Rollups of one dimension, for those that do not fit in with the others."""


@dataclass
class _Chooser:
    connection: Connection
    dataset: Dataset
    contents: Contents
    records: int
    _estimates: dict[Rollup, float] = field(default_factory=dict)

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
        """The rollups of a field's values: exact if they are few, otherwise approximate."""
        exact = self._with_dimensions(values, Precision.EXACT, dimensions)
        if exact is not None:
            return [exact]
        wanted = [Precision.SKETCHED] if Aggregate.DISTINCT in aggregates else []
        wanted += [Precision.ROUNDED] if Aggregate.QUANTILE in aggregates else []
        found = (self._with_dimensions(values, precision, dimensions) for precision in wanted)
        return [each for each in found if each is not None]

    def _with_dimensions(self, values: Values, precision: Precision, dimensions: tuple[str, ...]) -> Rollup | None:
        """With as many of the dimensions as fit; None if not even the values alone are few enough."""
        most = max(SMALL_VALUES, SINGLE_SHARE * self.records)
        found = Rollup((), values, precision)
        if self.estimate(found) > most:
            return None
        for name in dimensions:
            larger = Rollup((*found.dimensions, name), values, precision)
            if name != values.field and self.estimate(larger) <= most:
                found = larger
        return found

    def estimate(self, rollup: Rollup) -> float:
        """How many rows a rollup would have, by the planner."""
        if rollup not in self._estimates:
            self._estimates[rollup] = self._ask(rollup)
        return self._estimates[rollup]

    def _ask(self, rollup: Rollup) -> float:
        if rollup.precision is not Precision.EXACT:
            # The planner does not know what rounding does to a field: the number of groups bounds the rows.
            exact = self.estimate(Rollup(rollup.dimensions, rollup.values))
            return min(exact, self.estimate(Rollup(rollup.dimensions)) * _MOST_PER_GROUP[rollup.precision])
        groups = [expression for _, expression in grouping(self.dataset, rollup)]
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
