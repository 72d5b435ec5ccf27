"""Requests and responses about rules as they are written, and about trying them."""

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from logistics_api.alerts.schemas import Origin
from logistics_api.schemas import StrictModel
from logistics_core.alert_rules.keys import RuleKeys
from logistics_core.database_contract.alerts import TrialState

RuleName = Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,39}$")]
EXAMPLE: dict[str, Any] = {
    "title": "Revenue of an origin has fallen",
    "watch": {
        "kind": "metric",
        "dataset": "shipments",
        "metric": "revenue",
        "by": ["origin"],
        "over": 7,
        "compare": "weekdays",
    },
    "when": {"below": -30},
}


class WrittenRule(StrictModel):
    """A rule as it is written."""

    name: str = Field(examples=["file_failed"])
    version: int = Field(description="One more with each change; requests that change it name it in If-Match")
    origin: Origin = Field(description="`file`: it is changed in its file, and by nothing else")
    file: str | None = Field(description="Its file in the data folder; null if it is none")
    is_enabled: bool
    problem: str | None = Field(description="Why its newest text, or a file of its name, is not used")
    changed_at: datetime
    changed_by: str | None = Field(description="Who changed it through the API; null: a file, or built in")
    definition: dict[str, Any] | None = Field(
        description="What it says: the keys of a file of rules; null if no version of it could be used"
    )


class WrittenRules(StrictModel):
    """All rules as they are written."""

    rules: list[WrittenRule]


class RuleVersion(StrictModel):
    """A version of a rule."""

    version: int
    since: datetime
    author: str | None = Field(description="Who wrote it through the API; null: a file, or built in")
    definition: dict[str, Any]


class RuleWithVersions(WrittenRule):
    """A rule as it is written, with its newest versions."""

    versions: list[RuleVersion] = Field(description="At most 20, the newest first")


class NewRule(BaseModel):
    """A rule to be made."""

    model_config = ConfigDict(extra="forbid")

    name: RuleName = Field(
        description="Small letters, digits and underscores, a letter first", examples=["revenue_fell"]
    )
    definition: dict[str, Any] = Field(description="What it says: the keys of a file of rules", examples=[EXAMPLE])


class RuleChange(BaseModel):
    """What a rule says from now on."""

    model_config = ConfigDict(extra="forbid")

    definition: dict[str, Any] = Field(description="What it says: the keys of a file of rules", examples=[EXAMPLE])


class NewTrial(BaseModel):
    """A rule to be tried against the past. It need not be in force."""

    model_config = ConfigDict(extra="forbid")

    name: RuleName = Field("a_rule", description="What its name is, or will be")
    definition: dict[str, Any] = Field(description="What it says: the keys of a file of rules", examples=[EXAMPLE])
    days: int = Field(90, ge=1, le=1_100, description="How many days back")


class TrialFiring(StrictModel):
    """A time in which the rule would have fired for a subject."""

    labels: dict[str, str]
    opened_on: date
    closed_on: date | None = Field(description="null if it would still fire")
    summary: str


class TrialDay(StrictModel):
    """What the rule would have seen at the end of a day."""

    day: date
    value: float | None = Field(
        description="Of all subjects the one nearest to firing, or furthest beyond; null if none has a value"
    )
    firing: int = Field(description="For how many subjects it would have fired, or still been firing")


class TrialResult(StrictModel):
    """What the rule would have done."""

    first: date
    last: date
    subjects: int = Field(description="How many it would have watched")
    times: int = Field(description="How often it would have fired")
    firings: list[TrialFiring] = Field(description="The first 1,000 of them")
    days: list[TrialDay] = Field(description="Those of which something is known")


class Trial(StrictModel):
    """The trial of a rule. It is kept for a day."""

    trial_id: UUID
    name: str
    days: int
    state: TrialState
    requested_at: datetime
    requested_by: str
    finished_at: datetime | None
    result: TrialResult | None
    error: str | None = Field(description="Why it could not be tried")
    status_url: str


def describe_definitions(schemas: dict[str, Any]) -> None:
    """Says in schemas of the OpenAPI document what the definition of a rule holds: the keys of the files."""
    template = "#/components/schemas/Alert{name}"
    (reference,), keys = msgspec.json.schema_components([RuleKeys], ref_template=template)
    schemas.update({f"Alert{name}": schema for name, schema in keys.items()})
    for body in (NewRule, RuleChange, NewTrial):
        known = schemas[body.__name__]["properties"]["definition"]
        schemas[body.__name__]["properties"]["definition"] = {**reference, "description": known["description"]}
