"""Scores forecasts that were issued, as actuals arrive: what came true at first, and what late files made of it.

What is learnt of a series decides about its next forecast: its intervals become wider or narrower, and a series whose
forecasts lose to repeating the last season for four weeks gets no other forecast until a back-test speaks for one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from logistics_core.metrics.periods import Grain
from logistics_core.sql_files import read_sql
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.forecasting.calendars import Calendar
from logistics_pipeline.forecasting.hierarchy import Key, Node
from logistics_pipeline.forecasting.histories import key_text, parse_key
from logistics_pipeline.forecasting.intervals import adapted_width
from logistics_pipeline.forecasting.panel import BoolArray, FloatArray, IntArray

LOSSES = {Grain.DAY: (4, 7), Grain.WEEK: (4, 1), Grain.MONTH: (3, 1)}
"""A series is set back after losing in each of so many stretches of so many periods: four weeks or, by month, three
months."""

GOOD_BACKTEST = 0.98
"""A back-test is good if its error is at most this share of seasonal naive's."""


@dataclass(frozen=True)
class Series:
    """The series of one metric, in the order of its panel."""

    ids: IntArray
    width: FloatArray
    """Factor of the intervals of each."""
    scored_until: Sequence[date | None]
    naive_since: Sequence[date | None]
    """The last period known when it was set back to seasonal naive; None if it is not."""
    is_rest: BoolArray
    level: IntArray
    """The position of each's level, the coarsest being 0."""

    @property
    def only_naive(self) -> BoolArray:
        """Which series may have no other forecast than seasonal naive."""
        return np.array([since is not None for since in self.naive_since], dtype=np.bool_)


def find_series(
    connection: Connection,
    dataset: str,
    metric: str,
    grain: Grain,
    levels: Sequence[Sequence[str]],
    nodes: Sequence[Node],
) -> Series:
    """The series of a metric as they are stored; those that are new are made."""
    rows = connection.execute(
        read_sql("forecasting/series").encode(),
        {
            "dataset": dataset,
            "metric": metric,
            "grain": grain.value,
            "levels": [key_text(levels[node.level]) for node in nodes],
            "keys": [key_text(node.key) for node in nodes],
            "rests": [node.is_rest for node in nodes],
        },
    ).fetchall()
    return Series(
        ids=np.array([row[0] for row in rows], dtype=np.int64),
        width=np.array([row[1] for row in rows]),
        scored_until=[row[2] for row in rows],
        naive_since=[row[3] for row in rows],
        is_rest=np.array([node.is_rest for node in nodes], dtype=np.bool_),
        level=np.array([node.level for node in nodes], dtype=np.int64),
    )


def score(
    connection: Connection,
    series: Series,
    values: FloatArray,
    calendar: Calendar,
    begin: date | None,
    version: int,
    is_known: Callable[[Sequence[str], Key], bool] = lambda level, key: True,
) -> int:
    """Stores the actuals of periods that were forecast, and scores all forecasts of those that are new or changed.

    Series that consist of what was too small have no actuals: what belongs to them changes from fit to fit. Actuals
    that the figures do not have any more, because files were unloaded or corrected, are withdrawn.

    Args:
        series: as stored.
        values: (series, periods) what is known now, on `calendar`.
        begin: the first period that was ever forecast; None if none was.
        version: the data version of the values.
        is_known: whether there are records with these values of a level's fields, in the periods of the calendar; also
            True of levels that are not forecast now.

    Returns:
        How many actuals were new or changed.
    """
    if begin is None:
        return 0
    scored = _scored_series(connection, series, calendar, is_known)
    touched = _withdraw(connection, scored, calendar, version)
    changed = _store_changed(connection, series, values, calendar, begin, version)
    touched += changed
    if touched:
        periods = sorted({period for _, period in touched})
        of_series = {"series": sorted({series_id for series_id, _ in touched}), "periods": periods}
        of_level = {"series": scored.ids, "periods": periods}
        connection.execute(read_sql("forecasting/score_series").encode(), of_series)
        connection.execute(read_sql("forecasting/forget_scores").encode(), of_level)
        connection.execute(read_sql("forecasting/score_runs").encode(), of_level)
    return len(touched)


