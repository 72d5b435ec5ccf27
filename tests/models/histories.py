"""Made histories of durations, as the engine takes them."""

import numpy as np

from logistics_pipeline.models.arrays import Durations


def history(
    count: int,
    *,
    seed: int = 1,
    routes: int = 12,
    sigma: float = 0.3,
    per_day: float = 20.0,
    growth: float = 0.0,
    dated: bool = False,
) -> Durations:
    """Log-normal durations of some routes between places, by their start, some hundred hours each.

    `growth` is by how much they become longer from first to last, as a share.
    """
    random = np.random.default_rng(seed)
    started = np.sort(random.uniform(0, 24 * count / per_day, count))
    if dated:
        started = np.floor(started / 24) * 24
    group = random.integers(0, routes, count)
    base = 2.0 + np.linspace(0, 1.5, routes)[group] + growth * np.arange(count) / count
    value = np.exp(base + sigma * random.standard_normal(count))
    return durations(started, value, group, routes, slack=24.0 if dated else 0.0)


def durations(started, value, group, routes: int, slack: float = 0.0) -> Durations:  # type: ignore[no-untyped-def]
    """Routes are pairs of places: the field of each is what its number says."""
    started, value = np.asarray(started, dtype=float), np.asarray(value, dtype=float)
    group = np.asarray(group, dtype=np.int64)
    known = np.where(np.isfinite(value), started + slack + np.nan_to_num(value), np.inf)
    keys = tuple((f"from {number % 4}", f"to {number // 4}") for number in range(routes))
    places = tuple(sorted({key[0] for key in keys})), tuple(sorted({key[1] for key in keys}))
    fields = tuple(
        np.array([places[side].index(keys[number][side]) for number in group], dtype=np.int64) for side in (0, 1)
    )
    return Durations(
        started=started, known=known, value=value, group=group, fields=fields,
        inputs=np.zeros((len(value), 0)), groups=keys, values_of_fields=places,
    )  # fmt: skip
