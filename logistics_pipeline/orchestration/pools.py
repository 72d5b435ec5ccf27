"""Dagster's pools: how many runs of a kind there may be at the same time. `runtime.instance` sets the limits."""

REFRESH_POOL = "refresh"
FORECAST_POOL = "forecast"
"""Fits take all of a core and much memory: one at a time."""

MODEL_POOL = "models"
"""Trainings as well."""


def load_pool(dataset: str) -> str:
    """The pool of the runs that load files of a dataset."""
    return f"load_{dataset}"


def pull_pool(source: str, resource: str) -> str:
    """The pool of the runs that pull a resource: one at a time."""
    return f"pull/{source}/{resource}"
