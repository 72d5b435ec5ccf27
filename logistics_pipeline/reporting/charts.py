"""The charts of a panel: which specification of `logistics_core.charts` draws it, with which rows.

They follow `metricchart.js` of the dashboard. Points, maps and histograms are for looking into: mails show their table.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import islice
from typing import Any

from logistics_core.languages.chart_words import ChartWords, chart_words
from logistics_core.languages.sentences import Sentence, joined
from logistics_core.languages.translating import Language
from logistics_core.metrics.periods import DayRange, Grain, period_of, periods_within
from logistics_pipeline.reporting.answers import Panel
from logistics_pipeline.reporting.words import column_words, group_words, range_words, value_words

MOST_CHARTS = 4
MOST_SERIES = 6
MOST_BARS = 20
MOST_PERIODS = 1_000

Column = Mapping[str, Any]
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Chart:
    """What a picture shows."""

    specification: str
    rows: Sequence[Row]
    title: str
    alt: str
    """The same in words."""
    words: ChartWords | None = None
    """How numbers and dates at its axes are written; None: as in English."""

    def told(self, language: Language) -> "Chart":
        """It in a language."""
        say = language.say
        rows = [{k: say(v) if isinstance(v, Sentence) else v for k, v in row.items()} for row in self.rows]
        return Chart(self.specification, rows, say(self.title), say(self.alt), chart_words(language))


def is_number(panel: Panel) -> bool:
    """Whether a panel shows figures alone, without a chart."""
    return panel.question.get("grain") is None and panel.answer["grain"] is None and not panel.by


def charts_of(panel: Panel) -> list[Chart]:
    """The charts of a panel, one per metric; none where a table says it all."""
    if is_number(panel) or not panel.rows or panel.chart in ("table", "scatter", "histogram", "map"):
        return []
    return [chart for column in panel.values[:MOST_CHARTS] if (chart := _chart(panel, column)) is not None]


def _chart(panel: Panel, column: Column) -> Chart | None:
    known = [row for row in panel.rows if row[column["name"]] is not None]
    if not known:
        return None
    adds_up = bool(panel.metrics.get(column["metric"], {}).get("adds_up"))
    if panel.answer["grain"] is None:
        specification, rows = "metric_bars", _bars(panel, column, known)
    elif adds_up and panel.chart != "lines":
        specification, rows = ("metric_stack" if panel.by else "metric_periods"), _columns(panel, column)
    else:
        specification, rows = ("metric_series" if panel.by else "metric_lines"), _lines(panel, column, adds_up)
    return Chart(specification, rows, column_words(column, panel.metrics), _summary(panel, column, known))


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _bars(panel: Panel, column: Column, known: Sequence[Row]) -> list[Row]:
    labels: dict[str, int] = {}
    found: list[Row] = []
    for row in known[:MOST_BARS]:
        words = group_words(row, panel.by, " → ")
        labels[words] = labels.get(words, 0) + 1
        count = labels[words]
        label = words if count == 1 else Sentence("{label} ({count})", label=words, count=count)
        shown = value_words(row[column["name"]], column)
        entry: dict[str, Any] = {"label": label, "value": _number(row[column["name"]]), "shown": shown}
        found.append(entry | _before(row, column))
    return found


def _before(row: Row, column: Column) -> dict[str, Any]:
    """What a value is compared with, if it is."""
    name = f"{column['name']}_previous"
    return {"previous": _number(row[name]), "before": value_words(row[name], column)} if name in row else {}


def _periods(panel: Panel) -> Iterator[tuple[str, Row]]:
    """The begin of each period, with the members of a row that say when it is."""
    grain, span = Grain(panel.answer["grain"]), panel.answer["range"]
    if span is None:
        begins = [row["period"] for row in panel.rows]
        span = {"start": min(begins), "end": max(begins)}
    days = DayRange(date.fromisoformat(span["start"]), date.fromisoformat(span["end"]))
    for period in islice(periods_within(days, grain), MOST_PERIODS):
        after = date.fromordinal(min(period.end.toordinal() + 1, date.max.toordinal()))
        words = range_words(period)
        yield period.start.isoformat(), {"begins": period.start.isoformat(), "next": after.isoformat(), "words": words}


def _series(panel: Panel, column: Column) -> tuple[list[tuple[str, dict[str, Row]]], list[dict[str, Row]]]:
    """The groups with their rows by period, the largest first; beyond a few, the others."""
    groups: dict[str, dict[str, Row]] = {}
    for row in panel.rows:
        groups.setdefault(group_words(row, panel.by), {})[row["period"]] = row
    sizes = {
        words: sum(abs(_number(row[column["name"]]) or 0.0) for row in rows.values()) for words, rows in groups.items()
    }
    ordered = sorted(groups.items(), key=lambda item: -sizes[item[0]])
    most = MOST_SERIES if len(ordered) > MOST_SERIES + 1 else MOST_SERIES + 1
    return ordered[:most], [rows for _, rows in ordered[most:]]


def _columns(panel: Panel, column: Column) -> list[Row]:
    """Bars of what adds up; a period without records is 0. Groups stand on each other, the smallest as one."""
    name = column["name"]
    named, others = _series(panel, column)
    found: list[Row] = []
    for begins, when in _periods(panel):
        ends = {True: 0.0, False: 0.0}
        values = [(words, _value(rows.get(begins), name), rows.get(begins)) for words, rows in named]
        if others:
            rest = [value for rows in others if (value := _value(rows.get(begins), name)) is not None]
            values.append((Sentence("{count} other", "{count} others", count=len(others)), sum(rest), None))
        for words, value, row in values:
            lower = ends[value >= 0] if value is not None and panel.by else 0.0
            upper = None if value is None else lower + value
            if value is not None:
                ends[value >= 0] = lower + value
            entry: dict[str, Any] = {**when, "lower": lower, "upper": upper, "shown": _shown(row, value, column)}
            found.append(entry | ({"series": words} if panel.by else _before(row, column) if row else {}))
    return found


def _shown(row: Row | None, value: float | None, column: Column) -> str:
    if row is not None:
        return value_words(row[column["name"]], column)
    return value_words(None if value is None else Decimal(repr(value)), column)


def _value(row: Row | None, name: str) -> float | None:
    """That of a period: 0 if it has no records, unknown if they have no value."""
    return 0.0 if row is None else _number(row[name])


def _lines(panel: Panel, column: Column, adds_up: bool) -> list[Row]:
    name = column["name"]
    found: list[Row] = []
    periods = list(_periods(panel))
    for words, rows in _series(panel, column)[0]:
        for begins, when in periods:
            row = rows.get(begins)
            value = (0.0 if adds_up else None) if row is None else _number(row[name])
            entry: dict[str, Any] = {**when, "value": value, "shown": _shown(row, value, column)}
            found.append(entry | ({"series": words} if panel.by else _before(row, column) if row else {}))
    return found


def _summary(panel: Panel, column: Column, known: Sequence[Row]) -> str:
    """What the picture says, for whoever does not see it."""
    ordered = sorted(known, key=lambda row: _number(row[column["name"]]) or 0.0)
    least, most = ordered[0], ordered[-1]
    return Sentence(
        "{metric}: highest {highest} ({where_highest}), lowest {lowest} ({where_lowest}).",
        metric=column_words(column, panel.metrics),
        highest=value_words(most[column["name"]], column), where_highest=place_words(panel, most),
        lowest=value_words(least[column["name"]], column), where_lowest=place_words(panel, least),
    )  # fmt: skip


def place_words(panel: Panel, row: Row) -> str:
    """What a row is about: its period and its group."""
    return joined(filter(None, [period_words(panel, row), group_words(row, panel.by)]), ", ")


def period_words(panel: Panel, row: Row) -> str:
    """The days of a row's period; nothing without periods."""
    grain = panel.answer["grain"]
    return "" if grain is None else range_words(period_of(date.fromisoformat(row["period"]), Grain(grain)))
