"""Writes the statement that answers a question about metrics.

No text of a request becomes part of a statement: names come from the contract, values are parameters.

The statement has up to five steps: `found` sums up states by group, once for the range and once for what it is compared
with, and computes each distinct count and quantile; `grouped` puts the parts of a group side by side; `windowed` adds
running totals and the like; `answer` computes the metrics; the last one sorts and writes JSON. Columns of states are
named by numbers, as the names of states are long.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date

from psycopg import sql

from logistics_api.querying.metric_query import PERIOD, MetricQuery, Show, paths_in, periods_of
from logistics_api.querying.planner import Plan, Source, day_field
from logistics_api.querying.records import records_of, source_of
from logistics_core import versions
from logistics_core.catalogue import Catalogue, FieldType
from logistics_core.catalogue.column_types import type_name
from logistics_core.catalogue.metrics import Aggregate, Metric, Value
from logistics_core.metrics import rollups
from logistics_core.metrics.conditions import EVERYTHING, all_of, as_literal, fields_in, sql_of
from logistics_core.metrics.defaults import is_part_of_whole, metrics_of
from logistics_core.metrics.paths import read_path
from logistics_core.metrics.periods import DayRange, Grain, period_of, periods_within
from logistics_core.metrics.relations import CURRENT_LINKS, Joins, links_as_of
from logistics_core.metrics.rollups import DAY, RANK, REGISTERS, SCHEMA, VALUE, VALUE_ROWS, Precision
from logistics_core.metrics.states import (
    State,
    StateKind,
    all_states,
    all_values,
    value_expression,
    values_read_by,
)

_STEPS = """
WITH found AS (
    {found}
),
grouped AS (
    SELECT {keys}{grouped}
    FROM found
    {grouping}
),
windowed AS (
    SELECT *{windows}
    FROM grouped
),
answer AS (
    SELECT {columns}
    FROM windowed
)
"""

AS_JSON = """
SELECT coalesce(json_agg(row_to_json("Row") ORDER BY "Position"), '[]')::text, coalesce(max("Groups"), 0)
FROM (
    SELECT {listed}, "Position", "Groups"
    FROM (
        SELECT *, row_number() OVER (ORDER BY {order}) AS "Position", count(*) OVER () AS "Groups" FROM answer
    ) AS numbered
    WHERE "Position" <= {limit}
) AS chosen
CROSS JOIN LATERAL (SELECT {listed}) AS "Row"
"""

AS_ROWS = """
SELECT {listed}
FROM answer
ORDER BY {order}
LIMIT {limit}
"""


@dataclass
class Parameters:
    """The values of a statement, by the names of their places."""

    values: dict[str, object] = field(default_factory=dict)

    def add(self, value: object) -> sql.Composable:
        """Adds a value; returns what stands for it."""
        name = f"value_{len(self.values)}"
        self.values[name] = value
        return sql.Placeholder(name)


def statement(
    query: MetricQuery, plan: Plan, catalogue: Catalogue, parameters: Parameters, *, as_rows: bool = False
) -> sql.Composed:
    """The SELECT that answers a question: one row with the JSON array of the answer's rows, and the number of groups.

    `as_rows`: the rows as they are. At most `query.limit` are returned; the number of groups says what was left out.
    """
    writer = _Writer(query, plan, catalogue, parameters)
    order = _order(query)
    steps = sql.SQL(_STEPS).format(
        found=sql.SQL("\n    UNION ALL\n    ").join(writer.parts()),
        keys=writer.key_list(),
        grouped=_listed(writer.grouped()),
        grouping=writer.grouping(writer.keys),
        windows=sql.SQL("").join(sql.SQL(", {}").format(each) for each in writer.windows()),
        columns=_listed(list(writer.columns())),
    )
    listed = _listed([sql.Identifier(name) for name in query.columns])
    ending = AS_ROWS if as_rows else AS_JSON
    return steps + sql.SQL(ending).format(listed=listed, order=order, limit=sql.Literal(query.limit))


_NOW, _EARLIER, _RUNNING, _RECENT, _TOTAL = "now_", "earlier_", "running_", "recent_", "total_"


class _Writer:
    def __init__(self, query: MetricQuery, plan: Plan, catalogue: Catalogue, parameters: Parameters) -> None:
        self.query, self.plan, self.catalogue, self.parameters = query, plan, catalogue, parameters
        self.metrics = metrics_of(query.dataset)
        self.states = all_states(query.metrics, self.metrics)
        self.values = all_values(query.metrics, self.metrics)
        sources: list[State | Metric] = [*self.states, *self.values]
        self.numbers = {source: number for number, source in enumerate(sources)}
        self.periods = periods_of(query) if query.compare is not None else ()
        self.keys = [*query.axis, *query.dimension_names]

    def key_list(self) -> sql.Composable:
        return sql.SQL("").join(sql.SQL("{}, ").format(sql.Identifier(name)) for name in self.keys)

    def grouping(self, names: Sequence[str]) -> sql.Composable:
        if not names:
            return sql.SQL("")
        return sql.SQL("GROUP BY {}").format(_listed([sql.Identifier(name) for name in names]))

    # -- found

    def parts(self) -> Iterator[sql.Composable]:
        """The SELECTs whose rows together have all states of all groups."""
        for prefix in (_NOW, _EARLIER):
            if prefix == _EARLIER and not self._is_compared:
                continue
            yield self._states_part(prefix)
            for metric in self.values:
                yield self._values_part(metric, prefix)

    @property
    def _is_compared(self) -> bool:
        if self.query.points is not None:
            return any(point.compared is not None for point in self.query.points)
        return any(period.compared is not None for period in self.periods)

    def _states_part(self, prefix: str) -> sql.Composable:
        source = self._source(None, prefix)
        aggregates = {self.numbers[state]: source.aggregate(state) for state in self.states}
        return sql.SQL("SELECT {}{} FROM {} WHERE {} {}").format(
            source.keys(),
            self._state_list(prefix, aggregates),
            source.relation(),
            source.condition(),
            source.grouping(),
        )

    def _values_part(self, metric: Metric, prefix: str) -> sql.Composable:
        """A distinct count or a quantile of each group."""
        source = self._source(metric, prefix)
        found = _QUANTILE if metric.aggregate is Aggregate.QUANTILE else source.distinct
        grouped_values = sql.SQL("SELECT {}{} FROM {} WHERE {} {}").format(
            source.keys(),
            source.value_columns(),
            source.relation(),
            source.condition(),
            source.grouping(with_value=True),
        )
        names = sql.SQL("").join(sql.SQL(", {}").format(sql.Identifier(name)) for name in self.keys)
        return sql.SQL(found).format(
            values=grouped_values,
            keys=self.key_list(),
            partition=sql.SQL("PARTITION BY true{}").format(names),
            grouping=self.grouping(self.keys),
            share=sql.Literal(metric.quantile),
            states=self._state_list(prefix, {self.numbers[metric]: sql.SQL(_RESULTS[found])}),
        )

    def _source(self, metric: Metric | None, prefix: str) -> "_Source":
        is_earlier = prefix == _EARLIER
        if self.query.points is not None:
            of_own = self.query.dataset.dated_through is None and not any("." in path for path in paths_in(self.query))
            return (_GroupedVersionSource if of_own else _VersionSource)(self, metric, is_earlier=is_earlier)
        if self.plan.source is Source.ROLLUP:
            return _RollupSource(self, metric, is_earlier=is_earlier)
        return _RowSource(self, metric, is_earlier=is_earlier)

    def _state_list(self, prefix: str, given: dict[int, sql.Composable]) -> sql.Composable:
        """All columns of states: those that a part computes, and NULL for the others, which other parts compute."""
        columns = []
        for each_prefix in (_NOW, _EARLIER) if self.query.compare is not None else (_NOW,):
            for source, number in self.numbers.items():
                value = given.get(number) if each_prefix == prefix else None
                if value is None:
                    value = sql.SQL("NULL::{}").format(sql.SQL(self._type(source)))
                columns.append(sql.SQL("{} AS {}").format(value, sql.Identifier(f"{each_prefix}{number}")))
        return _listed(columns)

    def _type(self, source: State | Metric) -> str:
        if isinstance(source, Metric):
            return "bigint" if source.aggregate is Aggregate.DISTINCT else "numeric"
        if source.kind in (StateKind.ROWS, StateKind.COUNT):
            return "bigint"
        assert source.field is not None
        return "numeric" if source.kind is StateKind.SUM else type_name(self.query.dataset.field(source.field))

    # -- grouped

    def grouped(self) -> list[sql.Composed]:
        """The states of each group, from the parts that have them: every other part has NULL there."""
        columns = []
        for prefix in (_NOW, _EARLIER) if self.query.compare is not None else (_NOW,):
            for source, number in self.numbers.items():
                name = sql.Identifier(f"{prefix}{number}")
                value: sql.Composable = sql.SQL("max({})").format(name)
                if self._counts(source):
                    value = sql.SQL("coalesce({}, 0)").format(value)
                if prefix == _EARLIER:
                    value = self._if_compared(value)
                columns.append(sql.SQL("{} AS {}").format(value, name))
        return columns

    def _counts(self, source: State | Metric) -> bool:
        if isinstance(source, Metric):
            return source.aggregate is Aggregate.DISTINCT
        return source.kind in (StateKind.ROWS, StateKind.COUNT)

    def _if_compared(self, value: sql.Composable) -> sql.Composable:
        """Nothing was counted in a period that lies before the calendar or before all records: not 0, but unknown."""
        lacking = [period.days for period in self.periods if period.compared is None]
        if not lacking:
            return value
        if self.query.grain is None:
            return sql.SQL("CASE WHEN false THEN {} END").format(value)
        starts = [_label(days, self.query.grain) for days in lacking]
        return sql.SQL("CASE WHEN {} <> ALL({}::date[]) THEN {} END").format(
            sql.Identifier(PERIOD), self.parameters.add(starts), value
        )

    # -- windowed

    def windows(self) -> Iterator[sql.Composable]:
        """States accumulated over periods, and totals."""
        query = self.query
        dimensions = [sql.Identifier(name) for name in query.dimension_names]
        by = sql.SQL("PARTITION BY {} ").format(_listed(dimensions)) if dimensions else sql.SQL("")
        period = sql.Identifier(PERIOD)
        if Show.RUNNING in query.show:
            yield from self._window(_RUNNING, sql.SQL("({}ORDER BY {})").format(by, period))
        if Show.AVERAGE in query.show:
            assert query.grain is not None
            span = sql.Literal(_span(query.grain, query.periods_in_average - 1))
            frame = sql.SQL("({}ORDER BY {} RANGE BETWEEN {}::interval PRECEDING AND CURRENT ROW)")
            yield from self._window(_RECENT, frame.format(by, period, span))
        if Show.SHARE in query.show:
            of_period = sql.SQL("PARTITION BY {}").format(period) if query.grain is not None else sql.SQL("")
            yield from self._window(_TOTAL, sql.SQL("({})").format(of_period))

    def _window(self, prefix: str, window: sql.Composable) -> Iterator[sql.Composable]:
        for state in self.states:
            merge = state.kind.value if state.kind in (StateKind.MIN, StateKind.MAX) else "sum"
            number = self.numbers[state]
            yield sql.SQL("{}({}) OVER {} AS {}").format(
                sql.SQL(merge),
                sql.Identifier(f"{_NOW}{number}"),
                window,
                sql.Identifier(f"{prefix}{number}"),
            )

    # -- answer

    def columns(self) -> Iterator[sql.Composable]:
        """The columns of the answer."""
        yield from map(sql.Identifier, self.keys)
        for metric in self.query.metrics:
            for name, value in self._of_metric(metric):
                yield sql.SQL("{} AS {}").format(value, sql.Identifier(name))

    def _of_metric(self, metric: Metric) -> Iterator[tuple[str, sql.Composable]]:
        now = self._value(metric, _NOW)
        yield metric.name, now
        if self.query.compare is not None:
            earlier = self._value(metric, _EARLIER)
            yield f"{metric.name}_previous", earlier
            yield f"{metric.name}_change", self._change(metric, now, earlier)
        for show in Show:
            if show in self.query.show:
                yield f"{metric.name}_{show}", self._shown(metric, show, now)

    def _change(self, metric: Metric, now: sql.Composable, earlier: sql.Composable) -> sql.Composable:
        """In percent; NULL where the earlier value is 0 or absent, and for days, which have no growth."""
        if not self._is_number(metric):
            return sql.SQL("NULL::numeric")
        return sql.SQL("round(100 * ({0} - {1}) / nullif(abs({1}::numeric), 0), 2)").format(now, earlier)

    def _is_number(self, metric: Metric) -> bool:
        if metric.field is None or metric.aggregate not in (Aggregate.MIN, Aggregate.MAX):
            return True
        return self.query.dataset.field(metric.field).type in (FieldType.NUMBER, FieldType.INTEGER, FieldType.YEAR)

    def _shown(self, metric: Metric, show: Show, now: sql.Composable) -> sql.Composable:
        match show:
            case Show.RUNNING:
                return self._value(metric, _RUNNING)
            case Show.SHARE:
                total = self._value(metric, _TOTAL)
                return sql.SQL("round(100 * {} / nullif({}::numeric, 0), 4)").format(now, total)
            case Show.AVERAGE:
                recent = self._value(metric, _RECENT)
                if not is_part_of_whole(self.query.dataset, metric):
                    return recent
                return sql.SQL("trim_scale({}::numeric / {})").format(recent, self._periods_so_far())

    def _periods_so_far(self) -> sql.Composable:
        """How many periods a mean over the last ones covers: fewer at the beginning of the range.

        Periods without records count: they are 0.
        """
        assert self.query.grain is not None
        period, first = sql.Identifier(PERIOD), sql.SQL("min({}) OVER ()").format(sql.Identifier(PERIOD))
        if self.query.days is not None:
            first = sql.SQL("{}::date").format(self.parameters.add(_label(self.query.days, self.query.grain)))
        return sql.SQL("least({}, {})").format(
            sql.Literal(self.query.periods_in_average),
            sql.SQL(_DISTANCE[self.query.grain]).format(period=period, first=first),
        )

    def _value(self, metric: Metric, prefix: str) -> sql.Composable:
        return value_expression(metric, self.metrics, lambda source: sql.Identifier(f"{prefix}{self.numbers[source]}"))


_DISTANCE = {
    Grain.DAY: "({period} - {first} + 1)",
    Grain.WEEK: "(({period} - {first}) / 7 + 1)",
    Grain.MONTH: (
        "((extract(year FROM {period}) - extract(year FROM {first})) * 12"
        " + extract(month FROM {period}) - extract(month FROM {first}) + 1)"
    ),
    Grain.QUARTER: (
        "(((extract(year FROM {period}) - extract(year FROM {first})) * 12"
        " + extract(month FROM {period}) - extract(month FROM {first})) / 3 + 1)"
    ),
    Grain.YEAR: "(extract(year FROM {period}) - extract(year FROM {first}) + 1)",
}
"""The number of periods from the first to a period, both included."""


def _span(grain: Grain, periods: int) -> str:
    """So many periods as an interval."""
    months = {Grain.MONTH: 1, Grain.QUARTER: 3, Grain.YEAR: 12}
    if grain in months:
        return f"{periods * months[grain]} months"
    return f"{periods * (7 if grain is Grain.WEEK else 1)} days"


def _label(days: DayRange, grain: Grain) -> date:
    """What names the period that the first of some days belongs to: its first day."""
    return period_of(days.start, grain).start


# -- where states and values come from -----------------------------------------------------------------------------


_QUANTILE = """
    SELECT {keys}{states}
    FROM (
        SELECT
            *,
            sum("Rows") OVER ({partition} ORDER BY "Value") AS "Running",
            sum("Rows") OVER ({partition}) AS "Total"
        FROM ({values}) AS grouped_values
    ) AS numbered_values
    WHERE "Running" >= {share} * "Total"
    {grouping}
