"""When rules are evaluated: at what was committed, and by the clock. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from logistics_core.alert_rules.rules import Kind, Rule
from logistics_core.database_contract.channels import Channel

BY_CLOCK_SECONDS = 15.0
"""How often what depends on the time of day is evaluated, and what waits for a time to pass."""
ANYWAY_SECONDS = 60.0
"""How often everything else is: a notification can be lost."""
OF_FIGURES_SECONDS = 300.0
"""The same of metrics, which change with the figures alone, or at midnight, and of what is as long to look at."""
REST_SECONDS = 0.5
"""How long a rule rests at least: while many files are loaded, each commits several things."""

_OF_FILES = frozenset({Channel.FILES})
_OF_FIGURES = frozenset({Channel.DATA_VERSION})
TRIGGERS: Mapping[Kind, frozenset[Channel]] = {
    Kind.FAILED_FILES: _OF_FILES,
    Kind.UNRECOGNISED_FILES: _OF_FILES,
    Kind.REJECTED_SHARE: _OF_FILES,
    Kind.UNBALANCED_FILES: _OF_FILES,
    Kind.OVERDUE_DATASETS: frozenset(),
    Kind.FIGURES_BEHIND: _OF_FIGURES,
    Kind.REFRESH_FAILED: _OF_FIGURES,
    Kind.CONTRACT_QUESTIONS: frozenset({Channel.CONTRACTS}),
    Kind.SOURCES_FAILING: frozenset({Channel.SOURCES}),
    Kind.PLACES_FAILING: frozenset(),
    Kind.FORECAST_ERROR: frozenset({Channel.FORECASTS}),
    Kind.FORECAST_SET_BACK: frozenset({Channel.FORECASTS}),
    Kind.OUTSIDE_FORECAST: frozenset({Channel.FORECASTS}),
    Kind.QUALITY_SCORE: _OF_FIGURES,
    Kind.QUALITY_SHORTFALL: _OF_FIGURES,
    Kind.CHANGED_FIELDS: frozenset({Channel.CONTRACTS, Channel.FILES}),
    Kind.MODELS_BEHIND: frozenset({Channel.MODELS}),
    Kind.MODEL_DRIFT: frozenset({Channel.MODELS}),
    Kind.MODEL_ERROR: frozenset({Channel.MODELS}),
    Kind.DEAD_LETTERS: frozenset(),
    Kind.COST_PER_KM: frozenset(),
    Kind.METRIC: _OF_FIGURES,
}
"""What each kind of rule is evaluated at."""

_BY_CLOCK = frozenset(
    {Kind.OVERDUE_DATASETS, Kind.FIGURES_BEHIND, Kind.REFRESH_FAILED, Kind.SOURCES_FAILING, Kind.PLACES_FAILING}
)

_SELDOM = frozenset({
    Kind.METRIC, Kind.COST_PER_KM, Kind.QUALITY_SCORE, Kind.QUALITY_SHORTFALL, Kind.MODELS_BEHIND, Kind.MODEL_ERROR
})  # fmt: skip


@dataclass
class Schedule:
    """When each rule is due next, in seconds of a clock that never steps."""

    due: dict[str, float] = field(default_factory=dict)
    _rested: dict[str, float] = field(default_factory=dict)
    """When each rule that was evaluated has rested."""

    def follow(self, rules: Mapping[str, Rule], now: float, *, changed: Collection[str] = ()) -> None:
        """Takes other rules over; new and changed ones are due at once."""
        self.due = {name: now if name in changed else self.due.get(name, now) for name in rules}
        self._rested = {name: at for name, at in self._rested.items() if name in rules}

    def notice(self, rules: Mapping[str, Rule], channels: Collection[Channel], now: float) -> None:
        """Makes the rules due that are evaluated at something that was committed: at once, or when they have rested."""
        for name, rule in rules.items():
            if not TRIGGERS[rule.watch.kind].isdisjoint(channels):
                self.due[name] = min(self.due[name], max(now, self._rested.get(name, now)))

    def evaluated(self, rule: Rule, now: float, *, waits: bool) -> None:
        """Says when a rule is due again that was just evaluated."""
        if waits or rule.watch.kind in _BY_CLOCK:
            pause = BY_CLOCK_SECONDS
        else:
            pause = OF_FIGURES_SECONDS if rule.watch.kind in _SELDOM else ANYWAY_SECONDS
        self.due[rule.name] = now + pause
        self._rested[rule.name] = now + REST_SECONDS

    def failed(self, rule: Rule, now: float) -> None:
        """Says when a rule is due again of which the evaluation could not be stored."""
        self.due[rule.name] = now + BY_CLOCK_SECONDS

    def due_rules(self, now: float) -> list[str]:
        """The rules that are due, the longest due one first."""
        return sorted((name for name, at in self.due.items() if at <= now), key=lambda name: (self.due[name], name))

    def seconds_until_next(self, now: float, most: float) -> float:
        """How long nothing is due."""
        return max(0.0, min([most, *(at - now for at in self.due.values())]))
