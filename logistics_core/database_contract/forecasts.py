"""When tracked forecasts say how right a level is: the pipeline's checks and the API must agree."""

ENOUGH_SCORED = 60
"""Forecasts of a level that must have been scored; until then its back-test speaks for it."""
