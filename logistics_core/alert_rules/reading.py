"""Reads rules: what a document declares, or what is wrong with it, by its key."""

from collections.abc import Mapping
from datetime import time
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from logistics_core.alert_rules.keys import ActiveKeys, RuleKeys, WatchKeys, WhenKeys
from logistics_core.alert_rules.rules import ActiveHours, Condition, Kind, Rule, Timing, Watch
from logistics_core.catalogue.contract_shapes import check_shape, listed, suggestion
from logistics_core.catalogue.contract_yaml import KeyPath, Place, path_text
from logistics_core.places.checks import fault, length

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LONGEST_OVER = 366
OF_METRICS = (Kind.METRIC, Kind.OUTSIDE_FORECAST)
"""Kinds that look at a metric of a dataset."""


def rule_of_document(document: Mapping[str, Any], name: str, places: Mapping[KeyPath, Place] | None = None) -> Rule:
    """The rule that a document declares. `places` tells where its keys are, for messages.

    Raises:
        ShapeFault: it declares none; the message begins with the key at fault.
    """
    check_shape(dict(document), RuleKeys, places or {})
    keys = msgspec.convert(document, RuleKeys)
    condition = _condition(keys.when)
    return Rule(
        name=name,
        title=keys.title,
        description=keys.description,
        watch=_watch(keys.watch),
        condition=condition,
        severity=keys.severity,
        timing=Timing(
            hold=length(keys.hold, ("for",)),
            keep=length(keys.keep_for, ("keepFor",)),
            unknown=keys.unknown,
            unknown_hold=length(keys.unknown_for, ("unknownFor",)),
        ),
        group_by=tuple(keys.group_by),
        inhibited_by=tuple(keys.inhibited_by),
        active=None if keys.active is None else _hours(keys.active, ("active",)),
        owner=keys.owner,
        runbook=keys.runbook,
        document=document,
    )


# -- what keys mean together -----------------------------------------------------------------------------------------


def _watch(keys: WatchKeys) -> Watch:
    if keys.kind in OF_METRICS and (keys.dataset is None or keys.metric is None):
        fault(("watch",), f"has the kind {keys.kind}, which needs `dataset` and `metric`.")
    if keys.kind not in OF_METRICS:
        for key, is_given in (("metric", keys.metric), ("by", keys.by), ("compare", keys.compare)):
            if is_given:
                fault(("watch", key), f"is for the kinds {listed(OF_METRICS)}, not for {keys.kind}.")
    if keys.kind is Kind.OUTSIDE_FORECAST and keys.compare is not None:
        fault(("watch", "compare"), "is for the kind metric: a forecast is compared with what came true.")
    if not 1 <= keys.over <= LONGEST_OVER:
        fault(("watch", "over"), f"is {keys.over}. Expected: 1 to {LONGEST_OVER} periods.")
    if keys.least_records < 0:
        fault(("watch", "leastRecords"), f"is {keys.least_records}. Expected: 0 or more.")
    if not 1 <= keys.window_days <= 3_660:
        fault(("watch", "windowDays"), f"is {keys.window_days}. Expected: 1 to 3,660 days.")
    return Watch(
        kind=keys.kind,
        dataset=keys.dataset,
        metric=keys.metric,
        by=tuple(keys.by),
        grain=keys.grain,
        over=keys.over,
        compare=keys.compare,
        least_records=keys.least_records,
        window_days=keys.window_days,
    )


def _condition(keys: WhenKeys) -> Condition:
    if keys.clear_below is not None and (keys.above is None or keys.clear_below > keys.above):
        fault(("when", "clearBelow"), "must be at most `above`: it says when a value that was too high is all right.")
    if keys.clear_above is not None and (keys.below is None or keys.clear_above < keys.below):
        fault(("when", "clearAbove"), "must be at least `below`: it says when a value that was too low is all right.")
    if keys.above is None and keys.below is None:
        return Condition(above=0.0)
    return Condition(keys.above, keys.below, keys.clear_above, keys.clear_below)


def hours_of_document(document: Mapping[str, Any]) -> ActiveHours:
    """Hours that come again, as the key `active` of a rule has them.

    Raises:
        ShapeFault: they are none; the message begins with the key at fault.
    """
    check_shape(dict(document), ActiveKeys, {})
    return _hours(msgspec.convert(document, ActiveKeys), ())


def _hours(keys: ActiveKeys, path: KeyPath) -> ActiveHours:
    days = [each.lower() for each in keys.days] or list(DAYS)
    for number, day in enumerate(days):
        if day not in DAYS:
            fault((*path, "days", number), f"is {day!r}. Expected: {', '.join(DAYS)}.{suggestion(day, DAYS)}")
    try:
        zone = ZoneInfo(keys.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        fault((*path, "timeZone"), f"is {keys.time_zone!r}, which is no time zone. Expected: such as Europe/Berlin.")
    return ActiveHours(
        days=frozenset(DAYS.index(day) for day in days),
        start=_time_of_day(keys.start, (*path, "from")),
        end=_time_of_day(keys.end, (*path, "to")),
        zone=zone,
    )


def _time_of_day(text: str, path: KeyPath) -> time:
    try:
        found = time.fromisoformat(text)
    except ValueError:
        fault(path, f"is {text!r}. Expected: a time of day such as 08:30.")
    if found.tzinfo is not None:
        zone = path_text((*path[:-1], "timeZone"))
        fault(path, f"is {text!r}. Expected: a time of day such as 08:30; its zone is `{zone}`.")
    return found