_Touched = list[tuple[int, date]]
"""Actuals by series and period."""


@dataclass(frozen=True)
class _Scored:
    """All series of a metric that are scored."""

    ids: list[int]
    gone: list[int]
    """Those that have actuals and, now, no records."""


def _scored_series(
    connection: Connection, series: Series, calendar: Calendar, is_known: Callable[[Sequence[str], Key], bool]
) -> _Scored:
    rows = connection.execute(
        read_sql("forecasting/tracked_series").encode(),
        {"series_id": int(series.ids[0]), "first": calendar.first, "last": calendar.last},
    ).fetchall()
    gone = [
        series_id for series_id, level, key, has_actuals in rows if has_actuals and not is_known(level, parse_key(key))
    ]
    return _Scored([row[0] for row in rows], gone)


def _withdraw(connection: Connection, scored: _Scored, calendar: Calendar, version: int) -> _Touched:
    return connection.execute(
        read_sql("forecasting/withdraw_actuals").encode(),
        {
            "series": scored.ids,
            "gone": scored.gone,
            "first": calendar.first,
            "last": calendar.last,
            "version": version,
        },
    ).fetchall()


def _store_changed(
    connection: Connection, series: Series, values: FloatArray, calendar: Calendar, begin: date, version: int
) -> _Touched:
    if begin > calendar.last:
        return []
    start = max(0, calendar.number_of(begin))
    known = _known_actuals(connection, series, calendar, start)
    now = values[:, start:]
    is_stored = ~np.isneginf(known)
    differs = np.where(np.isfinite(now) & np.isfinite(known), now != known, np.isfinite(now) != np.isfinite(known))
    changed = np.where(is_stored, differs, np.isfinite(now)) & ~series.is_rest[:, None]
    if changed.any():
        _store_actuals(connection, series, changed, now, calendar, start, version)
    return [(int(series.ids[row]), calendar.period(start + place)) for row, place in np.argwhere(changed).tolist()]


def _known_actuals(connection: Connection, series: Series, calendar: Calendar, start: int) -> FloatArray:
    """(series, periods from `start` on) What is stored; NaN for nothing, -inf where no row is."""
    found = np.full((len(series.ids), calendar.periods - start), -np.inf)
    rows = {series_id: row for row, series_id in enumerate(series.ids.tolist())}
    parameters = {"series": series.ids.tolist(), "first": calendar.period(start), "grain": calendar.grain.value}
    with connection.cursor("known_actuals") as cursor:
        cursor.execute(read_sql("forecasting/known_actuals").encode(), parameters)
        for series_id, places, of_series in cursor:
            within = [(place, value) for place, value in zip(places, of_series, strict=True) if place < found.shape[1]]
            found[rows[series_id], [place for place, _ in within]] = [
                np.nan if value is None else value for _, value in within
            ]
    return found


def _store_actuals(
    connection: Connection,
    series: Series,
    changed: BoolArray,
    values: FloatArray,
    calendar: Calendar,
    start: int,
    version: int,
) -> None:
    connection.execute("DROP TABLE IF EXISTS pg_temp.changed_actuals")
    connection.execute(
        "CREATE TEMPORARY TABLE changed_actuals (series_id bigint, period date, value double precision) ON COMMIT DROP"
    )
    with connection.cursor().copy("COPY pg_temp.changed_actuals FROM STDIN") as copy:
        for row, place in np.argwhere(changed).tolist():
            value = values[row, place]
            copy.write_row(
                (int(series.ids[row]), calendar.period(start + place), float(value) if np.isfinite(value) else None)
            )
    connection.execute(read_sql("forecasting/store_actuals").encode(), {"version": version})


# -- what tracking has learnt ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Tracked:
    """How right the forecasts of each series were, by period."""

    missed: FloatArray
    """(series, periods) Share of the forecasts whose central 90 % did not hold the actual; NaN without forecasts."""
    absolute: FloatArray
    """Sum of absolute errors."""
    naive_absolute: FloatArray


