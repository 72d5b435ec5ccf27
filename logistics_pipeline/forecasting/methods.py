"""Methods of forecasting, each over all series of a panel at once."""

import numpy as np

from logistics_pipeline.forecasting.panel import FloatArray


def seasonal_naive(values: FloatArray, season: int, horizon: int) -> FloatArray:
    """The last season, again and again. (series, horizon); NaN where its period of the last season is unknown."""
    steps = np.arange(horizon) % season
    return values[:, values.shape[1] - season + steps]
