"""Requests and responses about alerts."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from logistics_api.parameters.types import DIGITS
from logistics_api.schemas import StrictModel

SeverityName = Literal["info", "warning", "critical"]
Origin = Literal["built-in", "file", "api"]
MAX_INCIDENTS = 1_000
NO_NUL = "^[^\\x00]*$"
"""PostgreSQL has no text with U+0000."""


class IncidentParameters(BaseModel):
    """Which incidents are asked for. Unknown parameters are refused."""

    model_config = ConfigDict(extra="forbid")

    state: Literal["open", "closed", "all"] = Field("open", description="Open ones, closed ones, or both")
    rule: Annotated[str, Field(max_length=40, pattern=NO_NUL)] | None = Field(
        None, description="Only those of this rule", examples=["file_failed"]
    )
    severity: SeverityName | None = Field(None, description="Only those of this severity", examples=["critical"])
    before: Annotated[int, Field(ge=1, le=2**63 - 1), DIGITS] | None = Field(
        None, description="Only those with a smaller number: the last one of the page before", examples=[100]
    )
    limit: Annotated[int, Field(ge=1, le=MAX_INCIDENTS), DIGITS] = Field(
        100, description="Maximum number, the newest first", examples=[100]
    )


class RuleState(StrictModel):
    """A rule, and what it has found."""

    name: str = Field(examples=["file_failed"])
    title: str | None = Field(examples=["A file has failed"])
    description: str
    severity: SeverityName
    watch: dict[str, Any] | None = Field(description="What it looks at, as it is written")
    when: dict[str, Any] | None = Field(description="When that fires, as it is written")
    owner: str | None
    runbook: str | None
    origin: Origin
    version: int
    is_enabled: bool
    problem: str | None = Field(description="Why its newest text, or a file of its name, is not used")
    changed_at: datetime
    changed_by: str | None = Field(description="Who changed it through the API; null: a file, or built in")
    open_incidents: int
    subjects: int | None = Field(description="How many subjects the last look has seen; null before the first")
    evaluated_at: datetime | None
    error: str | None = Field(description="Why it could not be evaluated")


class Duty(StrictModel):
    """A duty of the worker, and when it was done last."""

    duty: str = Field(examples=["alerts"])
    worker: str = Field(description="Host and process", examples=["depot-1 4711"])
    at: datetime
    seconds_ago: float
    problem: str | None


class Alerts(StrictModel):
    """All rules, and whether somebody evaluates them."""

    rules: list[RuleState]
    duties: list[Duty] = Field(description="Empty if no worker has ever run")


class Fact(StrictModel):
    """A name and a value of the moment."""

    name: str
    value: str | None


class Incident(StrictModel):
    """Something that somebody should look at."""

    incident_id: int = Field(examples=[17])
    rule: str = Field(examples=["file_failed"])
    rule_version: int
    kind: Literal["condition", "unknown"] = Field(description="unknown: the rule could not be evaluated")
    labels: dict[str, str] = Field(description="What it is about", examples=[{"dataset": "shipments"}])
    severity: SeverityName
    title: str
    summary: str
    facts: list[Fact]
    path: str | None = Field(description="Where the dashboard shows what it is about")
    value: float | None
    data_version: int = Field(description="The figures that it was opened by")
    opened_at: datetime
    closed_at: datetime | None
    closed_because: str | None
    announced_at: datetime | None = Field(description="When a message about it was published")
    held_because: str | None = Field(description="Why none was: a silence, another incident, the hour")
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    assigned_to: str | None


class TimelineEvent(StrictModel):
    """Something that happened to an incident."""

    number: int
    kind: Literal["opened", "announced", "held", "closed", "acknowledged", "assigned", "commented"]
    at: datetime
    author: str
    text: str
    value: float | None


class ChartDay(StrictModel):
    """A value that was watched."""

    day: date
    value: float | None


class IncidentChart(StrictModel):
    """The values of the subject of an incident until it was opened."""

    watch: dict[str, Any] | None = Field(description="What the rule looked at, as it was written")
    when: dict[str, Any] | None = Field(description="When it fired, as it was written")
    data_version: int = Field(description="The figures that the values are of")
    days: list[ChartDay] = Field(description="The value at the end of each day, week or month, the oldest first")


class IncidentDetails(Incident):
    """An incident with its timeline."""

    chart: IncidentChart | None = Field(description="Of rules about metrics, a moment after it was opened")
    timeline: list[TimelineEvent]


class OpenIncidents(StrictModel):
    """How many incidents are open, by severity."""

    critical: int
    warning: int
    info: int


class Incidents(StrictModel):
    """Incidents, the newest first."""

    total: int = Field(description="How many match, those on other pages included")
    open: OpenIncidents
    incidents: list[Incident]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class Acknowledgement(_Body):
    """Says that somebody looks after an incident."""

    text: Annotated[str, Field(min_length=1, max_length=4_000, pattern=NO_NUL)] = Field(
        "Seen.", description="What is done about it"
    )


class Assignment(_Body):
    """Says who looks after an incident."""

    to: Annotated[str, Field(max_length=200, pattern=NO_NUL)] = Field(
        description="Who; empty for nobody", examples=["Ada"]
    )


class Comment(_Body):
    """What others should know about an incident."""

    text: Annotated[str, Field(min_length=1, max_length=4_000, pattern=NO_NUL)]


class _Silent(_Body):
    """What is not announced, and why."""

    rule: Annotated[str, Field(max_length=40, pattern=NO_NUL)] | None = Field(
        None, description="Only this rule; null: all of them"
    )
    labels: dict[
        Annotated[str, Field(min_length=1, max_length=200, pattern=NO_NUL)],
        Annotated[str, Field(max_length=2_000, pattern=NO_NUL)],
    ] = Field(default_factory=dict, description="Only what has all of these labels", max_length=20)
    reason: Annotated[str, Field(min_length=1, max_length=1_000, pattern=NO_NUL)]


class NewSilence(_Silent):
    """A time in which incidents are not announced."""

    starts_at: datetime | None = Field(None, description="With a time zone; null: now")
    ends_at: datetime = Field(description="With a time zone; at most 366 days after it starts")


class WindowHours(_Body):
    """Hours that come again, as in the key `active` of rules."""

    days: list[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]] = Field(
        default_factory=list, max_length=7, description="Empty: every day"
    )
    start: Annotated[str, Field(max_length=20, pattern=NO_NUL)] = Field(
        "00:00", alias="from", description="Time of day", examples=["02:00"]
    )
    end: Annotated[str, Field(max_length=20, pattern=NO_NUL)] = Field(
        "00:00", alias="to", description="Time of day; before the start: of the next day", examples=["04:00"]
    )
    time_zone: Annotated[str, Field(max_length=100, pattern=NO_NUL)] = Field(
        "UTC", alias="timeZone", description="Such as Europe/Berlin"
    )


class NewWindow(_Silent):
    """Hours that come again in which incidents are not announced."""

    hours: WindowHours
    ends_at: datetime = Field(description="After which it does not come again, with a time zone; at most 366 days away")


class Window(StrictModel):
    """A maintenance window that has not ended."""

    window_id: int
    rule: str | None
    labels: dict[str, str]
    hours: WindowHours
    ends_at: datetime
    author: str
    reason: str
    made_at: datetime


class Windows(StrictModel):
    """Maintenance windows that have not ended."""

    windows: list[Window]


class Silence(StrictModel):
    """A silence that is, or will be, in force."""

    silence_id: int
    rule: str | None
    labels: dict[str, str]
    starts_at: datetime
    ends_at: datetime
    author: str
    reason: str
    made_at: datetime
    is_in_force: bool


class Silences(StrictModel):
    """Silences that are, or will be, in force."""

    silences: list[Silence]
