"""Methods of statsforecast on histories of a file, as its documentation has it: one model per series.

The file of an input has `history` (series, periods), NaN before a series' first period, `season` and `horizon`; that of
the output gets, per method, its forecasts, and the CPU time is printed.
"""

import json
import os
import sys
import time

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from statsforecast.models import AutoETS, DynamicOptimizedTheta, SeasonalNaive, Theta


def main() -> None:
    """Arguments: input, output, and the names of the methods."""
    given = np.load(sys.argv[1])
    season, horizon = int(given["season"]), int(given["horizon"])
    models = {
        "SeasonalNaive": SeasonalNaive(season),
        "Theta": Theta(season_length=season),
        "DynamicOptimizedTheta": DynamicOptimizedTheta(season_length=season),
        "AutoETS": AutoETS(season_length=season),
    }
    found, cpu = {}, {}
    for name in sys.argv[3:]:
        since = time.process_time()
        found[name] = np.stack([_forecast(models[name], row, season, horizon) for row in given["history"]])
        cpu[name] = time.process_time() - since
    np.savez(sys.argv[2], **found)
    print(json.dumps(cpu))


def _forecast(model, row, season, horizon):
    known = row[np.isfinite(row)]
    try:
        mean = model.forecast(y=known, h=horizon)["mean"]
    except Exception:  # noqa: BLE001 a series too short for the model: the library raises what it likes
        mean = np.full(horizon, np.nan)
    naive = np.resize(known[-season:], horizon) if len(known) else np.zeros(horizon)
    return np.maximum(np.where(np.isfinite(mean), mean, naive), 0.0)


if __name__ == "__main__":
    main()
