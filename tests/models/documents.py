"""A version of running means, as a document."""

from functools import cache

from logistics_core.catalogue.models import DURATION, DeclaredModel
from logistics_core.models.durations import DurationDocument
from logistics_pipeline.models import backtesting
from logistics_pipeline.models.learning import duration_document as learn
from logistics_pipeline.models.running_means import Setting, Sums
from tests.models.histories import history

MODEL = DeclaredModel("hours", DURATION, "hours", ("from", "to"))
SETTING = Setting(None, 4.0, True)


@cache
def duration_document() -> DurationDocument:
    """Learnt from a made history of twelve routes."""
    whole = history(600, seed=4)
    found = backtesting.expect(whole, Sums(whole), SETTING)
    predicted = backtesting.predict(whole, found.mean, found.spread)
    return learn(whole, MODEL, "h", SETTING, found, predicted)
