"""Quality: what is counted, which rules it gives, and the score. Pure: no database, the same for both programs."""

from logistics_core.quality.counts import Counts, Failure, failure_of
from logistics_core.quality.rules import Dimension, Rule, rules_of, together
from logistics_core.quality.scores import DEFINITION, DimensionScore, Score, score_of

__all__ = [
    "DEFINITION",
    "Counts",
    "Dimension",
    "DimensionScore",
    "Failure",
    "Rule",
    "Score",
    "failure_of",
    "rules_of",
    "score_of",
    "together",
]