"""
_DISTINCT = """
    SELECT {keys}{states}
    FROM ({values}) AS grouped_values
    {grouping}
"""
_SKETCH = """
    SELECT {keys}{states}
    FROM (
        SELECT {keys}count(*) AS "Used", sum(power(2::double precision, -"Rank")) AS "Inverse"
        FROM ({values}) AS registers
        {grouping}
    ) AS sketches
    {grouping}
"""
_ESTIMATE = f"""0.7213 / (1 + 1.079 / {REGISTERS}) * {REGISTERS} * {REGISTERS} / ("Inverse" + {REGISTERS} - "Used")"""
_RESULTS = {
    _QUANTILE: 'min("Value")::numeric',
    _DISTINCT: "count(*)",
    # The estimate of HyperLogLog (Flajolet et al. 2007), with linear counting for small numbers.
    _SKETCH: f"""coalesce(max(
            CASE WHEN "Used" < {REGISTERS} AND {_ESTIMATE} <= {2.5 * REGISTERS:.0f}
            THEN round({REGISTERS} * ln({REGISTERS}.0 / ({REGISTERS} - "Used")))
            ELSE round({_ESTIMATE}) END
        ), 0)::bigint""",
}


class _Source(ABC):
    """A table that answers, with what groups and filters it."""

    distinct = _DISTINCT
    unit = Grain.DAY
    """Of which periods `day` is the first day."""

    def __init__(self, writer: _Writer, metric: Metric | None, *, is_earlier: bool) -> None:
        self.writer, self.metric, self.is_earlier = writer, metric, is_earlier
        self.query = writer.query
        self.mapped = is_earlier and self.query.grain is not None
        """Whether days are mapped to the periods that are compared with theirs."""

    # What tables differ in:

    @abstractmethod
    def table(self) -> sql.Composable: ...

    @abstractmethod
    def day(self) -> sql.Composable | None: ...

    @abstractmethod
    def column(self, path: str) -> sql.Composable: ...

    @abstractmethod
    def aggregate(self, state: State) -> sql.Composable: ...

    @abstractmethod
    def value_columns(self) -> sql.Composable: ...

    def own_condition(self) -> list[sql.Composable]:
        return []

    # What they have in common:

    def relation(self) -> sql.Composable:
        if not self.mapped:
            return self.table()
        days, labels = self._earlier_days()
        day = self.day()
        assert day is not None
        return sql.SQL(
            '{} JOIN unnest({}::date[], {}::date[]) AS "Earlier" (earlier_day, label) ON earlier_day = {}'
        ).format(self.table(), self.writer.parameters.add(days), self.writer.parameters.add(labels), day)

    def _earlier_days(self) -> tuple[list[date], list[date]]:
        """Every day of the earlier periods, with the period that it is compared with."""
        assert self.query.grain is not None
        days, labels = [], []
        for period in self.writer.periods:
            if period.compared is not None:
                starts = [each.start for each in periods_within(period.compared, self.unit)]
                days += starts
                labels += [_label(period.days, self.query.grain)] * len(starts)
        return days, labels

    def key_expressions(self) -> list[tuple[str, sql.Composable]]:
        found = []
        if self.query.grain is not None:
            found.append((PERIOD, self._period(self.query.grain)))
        return found + [(path.name, self.column(path.name)) for path in self.query.by]

    def _period(self, grain: Grain) -> sql.Composable:
        if self.mapped:
            return sql.Identifier("Earlier", "label")
        day = self.day()
        assert day is not None
        return rollups.first_day_of_period(day, grain)

    def keys(self) -> sql.Composable:
        return sql.SQL("").join(
            sql.SQL("{} AS {}, ").format(value, sql.Identifier(name)) for name, value in self.key_expressions()
        )

    def grouping(self, *, with_value: bool = False) -> sql.Composable:
        count = len(self.key_expressions()) + with_value
        if not count:
            return sql.SQL("")
        return sql.SQL("GROUP BY {}").format(_listed([sql.SQL(str(number + 1)) for number in range(count)]))

    def condition(self) -> sql.Composable:
        parts = [*self.own_condition(), *self._range()]
        if self.query.filter != EVERYTHING:
            parts.append(sql_of(self.query.filter, self.column, self._bind))
        return sql.SQL(" AND ").join(parts) if parts else sql.SQL("true")

    def _range(self) -> Iterator[sql.Composable]:
        days, day = self.query.days, self.day()
        if self.is_earlier:
            compared = [period.compared for period in self.writer.periods if period.compared is not None]
            days = DayRange(min(each.start for each in compared), max(each.end for each in compared))
        if days is not None and day is not None:
            bounds = [self.writer.parameters.add(bound) for bound in (period_of(days.start, self.unit).start, days.end)]
            yield sql.SQL("{} BETWEEN {} AND {}").format(day, *bounds)

    def _bind(self, value: Value) -> sql.Composable:
        return self.writer.parameters.add(value)


class _RollupSource(_Source):
    def __init__(self, writer: _Writer, metric: Metric | None, *, is_earlier: bool) -> None:
        super().__init__(writer, metric, is_earlier=is_earlier)
        stored = writer.plan.states if metric is None else writer.plan.values[metric]
        assert stored is not None
        self.stored = stored
        self.unit = stored.rollup.unit
        if stored.rollup.precision is Precision.SKETCHED:
            self.distinct = _SKETCH

    def table(self) -> sql.Composable:
        return sql.SQL("{} AS rollup").format(sql.Identifier(SCHEMA, self.stored.table))

    def day(self) -> sql.Composable | None:
        return None if self.query.dataset.dating is None else sql.Identifier("rollup", DAY)

    def column(self, path: str) -> sql.Composable:
        is_day = path == day_field(self.query) and path not in self.stored.rollup.dimensions
        return sql.Identifier("rollup", DAY if is_day else path)

    def aggregate(self, state: State) -> sql.Composable:
        return state.of_states(sql.Identifier("rollup", state.column))

    def own_condition(self) -> list[sql.Composable]:
        found = []
        if self.query.permission != EVERYTHING:
            found.append(sql_of(self.query.permission, self.column, self._bind))
        if self.metric is not None and self.metric.field is not None and self.stored.rollup.values is None:
            found.append(sql.SQL("{} IS NOT NULL").format(self.column(self.metric.field)))
        return found

    def value_columns(self) -> sql.Composable:
        if self.stored.rollup.values is None:  # the field is one of its dimensions
            assert self.metric is not None and self.metric.field is not None
            rows = sql.Identifier(State(StateKind.ROWS, None).column)
            return sql.SQL('{} AS "Value", sum({}) AS "Rows"').format(self.column(self.metric.field), rows)
        if self.stored.rollup.precision is Precision.SKETCHED:
            return sql.SQL('{} AS "Value", max({}) AS "Rank"').format(sql.Identifier(VALUE), sql.Identifier(RANK))
        return sql.SQL('{} AS "Value", sum({}) AS "Rows"').format(sql.Identifier(VALUE), sql.Identifier(VALUE_ROWS))


class _RowSource(_Source):
    def __init__(self, writer: _Writer, metric: Metric | None, *, is_earlier: bool) -> None:
        super().__init__(writer, metric, is_earlier=is_earlier)
        self.joins = self._joins()
        self.columns = {
            path: self.joins.column(
                read_path(path, self.query.dataset, writer.catalogue), self.query.dataset, writer.catalogue
            )
            for path in (*self.query.dimension_names, *sorted(fields_in(self.query.filter)))
        }

    def _joins(self) -> Joins:
        as_of, permitted = self.query.as_of, self.query.permitted
        links = CURRENT_LINKS if as_of is None else links_as_of(sql.Literal(as_of))
        return Joins(lambda name: records_of(self.writer.catalogue[name], as_of, permitted), links=links)

    def table(self) -> sql.Composable:
        source = source_of(self.query.dataset, self.query.as_of, self.query.permitted)
        return sql.SQL(" ").join([source, *self.joins.clauses])

    def day(self) -> sql.Composable | None:
        return rollups.day_of(self.query.dataset)

    def column(self, path: str) -> sql.Composable:
        return self.columns[path]

    def aggregate(self, state: State) -> sql.Composable:
        return state.of_rows(rollups.page_column)

    def value_columns(self) -> sql.Composable:
        assert self.metric is not None and self.metric.field is not None
        return sql.SQL('{} AS "Value", count(*) AS "Rows"').format(rollups.page_column(self.metric.field))

    def own_condition(self) -> list[sql.Composable]:
        found: list[sql.Composable] = []
        day = self.day()
        if day is not None and self.query.days is None:
            found.append(sql.SQL("{} IS NOT NULL").format(day))
        if self.metric is not None:
            read = values_read_by(self.metric)
            found.append(sql.SQL("{} IS NOT NULL").format(rollups.page_column(read.field)))
            found.append(all_of(read.conditions, rollups.page_column, as_literal))
        return found


_POINT = sql.SQL('"Point".number')


class _VersionSource(_RowSource):
    """All versions of records, each as of the points at which it is the newest one."""

    def __init__(self, writer: _Writer, metric: Metric | None, *, is_earlier: bool) -> None:
        found = [(point.compared if is_earlier else point.file_id, point.label) for point in writer.query.points or ()]
        # In the order of files. A time before the calendar has none.
        known = sorted((file, label) for file, label in found if file is not None)
        self._files = writer.parameters.add([file for file, _ in known])
        self._labels = writer.parameters.add([label for _, label in known])
        super().__init__(writer, metric, is_earlier=is_earlier)
        self.mapped = False

    def _joins(self) -> Joins:
        return Joins(lambda name: versions.with_ranges(self.writer.catalogue[name]), self._is_newest)

    def _is_newest(self, alias: str) -> sql.Composable:
        """Whether a version is the newest one as of the point."""
        return sql.SQL("{} <= {file} AND {} > {file}").format(
            sql.Identifier(alias, versions.FROM_FILE),
            sql.Identifier(alias, versions.UNTIL_FILE),
            file=sql.SQL("({}::int[])[{}]").format(self._files, _POINT),
        )

    def table(self) -> sql.Composable:
        dataset = self.query.dataset
        parts = [
            sql.SQL('{} AS page CROSS JOIN LATERAL {} AS "Point" (number)').format(
                versions.with_ranges(dataset), self._points_of("page")
            )
        ]
        other, dating = dataset.dated_through, dataset.dating
        if other is not None and dating is not None:
            parts.append(
                sql.SQL('JOIN {} AS "Dating" ON {} = {} AND {}').format(
                    versions.with_ranges(other),
                    sql.Identifier("Dating", other.key[0]),
                    sql.Identifier("page", dating.field),
                    self._is_newest("Dating"),
                )
            )
        return sql.SQL(" ").join([*parts, *self.joins.clauses])

    def _points_of(self, alias: str) -> sql.Composable:
        """The numbers of the points at which a version is the newest one."""
        return sql.SQL("generate_series({}, {})").format(*self._bounds(alias))

    def _bounds(self, alias: str) -> tuple[sql.Composable, sql.Composable]:
        """The first and the last of them: found by halving, not by comparing all."""
        behind = sql.SQL("width_bucket({} - 1, {}::int[])")
        first, last = (
            behind.format(sql.Identifier(alias, column), self._files)
            for column in (versions.FROM_FILE, versions.UNTIL_FILE)
        )
        return sql.SQL("{} + 1").format(first), last

    def key_expressions(self) -> list[tuple[str, sql.Composable]]:
        type_ = sql.SQL("date" if self.query.grain is not None else "int")
        label = sql.SQL("({}::{}[])[{}]").format(self._labels, type_, _POINT)
        named: list[tuple[str, sql.Composable]] = [(name, label) for name in self.query.axis]
        return named + [(path.name, self.column(path.name)) for path in self.query.by]


_GROUPED = """(
    SELECT {first} AS "First", {last} AS "Last", {keys}{states}
    FROM {versions} AS page
    WHERE {condition}
    GROUP BY {grouping}
)"""


class _GroupedVersionSource(_VersionSource):
    """The same where nothing else is joined: versions that are the newest ones at the same points are summed up first.

    Of a stock that is delivered every day, these are all of a delivery.
    """

    def table(self) -> sql.Composable:
        first, last = self._bounds("page")
        keys = [(path.name, self.column(path.name)) for path in self.query.by]
        count = 2 + len(keys) + (self.metric is not None)
        grouped = sql.SQL(_GROUPED).format(
            first=first,
            last=last,
            keys=sql.SQL("").join(sql.SQL("{} AS {}, ").format(value, sql.Identifier(name)) for name, value in keys),
            states=super().value_columns() if self.metric is not None else self._states(),
            versions=versions.with_ranges(self.query.dataset),
            condition=super().condition(),
            grouping=_listed([sql.SQL(str(number + 1)) for number in range(count)]),
        )
        return sql.SQL(
            '{} AS page CROSS JOIN LATERAL generate_series(page."First", page."Last") AS "Point" (number)'
        ).format(grouped)

    def _states(self) -> sql.Composable:
        return _listed(
            [
                sql.SQL("{} AS {}").format(super(_GroupedVersionSource, self).aggregate(state), self._name(number))
                for state, number in self._numbers
            ]
        )

    @property
    def _numbers(self) -> list[tuple[State, int]]:
        return [(state, self.writer.numbers[state]) for state in self.writer.states]

    @staticmethod
    def _name(number: int) -> sql.Identifier:
        return sql.Identifier(f"state {number}")

    def condition(self) -> sql.Composable:
        return sql.SQL("true")  # that of the versions is within the table

    def aggregate(self, state: State) -> sql.Composable:
        return state.of_states(sql.SQL("page.{}").format(self._name(self.writer.numbers[state])))

    def value_columns(self) -> sql.Composable:
        return sql.SQL('page."Value" AS "Value", sum(page."Rows") AS "Rows"')


def _order(query: MetricQuery) -> sql.Composable:
    """Rows in the order asked for, and always in the same one; what has no value comes last."""
    terms = [(each.column, each.is_descending) for each in query.order]
    if not terms:
        terms = [(name, False) for name in query.axis]
        terms += [(query.metrics[0].name, True)] if query.by and not query.axis else []
    named = {name for name, _ in terms}
    rest = query.axis
    terms += [(name, False) for name in (*rest, *query.dimension_names) if name not in named]
    if not terms:
        return sql.SQL("(SELECT 1)")  # one row
    return _listed(
        [
            sql.SQL("{} {} NULLS LAST").format(sql.Identifier(name), sql.SQL("DESC" if is_descending else "ASC"))
            for name, is_descending in terms
        ]
    )


def _listed(parts: Sequence[sql.Composable]) -> sql.Composed:
    return sql.SQL(", ").join(parts)
