"""The challenger of durations: gradient boosting (LightGBM, an extra) on top of the running means.

It learns how far records are from the running mean of their group, from what was known at their start: that mean, how
many records it is of, the inputs, the season. It is refitted at each training, and before each window of the back-test
from records that were known when the window began. A version is LightGBM's text, with the running means as a document
beside it.
"""

from collections.abc import Sequence
from functools import cached_property
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np

from logistics_core.models.artefacts import ArtefactFormat
from logistics_core.models.durations import DurationModel, Prediction, read_duration, write_duration
from logistics_pipeline.errors import ConfigurationError
from logistics_pipeline.models import backtesting
from logistics_pipeline.models.arrays import Durations, FloatArray, IntArray
from logistics_pipeline.models.backtesting import Predicted, Split
from logistics_pipeline.models.learning import duration_document
from logistics_pipeline.models.records import Records
from logistics_pipeline.models.registry import Version
from logistics_pipeline.models.training import Candidate, Past

LIGHTGBM = "lightgbm"
ROUNDS = 120
MOST_ROWS = 100_000
"""The newest that are learnt from."""
FEWEST_ROWS = 200
EARLIER_FITS = 3
"""Before the windows: their residuals are what the first intervals are made of."""
PARAMETERS = {
    "objective": "quantile", "alpha": 0.5, "learning_rate": 0.05, "num_leaves": 31, "min_data_in_leaf": 40,
    "lambda_l2": 1.0, "deterministic": True, "force_row_wise": True, "seed": 1, "num_threads": 1, "verbosity": -1,
}  # fmt: skip
_HOURS = {"day": 24.0, "week": 168.0, "year": 8766.0}


def is_installed() -> bool:
    """Whether the extra is there."""
    return find_spec(LIGHTGBM) is not None


def _lightgbm() -> Any:
    if not is_installed():
        raise ConfigurationError(
            "LightGBM is not installed: pip install 'logistics-analytics-platform[lightgbm]', or unset "
            "LOGISTICS_MODEL_CHALLENGER."
        )
    return import_module(LIGHTGBM)


class Boosting:
    """The method."""

    name = LIGHTGBM

    def candidate(self, past: Past) -> Candidate:
        setting = past.best_setting()
        running = backtesting.expect(past.durations, past.sums, setting)
        table = features(past.durations, running.mean, running.seen)
        corrected = running.mean + corrections(past.durations, running.mean, table, past.parts)
        predicted = backtesting.predict(past.durations, corrected, running.spread)

        def make() -> tuple[ArtefactFormat, bytes, bytes, dict[str, Any]]:
            finished = np.flatnonzero(np.isfinite(past.durations.known))
            booster = _fitted(past.durations, running.mean, table, finished)
            document = duration_document(past.durations, past.model, past.unit, setting, running, predicted)
            says = {
                "method": "Gradient boosting on top of running means: how far a record is from the mean of its group.",
                "window": setting.window,
                "shrink": setting.shrink,
                "rounds": ROUNDS,
            }
            text = booster.model_to_string().encode()
            return ArtefactFormat.LIGHTGBM, text, write_duration(document), says

        return Candidate(self.name, predicted, make)

    def again(self, past: Past, version: Version) -> Predicted | None:
        """The method itself: what is fitted anew in each window has no settings of a version."""
        return self.candidate(past).predicted


def features(records: Durations, mean: FloatArray, seen: FloatArray) -> FloatArray:
    """(records, features) The running mean, how many records it is of, the season, the logarithms of the inputs."""
    with np.errstate(divide="ignore", invalid="ignore"):
        inputs = np.where(records.inputs > 0, np.log(records.inputs), np.nan)
    return np.column_stack((mean, np.log1p(seen), *_season(records.started), inputs))


def _season(started: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    day, week, year = _HOURS["day"], _HOURS["week"], _HOURS["year"]
    return started % day, np.floor(started % week / day), np.floor(started % year / (year / 12))


def corrections(records: Durations, mean: FloatArray, table: FloatArray, parts: Split) -> FloatArray:
    """(records,) What boosting adds to the running mean, by fits that knew no more than was known then; else 0."""
    found = np.zeros(len(records))
    before = np.flatnonzero(parts.before)
    before = before[np.argsort(records.started[before], kind="stable")]
    for rows in (*np.array_split(before, EARLIER_FITS), *parts.windows):
        if len(rows):
            known = np.flatnonzero(records.known <= records.started[rows].min())
            if len(known) >= FEWEST_ROWS:
                found[rows] = _fitted(records, mean, table, known).predict(table[rows])
    return found


def _fitted(records: Durations, mean: FloatArray, table: FloatArray, rows: IntArray) -> Any:
    """A booster of the residuals of some records, of which the newest count."""
    rows = rows[np.isfinite(mean[rows])]
    rows = rows[np.argsort(records.known[rows], kind="stable")][-MOST_ROWS:]
    lightgbm = _lightgbm()
    data = lightgbm.Dataset(table[rows], label=np.log(records.value[rows]) - mean[rows], free_raw_data=True)
    return lightgbm.train(PARAMETERS, data, num_boost_round=ROUNDS)


class BoostedPredictor:
    """A version that predicts records."""

    def __init__(self, text: bytes, document: bytes) -> None:
        self._booster = _lightgbm().Booster(model_str=text.decode())
        self._model: DurationModel = read_duration(document)

    @cached_property
    def _window(self) -> float:
        window = self._model.document.window
        return np.inf if window is None else window

    def predict(self, records: Records, rows: Sequence[int]) -> list[Prediction]:
        """What is likely of some of the records."""
        if not rows:
            return []
        groups = [self._model.group_of(records.groups[int(records.group[row])]) for row in rows]
        mean = np.array([group.mean for group in groups])
        seen = np.minimum([group.seen for group in groups], self._window)
        with np.errstate(divide="ignore", invalid="ignore"):
            inputs = np.where(records.inputs[rows] > 0, np.log(records.inputs[rows]), np.nan)
        table = np.column_stack((mean, np.log1p(seen), *_season(records.started[rows]), inputs))
        corrected = mean + np.asarray(self._booster.predict(table))
        has_promise = self._model.document.promise is not None
        found = []
        for row, group, expected in zip(rows, groups, corrected.tolist(), strict=True):
            promise = float(records.promise[row]) if has_promise and records.promise[row] > 0 else None
            if not has_promise:
                promise = group.usual + self._model.document.margin
            found.append(self._model.spread_around(expected, group, promise))
        return found
