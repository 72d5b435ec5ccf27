"""The keys of a rule, each with what it means; the JSON Schema of rules says the same."""

from typing import Annotated

import msgspec

from logistics_core.alert_rules.rules import Kind, WhenUnknown
from logistics_core.database_contract.notifications import Severity
from logistics_core.metrics.periods import Comparison, Grain
from logistics_core.places.keys import Keys, said


class WatchKeys(Keys, kw_only=True):
    """What a rule looks at."""

    kind: Annotated[Kind, said("What is watched")]
    dataset: Annotated[str | None, said("Only this dataset; unset: all of them")] = None
    metric: Annotated[str | None, said("A metric of the dataset, as in /api/metrics")] = None
    by: Annotated[list[str], said("Fields whose values are watched each for itself")] = msgspec.field(
        default_factory=list
    )
    grain: Annotated[Grain, said("day, week or month")] = Grain.DAY
    over: Annotated[int, said("How many of the newest finished periods count together")] = 1
    compare: Annotated[
        Comparison | None, said("Watch the change in percent, against what: previous, year or weekdays")
    ] = None
    least_records: Annotated[int, said("Leave out what has fewer records in these periods")] = 0
    window_days: Annotated[
        int, said("How many days back files are looked at, or how many days the newest ones are compared with")
    ] = 30


class WhenKeys(Keys, kw_only=True):
    """When that is worth somebody's attention."""

    above: Annotated[float | None, said("Above this value")] = None
    below: Annotated[float | None, said("Below this value")] = None
    clear_below: Annotated[float | None, said("Once above, all right again only below this value")] = None
    clear_above: Annotated[float | None, said("Once below, all right again only above this value")] = None


class ActiveKeys(Keys, kw_only=True):
    """When incidents are announced."""

    days: Annotated[list[str], said("mon, tue, wed, thu, fri, sat, sun; unset: all")] = msgspec.field(
        default_factory=list
    )
    start: Annotated[str, said("Time of day, 08:00")] = msgspec.field(default="00:00", name="from")
    end: Annotated[str, said("Time of day, 18:00; 00:00 is the end of the day")] = msgspec.field(
        default="00:00", name="to"
    )
    time_zone: Annotated[str, said("Such as Europe/Berlin")] = "UTC"


class RuleKeys(Keys, kw_only=True):
    """A rule."""

    title: Annotated[str, said("What has happened, in some words")]
    description: Annotated[str, said("What it means and what to do")] = ""
    watch: Annotated[WatchKeys, said("What is looked at")]
    when: Annotated[WhenKeys, said("When it is worth somebody's attention; unset: when there is any")] = msgspec.field(
        default_factory=WhenKeys
    )
    hold: Annotated[str, said("How long that has to hold: 10m")] = msgspec.field(default="0s", name="for")
    keep_for: Annotated[str, said("How long it has to be over: 1h")] = "0s"
    severity: Annotated[Severity, said("info, warning or critical")] = Severity.WARNING
    unknown: Annotated[WhenUnknown, said("What is done when it cannot be evaluated: alert, keep or ok")] = (
        WhenUnknown.ALERT
    )
    unknown_for: Annotated[str, said("How long it may stay unknown: 10m")] = "10m"
    group_by: Annotated[list[str], said("Incidents with the same values of these labels are announced together")] = (
        msgspec.field(default_factory=list)
    )
    inhibited_by: Annotated[list[str], said("Rules whose open incidents keep this one from being announced")] = (
        msgspec.field(default_factory=list)
    )
    active: Annotated[ActiveKeys | None, said("When incidents are announced; unset: always")] = None
    owner: Annotated[str | None, said("Who looks after it")] = None
    runbook: Annotated[str | None, said("Address of what to do")] = None
    enabled: Annotated[bool, said("false: the rule is not evaluated")] = True