def read_tracked(connection: Connection, series: Series, calendar: Calendar) -> Tracked:
    """What is stored about the periods of the calendar."""
    shape = len(series.ids), calendar.periods
    found = Tracked(*(np.full(shape, np.nan) for _ in range(3)))
    rows = {series_id: row for row, series_id in enumerate(series.ids.tolist())}
    parameters = {"series": series.ids.tolist(), "first": calendar.first, "grain": calendar.grain.value}
    for series_id, place, _, missed, absolute, naive in connection.execute(
        read_sql("forecasting/tracked").encode(), parameters
    ):
        if place < shape[1]:
            at = rows[series_id], place
            found.missed[at], found.absolute[at], found.naive_absolute[at] = missed, absolute, naive
    return found


def adapt_widths(series: Series, tracked: Tracked, calendar: Calendar) -> tuple[FloatArray, list[date | None]]:
    """The width of each series after the periods scored since it was adapted last, and the newest of these."""
    places = np.arange(calendar.periods)
    after = np.array([-1 if each is None else calendar.number_of(each) for each in series.scored_until])
    is_new = np.isfinite(tracked.missed) & (places[None, :] > after[:, None])
    width = series.width
    for place in np.flatnonzero(is_new.any(axis=0)):
        width = adapted_width(width, np.where(is_new[:, place], tracked.missed[:, place], np.nan), series.level)
    newest = np.where(is_new, places[None, :], -1).max(axis=1, initial=-1)
    until = [
        calendar.period(int(place)) if place >= 0 else before
        for place, before in zip(newest, series.scored_until, strict=True)
    ]
    return width, until


def losing(tracked: Tracked, grain: Grain) -> BoolArray:
    """(series,) Whose forecasts had a higher error than seasonal naive in each of the last stretches.

    More than half of the periods of each must have been scored.
    """
    stretches, length = LOSSES[grain]
    series, periods = tracked.absolute.shape
    if periods < stretches * length:
        return np.zeros(series, dtype=np.bool_)
    lost = []
    for number in range(stretches):
        part = slice(periods - (number + 1) * length, periods - number * length)
        known = 2 * np.isfinite(tracked.absolute[:, part]).sum(axis=1) > length
        ours = np.nan_to_num(tracked.absolute[:, part]).sum(axis=1)
        naive = np.nan_to_num(tracked.naive_absolute[:, part]).sum(axis=1)
        lost.append(known & (ours > naive))
    found: BoolArray = np.logical_and.reduce(lost)
    return found


def reason_of_loss(tracked: Tracked, row: int, grain: Grain) -> str:
    """Why a series is set back, in a sentence."""
    stretches, length = LOSSES[grain]
    ours = float(np.nansum(tracked.absolute[row, -stretches * length :]))
    naive = float(np.nansum(tracked.naive_absolute[row, -stretches * length :]))
    span = "three months" if grain is Grain.MONTH else "four weeks"
    more = f"{100 * (ours / naive - 1):.0f} % higher" if naive else "above 0, its own was 0,"
    return f"In each of the last {span}, its error was higher than that of repeating the last season: {more} in all."


def may_be_released(series: Series, calendar: Calendar) -> BoolArray:
    """(series,) Which series were set back so long ago that a back-test is about the time since.

    Before, it would mostly be about the time that they had lost in.
    """
    stretches, length = LOSSES[calendar.grain]
    newest = calendar.periods - 1
    return np.array(
        [
            since is not None and newest - calendar.number_of(since) >= stretches * length
            for since in series.naive_since
        ],
        dtype=np.bool_,
    )


def is_good_backtest(error: FloatArray, naive_error: FloatArray) -> BoolArray:
    """(series,) Whether mean errors are clearly lower than those of seasonal naive."""
    found: BoolArray = np.isfinite(error) & np.isfinite(naive_error) & (error <= GOOD_BACKTEST * naive_error)
    return found & (naive_error > 0)


def store_learnt(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    """Stores width, the newest period scored, and whether series are set back: (ID, width, until, since, reason)."""
    if not rows:
        return
    ids, widths, untils, sinces, reasons = zip(*rows, strict=True)
    connection.execute(
        read_sql("forecasting/store_learnt").encode(),
        {
            "ids": list(ids),
            "widths": list(widths),
            "untils": list(untils),
            "sinces": list(sinces),
            "reasons": list(reasons),
        },
    )
