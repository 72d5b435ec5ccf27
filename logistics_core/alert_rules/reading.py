"""Reads rules: what a document declares, or what is wrong with it, by its key."""

from collections.abc import Mapping
from datetime import time
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from logistics_core.alert_rules.keys import ActiveKeys, RuleKeys, WatchKeys, WhenKeys
from logistics_core.alert_rules.rules import ActiveHours, Condition, Kind, Rule, Timing, Watch
from logistics_core.catalogue.contract_shapes import check_shape, listed, suggestion
from logistics_core.catalogue.contract_yaml import KeyPath, Place, path_text
from logistics_core.places.checks import check_time_zone, fault, length

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LONGEST_OVER = 366
LONGEST_LINE = 200
"""Characters of a title or an owner: titles stand in subjects of mails, and in a list of incidents."""
LONGEST_TEXT = 4_000
MOST_NAMES = 20
"""Fields, labels or rules that a key lists."""
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
    if not keys.title.strip():
        fault(("title",), "is empty. Expected: what has happened, in some words.")
    return Rule(
        name=name,
        title=_line(keys.title, ("title",)),
        description=_text(keys.description, ("description",)),
        watch=_watch(keys.watch),
        condition=condition,
        severity=keys.severity,
        timing=Timing(
            hold=length(keys.hold, ("for",)),
            keep=length(keys.keep_for, ("keepFor",)),
            unknown=keys.unknown,
            unknown_hold=length(keys.unknown_for, ("unknownFor",)),
        ),
        group_by=_names(keys.group_by, ("groupBy",)),
        inhibited_by=_names(keys.inhibited_by, ("inhibitedBy",)),
        active=None if keys.active is None else _hours(keys.active, ("active",)),
        owner=None if keys.owner is None else _line(keys.owner, ("owner",)),
        runbook=None if keys.runbook is None else _text(keys.runbook, ("runbook",)),
        document=document,
    )


# -- texts and lists ---------------------------------------------------------------------------------------------------


def _line(text: str, path: KeyPath) -> str:
    if len(text) > LONGEST_LINE or not text.isprintable():
        fault(path, f"must be one line of at most {LONGEST_LINE} characters.")
    return text


def _text(text: str, path: KeyPath) -> str:
    if len(text) > LONGEST_TEXT:
        fault(path, f"has {len(text):,} characters. Expected: at most {LONGEST_TEXT:,}.")
    return text


def _names(names: list[str], path: KeyPath) -> tuple[str, ...]:
    if len(names) > MOST_NAMES:
        fault(path, f"lists {len(names):,} names. Expected: at most {MOST_NAMES}.")
    for number, name in enumerate(names):
        _line(name, (*path, number))
        if name in names[:number]:
            fault((*path, number), f"names {name!r} once more.")
    return tuple(names)


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
        by=_names(keys.by, ("watch", "by")),
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
    check_time_zone(keys.time_zone, (*path, "timeZone"))
    return ActiveHours(
        days=frozenset(DAYS.index(day) for day in days),
        start=_time_of_day(keys.start, (*path, "from")),
        end=_time_of_day(keys.end, (*path, "to")),
        zone=ZoneInfo(keys.time_zone),
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
