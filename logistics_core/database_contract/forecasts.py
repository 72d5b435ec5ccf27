"""When tracked forecasts say how right a level is: the pipeline's checks and the API must agree."""

from collections.abc import Mapping

from logistics_core.metrics.periods import Grain

TRACKED_PERIODS: Mapping[Grain, int] = {Grain.DAY: 42, Grain.WEEK: 6, Grain.MONTH: 6}
"""How many of the newest periods say how right forecasts are, by grain: six weeks or months."""

ENOUGH_SCORED = 60
"""Forecasts of a level that must have been scored; until then its back-test speaks for it."""
