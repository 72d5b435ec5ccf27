"""Panels for tests of the engine: made from a seed, small, of every kind of series."""

import numpy as np

from logistics_pipeline.forecasting.panel import BoolArray, FloatArray, IntArray, Level, Panel


def flat_panel(
    values: FloatArray,
    season: int = 7,
    *,
    additive: bool = False,
    non_negative: bool = True,
    whole: bool = False,
    closed: BoolArray | None = None,
) -> Panel:
    """Series that have nothing to do with each other."""
    series = len(values)
    nobody = np.full(series, -1, dtype=np.int64)
    closed = np.zeros(series, dtype=bool) if closed is None else closed
    return Panel(values, (Level("route", slice(0, series)),), nobody, season, additive, non_negative, whole, closed)


def tree_panel(
    routes: FloatArray, origin_of: IntArray, season: int = 7, *, whole: bool = True, closed: BoolArray | None = None
) -> Panel:
    """Routes, their origins and the total; NaN before a series' first activity."""
    count = int(origin_of.max()) + 1
    origins = np.zeros((count, routes.shape[1]))
    np.add.at(origins, origin_of, np.nan_to_num(routes))
    values = np.concatenate([origins.sum(axis=0, keepdims=True), origins, routes])
    parents = np.concatenate([[-1], np.zeros(count), 1 + origin_of]).astype(np.int64)
    levels = (
        Level("total", slice(0, 1)),
        Level("origin", slice(1, 1 + count)),
        Level("origin,destination", slice(1 + count, len(values))),
    )
    everyone = np.zeros(len(values), dtype=bool)
    if closed is not None:
        everyone[1 + count :] = closed
    return Panel(values, levels, parents, season, True, True, whole, everyone)


def routes(seed: int, count: int = 24, periods: int = 200) -> tuple[FloatArray, IntArray]:
    """Counts per day with a weekly profile: busy and quiet routes, late starters, and exactly periodic ones."""
    random = np.random.default_rng(seed)
    level = random.gamma(1.2, 5.0, count)[:, None]
    profile = random.dirichlet(np.full(7, 5.0), count) * 7
    days = np.arange(periods)
    values = random.poisson(level * profile[:, days % 7]).astype(np.float64)
    values[: count // 6] = random.integers(0, 4, (count // 6, 7)).astype(np.float64)[:, days % 7]
    late = slice(count - count // 6, count)
    values[late, : periods // 2] = np.nan
    return values, np.sort(random.integers(0, 3, count))
