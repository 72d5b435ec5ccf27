"""Ways to make parts and totals agree, weighted least squares against its textbook formula."""

import numpy as np
import pytest

from logistics_pipeline.forecasting.reconciling import WAYS, Tree, reconcile, weighted
from tests.forecasting.panels import routes, tree_panel


def _panel_and_forecasts(seed: int):  # type: ignore[no-untyped-def]
    values, origin_of = routes(seed, count=9, periods=40)
    panel = tree_panel(values, origin_of)
    random = np.random.default_rng(seed)
    return panel, random.uniform(5, 30, (2, len(panel.parents), 4)), random.uniform(0.5, 9, len(panel.parents))


def _summing_matrix(parents):  # type: ignore[no-untyped-def]
    leaves = [row for row in range(len(parents)) if row not in parents]
    matrix = np.zeros((len(parents), len(leaves)))
    for column, row in enumerate(leaves):
        while row >= 0:
            matrix[row, column] = 1.0
            row = parents[row]
    return matrix


@pytest.mark.parametrize("seed", range(4))
def test_weighted_least_squares_is_that_of_the_formula(seed: int) -> None:
    panel, forecasts, variances = _panel_and_forecasts(seed)
    matrix = _summing_matrix(panel.parents)
    weights = np.diag(1 / variances)
    solved = np.linalg.solve(matrix.T @ weights @ matrix, matrix.T @ weights)
    wanted = np.einsum("ab,obh->oah", matrix @ solved, forecasts)
    np.testing.assert_allclose(weighted(Tree(panel), forecasts, variances), wanted, rtol=1e-9)


@pytest.mark.parametrize("way", WAYS)
def test_every_way_adds_up_and_is_not_negative(way: str) -> None:
    panel, forecasts, variances = _panel_and_forecasts(7)
    forecasts[:, 0] = 1.0
    variances[:3] = 0.0
    found = reconcile(panel, way, forecasts, variances)
    matrix = _summing_matrix(panel.parents)
    leaves = [row for row in range(len(panel.parents)) if row not in panel.parents]
    np.testing.assert_allclose(np.einsum("al,olh->oah", matrix, found[:, leaves]), found, rtol=1e-12)
    assert found.min() >= 0


def test_direct_keeps_the_total_and_bottom_up_the_parts() -> None:
    panel, forecasts, variances = _panel_and_forecasts(8)
    leaves = panel.levels[-1].rows
    np.testing.assert_allclose(reconcile(panel, "direct", forecasts, variances)[:, 0], forecasts[:, 0])
    np.testing.assert_array_equal(reconcile(panel, "bottom_up", forecasts, variances)[:, leaves], forecasts[:, leaves])
