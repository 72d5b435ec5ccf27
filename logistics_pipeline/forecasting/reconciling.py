"""Makes parts add up to their totals. Forecasts are (…, series, horizon), series in the order of the panel's levels.

Three ways, each one pass up and at most one down the tree: sums of the finest series; totals as forecast by themselves,
shared out in proportion; and weighted least squares, which moves each series by its share of the variance.
"""

from collections.abc import Iterator

import numpy as np

from logistics_pipeline.forecasting.arrays import share
from logistics_pipeline.forecasting.panel import BoolArray, FloatArray, IntArray, Panel

WAYS = ("bottom_up", "wls", "direct")
_LEAST_GAIN = 0.02
_FINEST_LOSS = 0.005


class Tree:
    """The panel's parents, as sums over children and back."""

    def __init__(self, panel: Panel) -> None:
        self.parents = panel.parents
        self.steps = list(_steps(panel))
        children = np.bincount(panel.parents[panel.parents >= 0], minlength=len(panel.parents))
        self.children = children.astype(np.float64)
        self.has_children = children > 0

    def sums(self, rows: IntArray, values: FloatArray) -> tuple[IntArray, FloatArray]:
        """Parents of `rows`, and the sums of `values` (…, rows, horizon) over each's children."""
        order = np.argsort(self.parents[rows], kind="stable")
        parents, starts = np.unique(self.parents[rows][order], return_index=True)
        return parents, np.add.reduceat(values[..., order, :], starts, axis=-2)


def _steps(panel: Panel) -> Iterator[IntArray]:
    """Rows that have a parent, level by level, finest first."""
    for level in reversed(panel.levels):
        rows = np.arange(len(panel.parents))[level.rows]
        rows = rows[panel.parents[rows] >= 0]
        if len(rows):
            yield rows


def bottom_up(tree: Tree, forecasts: FloatArray) -> FloatArray:
    """Totals become the sums of their parts."""
    found = forecasts.copy()
    for rows in tree.steps:
        parents, sums = tree.sums(rows, found[..., rows, :])
        found[..., parents, :] = sums
    return found


def direct(tree: Tree, forecasts: FloatArray) -> FloatArray:
    """Parts are scaled to their totals, equally where all parts are zero."""
    found = forecasts.copy()
    for rows in reversed(tree.steps):
        parents, sums = tree.sums(rows, forecasts[..., rows, :])
        place = np.searchsorted(parents, tree.parents[rows])
        whole = found[..., tree.parents[rows], :]
        equal = 1.0 / tree.children[tree.parents[rows]][:, None]
        total = sums[..., place, :]
        part = np.where(total > 0, share(forecasts[..., rows, :], total, 0.0), equal)
        found[..., rows, :] = whole * part
    return found


def weighted(tree: Tree, forecasts: FloatArray, variances: FloatArray) -> FloatArray:
    """Least squares with independent errors of these variances (series,), exactly, by two passes over the tree.

    Up: each total becomes the mean of its own forecast and its parts' sum, weighted by their precision. Down: what is
    left between a total and its parts is shared among them in proportion to their variances.
    """
    merged = forecasts.copy()
    spread = variances.copy()[:, None]
    for rows in tree.steps:
        parents, sums = tree.sums(rows, merged[..., rows, :])
        _, summed = tree.sums(rows, spread[rows])
        own = spread[parents]
        both = own + summed
        weight = share(summed, both, 0.0)
        merged[..., parents, :] = sums + weight * (merged[..., parents, :] - sums)
        spread[parents] = own * weight
    found = merged.copy()
    for rows in reversed(tree.steps):
        parents, sums = tree.sums(rows, merged[..., rows, :])
        _, summed = tree.sums(rows, spread[rows])
        place = np.searchsorted(parents, tree.parents[rows])
        missing = found[..., tree.parents[rows], :] - sums[..., place, :]
        equal = 1.0 / tree.children[tree.parents[rows]][:, None]
        total = summed[place]
        part = np.where(total > 0, share(spread[rows], total, 0.0), equal)
        found[..., rows, :] = merged[..., rows, :] + part * missing
    return found


def reconcile(panel: Panel, way: str, forecasts: FloatArray, variances: FloatArray) -> FloatArray:
    """Forecasts that add up, not negative where the panel is not."""
    tree = Tree(panel)
    if way == "none":
        return forecasts
    if way == "direct":
        found = direct(tree, forecasts)
    elif way == "wls":
        found = weighted(tree, forecasts, variances)
    else:
        found = forecasts
    if panel.non_negative:
        found = np.maximum(found, 0.0)
    found = np.where(panel.closed[:, None] & ~tree.has_children[:, None], 0.0, found)
    return bottom_up(tree, found)


def choose_way(
    panel: Panel, forecasts: FloatArray, naive: FloatArray, actual: FloatArray, variances: FloatArray
) -> tuple[str, dict[str, float]]:
    """The way with the lowest error in the back-test, and the errors of all.

    Bottom-up stays unless another lowers the error, relative to naive's and averaged over levels, by 2 %, and does not
    add more than half a percent to that of the finest level. That price does not count where the sums of parts lose to
    naive: of demand on one day in ten, the best forecast of each part is 0, and no total is. All arrays are (origins,
    series, horizon).
    """
    if not panel.additive:
        return "none", {}
    if len(panel.levels) < 2 or not len(actual):
        return "bottom_up", {}
    known = np.isfinite(actual)
    by_level = {way: _errors(panel, reconcile(panel, way, forecasts, variances), naive, actual, known) for way in WAYS}
    means = {way: float(errors.mean()) for way, errors in by_level.items()}
    best, plain = "bottom_up", by_level["bottom_up"]
    loses = bool((plain[:-1] > 1.0).any())
    for way in WAYS[1:]:
        gains = means[way] < (1 - _LEAST_GAIN) * means["bottom_up"] and means[way] < means[best]
        if gains and (loses or by_level[way][-1] <= (1 + _FINEST_LOSS) * plain[-1]):
            best = way
    return best, means


def _errors(panel: Panel, forecasts: FloatArray, naive: FloatArray, actual: FloatArray, known: BoolArray) -> FloatArray:
    """(levels,) Absolute errors relative to naive's, 1 where naive has none."""
    own = np.where(known, np.abs(forecasts - actual), 0.0).sum(axis=(0, 2))
    other = np.where(known, np.abs(naive - actual), 0.0).sum(axis=(0, 2))
    sums = np.array([[own[each.rows].sum(), other[each.rows].sum()] for each in panel.levels])
    return share(sums[:, 0], sums[:, 1], 1.0)
