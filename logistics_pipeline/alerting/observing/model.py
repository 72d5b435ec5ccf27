"""What a look at a subject has found: plain data. Its texts are sentences, which other languages can tell as well."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from logistics_pipeline.errors import PipelineError

Labels = Mapping[str, str]
AboutRows = Mapping[str, Any]
"""Rows of a dataset: `dataset`, and `fields` with the values that all of them have."""
Facts = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Words:
    """What is said about a subject."""

    summary: str
    """One sentence."""
    facts: Facts = ()


@dataclass(frozen=True, slots=True)
class Observation:
    """One subject of a rule, as it is now."""

    labels: Labels
    """What distinguishes it from other subjects of the rule."""
    value: float | None
    """None if it cannot be told; `summary` then says why."""
    words: Words | Callable[[], Words]
    """A function where there may be thousands, of which hardly any is ever spoken of."""
    page: str | None = None
    """Where the dashboard shows it."""
    about_rows: AboutRows | None = None
    """The rows that all of it is made of; None where that cannot be told."""

    @property
    def summary(self) -> str:
        """One sentence."""
        return self._said().summary

    @property
    def facts(self) -> Facts:
        """Names and values of the moment."""
        return self._said().facts

    def _said(self) -> Words:
        return self.words if isinstance(self.words, Words) else self.words()


class CannotEvaluate(PipelineError):
    """A rule cannot be evaluated at all, such as one about a dataset that does not exist; a sentence says why."""
