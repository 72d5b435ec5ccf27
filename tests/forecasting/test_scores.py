"""Scores against values worked out by hand."""

import numpy as np

from logistics_pipeline.forecasting import scores

ACTUAL = np.array([[10.0, 0.0, np.nan, 20.0], [1.0, 1.0, 1.0, 1.0]])
PREDICTED = np.array([[12.0, 1.0, 5.0, 14.0], [1.0, 1.0, 1.0, np.nan]])


def test_sums_leave_out_what_is_unknown() -> None:
    found = scores.errors(ACTUAL, PREDICTED)
    assert found.count.tolist() == [3, 3]
    assert found.error.tolist() == [-3, 0]
    assert found.absolute.tolist() == [9, 0]
    assert found.squared.tolist() == [41, 0]
    assert found.actual.tolist() == [30, 3]


def test_ratios_of_sums() -> None:
    found = scores.errors(ACTUAL, PREDICTED)
    assert scores.wape(found).tolist() == [0.3, 0.0]
    assert scores.bias(found).tolist() == [-0.1, 0.0]
    assert scores.tracking_signal(found)[0] == -1.0
    assert np.isnan(scores.tracking_signal(found)[1])
    naive = scores.errors(ACTUAL, np.array([[14.0, 4.0, 0.0, 10.0], [1.0, 1.0, 1.0, 1.0]]))
    assert scores.value_added(found, naive)[0] == 0.5
    assert np.isnan(scores.value_added(found, naive)[1])


def test_scaled_errors_have_no_value_where_history_repeats_itself() -> None:
    history = np.array([[1.0, 2.0, 3.0, 5.0, 3.0, 8.0], [1.0, 2.0, 1.0, 2.0, 1.0, 2.0]])
    found = scores.errors(ACTUAL, PREDICTED)
    assert scores.mase(found, history, 2)[0] == 3.0 / 2.0
    assert np.isclose(scores.rmsse(found, history, 2)[0], np.sqrt((41 / 3) / ((4 + 9 + 0 + 9) / 4)))
    assert np.isnan(scores.mase(found, history, 2)[1])


def test_coverage_and_interval_score() -> None:
    actual = np.array([1.0, 2.0, 3.0, np.nan])
    lower, upper = np.array([1.0, 3.0, 0.0, 0.0]), np.array([2.0, 4.0, 2.5, 9.0])
    assert scores.coverage(actual, lower, upper) == 1 / 3
    assert np.isclose(scores.interval_score(actual[:3], lower[:3], upper[:3], 0.1), (1 + 1 + 20 + 2.5 + 10) / 3)
