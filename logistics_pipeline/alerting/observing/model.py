"""What a look at a subject has found: plain data."""

from collections.abc import Mapping
from dataclasses import dataclass

from logistics_pipeline.errors import PipelineError

Labels = Mapping[str, str]
Facts = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Observation:
    """One subject of a rule, as it is now."""

    labels: Labels
    """What distinguishes it from other subjects of the rule."""
    value: float | None
    """None if it cannot be told; `summary` then says why."""
    summary: str
    """One sentence."""
    facts: Facts = ()
    page: str | None = None
    """Where the dashboard shows it."""


class CannotEvaluate(PipelineError):
    """A rule cannot be evaluated at all, such as one about a dataset that does not exist; a sentence says why."""
