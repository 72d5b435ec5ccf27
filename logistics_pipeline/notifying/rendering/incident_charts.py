"""The chart of an incident, as mails show it: the values of its metric until it was opened, and what was too much."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from logistics_core.charts import picture
from logistics_core.languages.chart_words import chart_words
from logistics_core.languages.sentences import Sentence, joined
from logistics_core.languages.translating import Language

NAME = "chart"
"""What the HTML of a mail calls the picture."""


@dataclass(frozen=True)
class IncidentChart:
    """What `alert.incidents` has of it."""

    days: Sequence[Mapping[str, Any]]
    """`day` and `value` of each, the earliest first; the value is None where nothing is known."""
    high: float | None
    low: float | None

    @property
    def alt(self) -> str:
        """The same in words."""
        known = [each for each in self.days if each["value"] is not None]
        last = Sentence("Until {day:day}: {value}.", day=known[-1]["day"], value=known[-1]["value"])
        fires = []
        if self.high is not None:
            fires.append(Sentence("It fires above {bound}.", bound=self.high))
        if self.low is not None:
            fires.append(Sentence("It fires below {bound}.", bound=self.low))
        return joined([last, *fires], " ")

    def specification(self, width: int, language: Language) -> dict[str, Any]:
        """A complete one for a renderer, with numbers and dates as in a language."""
        last = [each["day"] for each in self.days if each["value"] is not None][-1]
        rows = [
            {
                "day": each["day"], "value": each["value"], "shown": "", "high": self.high, "low": self.low,
                "fires": "the incident" if each["day"] == last else None,
            }
            for each in self.days
        ]  # fmt: skip
        return picture("watched_days", rows, width=width, words=chart_words(language))


def chart_of(stored: Mapping[str, Any] | None) -> IncidentChart | None:
    """The chart of an incident as the database has it; None if there is nothing to draw."""
    days = (stored or {}).get("days") or []
    if stored is None or sum(each["value"] is not None for each in days) < 2:
        return None
    when = stored.get("when") or {}
    return IncidentChart(days, _number(when.get("above")), _number(when.get("below")))


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
