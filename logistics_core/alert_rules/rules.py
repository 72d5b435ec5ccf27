"""What a rule says: what it watches, when that is worth somebody's attention, and how the attention is asked for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from logistics_core.database_contract.notifications import Severity
from logistics_core.metrics.periods import Comparison, Grain


class Kind(StrEnum):
    """What a rule can watch."""

    FAILED_FILES = "failed_files"
    """Files whose newest version has failed: one subject per file."""
    UNRECOGNISED_FILES = "unrecognised_files"
    """Files that belong to no dataset: one subject per file."""
    REJECTED_SHARE = "rejected_share"
    """Share of the records of loaded files that were rejected, in percent: one subject per file."""
    OVERDUE_DATASETS = "overdue_datasets"
    """How long ago the newest file of a dataset came, in multiples of its usual gap: one subject per dataset."""
    FIGURES_BEHIND = "figures_behind"
    """Age of the oldest rows that are not in the figures, in seconds."""
    REFRESH_FAILED = "refresh_failed"
    UNBALANCED_FILES = "unbalanced_files"
    """Files whose counts do not add up: one subject per dataset."""
    CONTRACT_QUESTIONS = "contract_questions"
    """Open proposals about new files or drift: one subject per dataset."""
    SOURCES_FAILING = "sources_failing"
    """Seconds since pulls of a resource began to fail: one subject per resource."""
    PLACES_FAILING = "places_failing"
    """Seconds since a place of files cannot be looked at: one subject per place."""
    FORECAST_ERROR = "forecast_error"
    """Error of tracked forecasts relative to that of repeating the last season: one subject per metric and level."""
    FORECAST_SET_BACK = "forecast_set_back"
    """Series that were set back to repeating the last season, having lost to it for four weeks."""
    QUALITY_SCORE = "quality_score"
    """Quality of the records, in percent: one subject per dataset."""
    QUALITY_SHORTFALL = "quality_shortfall"
    """By how many percentage points the quality is below the floor of the contract: datasets that have one."""
    CHANGED_FIELDS = "changed_fields"
    """Fields that are new, missing, retyped or renamed in files: one subject per dataset, field and change."""
    MODELS_BEHIND = "models_behind"
    """Seconds since models have looked at the records, while there are newer figures: one subject per model."""
    MODEL_DRIFT = "model_drift"
    """How far inputs have moved from training (population stability index): one subject per model and input."""
    MODEL_ERROR = "model_error"
    """Error of models of durations relative to that of the median of the group: one subject per model."""
    DEAD_LETTERS = "dead_letters"
    """Messages that were given up: one subject per declared endpoint."""
    COST_PER_KM = "cost_per_km"
    """By how many percent the cost per km of the newest finished days is off that of the days before: one subject per
    vehicle."""
    OUTSIDE_FORECAST = "outside_forecast"
    """In how many of the newest periods a series was outside the 90 % interval of what was forecast."""
    METRIC = "metric"
    """A metric over the newest finished periods, by fields of the records."""


@dataclass(frozen=True)
class Watch:
    """What a rule looks at."""

    kind: Kind
    dataset: str | None = None
    """Only this one; None: all."""
    metric: str | None = None
    by: tuple[str, ...] = ()
    grain: Grain = Grain.DAY
    over: int = 1
    """How many of the newest finished periods count together."""
    compare: Comparison | None = None
    """What it is compared with; the value watched is then the change in percent."""
    least_records: int = 0
    """Subjects with fewer records in the periods are left out."""
    window_days: int = 30
    """How far back files are looked at; of costs, the days that the newest ones are compared with."""


@dataclass(frozen=True)
class Condition:
    """When a value is too high or too low, and when it is all right again."""

    above: float | None = None
    below: float | None = None
    clear_above: float | None = None
    """Once too low, a value is all right again only above this one."""
    clear_below: float | None = None
    """Once too high, a value is all right again only below this one."""

    def holds(self, value: float, *, fires: bool) -> bool:
        """Whether a value is too high or too low; `fires` says whether the subject's condition held before."""
        too_high = self.above is not None and value > (
            self.above if not fires or self.clear_below is None else self.clear_below
        )
        too_low = self.below is not None and value < (
            self.below if not fires or self.clear_above is None else self.clear_above
        )
        return too_high or too_low

    def excess(self, value: float) -> float:
        """How far a value is beyond what is all right; negative if it is not."""
        over = [] if self.above is None else [value - self.above]
        under = [] if self.below is None else [self.below - value]
        return max(over + under)


class WhenUnknown(StrEnum):
    """What a rule makes of a subject that cannot be evaluated."""

    ALERT = "alert"
    """After a time, an incident."""
    KEEP = "keep"
    """Nothing: the state stays."""
    OK = "ok"
    """The condition does not hold."""


@dataclass(frozen=True)
class Timing:
    """How long things have to last."""

    hold: timedelta = timedelta(0)
    """How long the condition has to hold before it fires."""
    keep: timedelta = timedelta(0)
    """How long it has to be over before it is resolved."""
    unknown: WhenUnknown = WhenUnknown.ALERT
    unknown_hold: timedelta = timedelta(minutes=10)
    """How long a subject has to be unknown before that fires."""


@dataclass(frozen=True)
class ActiveHours:
    """When incidents are announced. Outside of it they are recorded, and announced once it begins."""

    days: frozenset[int]
    """Days of the week, Monday being 0."""
    start: time
    end: time
    """Before the start: of the next day."""
    zone: ZoneInfo

    def contain(self, now: datetime) -> bool:
        """Whether a moment is within them: the hours that begin on a day belong to that day."""
        local = now.astimezone(self.zone)
        at = local.time()
        if self.start < self.end:
            return local.weekday() in self.days and self.start <= at < self.end
        if at >= self.start:
            return local.weekday() in self.days
        return at < self.end and (local - timedelta(days=1)).weekday() in self.days


@dataclass(frozen=True)
class Rule:
    """A rule in force."""

    name: str
    title: str
    watch: Watch
    condition: Condition
    severity: Severity
    timing: Timing = field(default_factory=Timing)
    description: str = ""
    group_by: tuple[str, ...] = ()
    """Incidents of one look that have these labels in common are announced together."""
    inhibited_by: tuple[str, ...] = ()
    """Rules whose open incidents keep this one from being announced, where labels that both have are the same."""
    active: ActiveHours | None = None
    owner: str | None = None
    runbook: str | None = None
    version: int = 1
    document: Mapping[str, Any] = field(default_factory=dict)
    """The rule as it was written."""
