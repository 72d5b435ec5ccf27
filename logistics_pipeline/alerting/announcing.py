"""Which incidents people hear of, and when: together with others, later, or not at all. Recording never waits for it.

An incident is held back by a silence, by an open incident of a rule that inhibits its own, or by the hour. It is
announced once that is over, if it is still open. Whose beginning was not announced has no end that is. Ends follow
their beginning: incidents that were announced together share a thread of messages, which ends with the last of them.
"""

import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby

from logistics_core.alert_rules.reading import hours_of_document
from logistics_core.alert_rules.rules import Kind, Rule
from logistics_core.catalogue.contract_shapes import ShapeFault
from logistics_core.languages.sentences import Sentence, joined
from logistics_core.sql_files import read_sql
from logistics_pipeline.alerting import incidents
from logistics_pipeline.alerting.incidents import CONDITION, UNKNOWN, Waiting, key_of
from logistics_pipeline.alerting.observing.model import AboutRows, Facts, Labels
from logistics_pipeline.database.connections import Connection

log = logging.getLogger("logistics.worker")

MOST_NAMED = 10
"""Incidents of one announcement that it names; it says how many more there are."""


@dataclass(frozen=True)
class Announcement:
    """What people are told of some incidents of one rule."""

    topic: str
    """`alert.firing`, `alert.resolved` or `alert.unknown`."""
    key: str
    """The same announcement has the same key, however often it is made."""
    severity: str
    title: str
    text: str
    facts: Facts
    labels: Labels
    page: str
    thread: str
    ends_thread: bool
    """Whether nothing that the thread has told of is open any more."""
    occurred_at: datetime
    about_rows: Sequence[AboutRows] | None = None
    """The rows that all of it is about; None if that is not known of one of the incidents."""
    has_chart: bool = False
    """Whether the chart of its one incident follows in a moment."""


Publish = Callable[[Connection, Announcement], object]
"""Hands an announcement over in the transaction of the connection."""


@dataclass(frozen=True)
class Silence:
    """A silence that is in force, or a maintenance window that is open."""

    rule: str | None
    labels: Labels
    words: str
    """Why something is held back by it."""

    def covers(self, rule: str, labels: Labels) -> bool:
        """Whether it is about a subject of a rule."""
        return self.rule in (None, rule) and self.labels.items() <= labels.items()


@dataclass(frozen=True)
class Surroundings:
    """What may hold an incident back."""

    moment: datetime
    silences: Sequence[Silence] = ()
    open_elsewhere: Sequence[tuple[str, Labels]] = ()
    """Open incidents of rules that inhibit this one: rule and labels."""


def why_held(rule: Rule, labels: Labels, around: Surroundings) -> str | None:
    """Why an incident is not announced now, in words; None if it is."""
    for silence in around.silences:
        if silence.covers(rule.name, labels):
            return silence.words
    for other, of_other in around.open_elsewhere:
        if all(labels[name] == value for name, value in of_other.items() if name in labels):
            return f"{other} is open, which explains it"
    if rule.active is not None and not rule.active.contain(around.moment):
        return "outside the hours in which it is announced"
    return None


def announce(connection: Connection, rule: Rule, moment: datetime, publish: Publish) -> int:
    """Announces what there is of a rule, in the transaction of the connection; says how many announcements it made.

    Args:
        connection: in a transaction, which has locked the rule.
        rule: in force.
        moment: now.
        publish: hands an announcement over.
    """
    waiting = incidents.waiting_incidents(connection, rule.name)
    ended = [each for each in waiting if each.closed_at is not None]
    begun = [each for each in waiting if each.closed_at is None and each.announced_at is None]
    made = 0
    if begun:
        made += _announce_begun(connection, rule, begun, _surroundings(connection, rule, moment), publish)
    return made + _announce_ended(connection, rule.name, ended, publish)


def announce_left_over(connection: Connection, in_force: Collection[str], publish: Publish) -> int:
    """Announces the ends of incidents whose rules are not evaluated any more; says how many announcements it made.

    What a rule had open is closed when it is removed or disabled.
    """
    rules = connection.execute(
        "SELECT DISTINCT rule FROM alert.incidents "
        "WHERE settled_at IS NULL AND closed_at IS NOT NULL AND rule <> ALL(%s) ORDER BY rule",
        (list(in_force),),
    ).fetchall()
    made = 0
    for (rule,) in rules:
        with connection.transaction():
            ended = [each for each in incidents.waiting_incidents(connection, rule) if each.closed_at is not None]
            made += _announce_ended(connection, rule, ended, publish)
    return made


def _announce_ended(connection: Connection, rule: str, ended: Sequence[Waiting], publish: Publish) -> int:
    known = sorted((each for each in ended if each.announced_at is not None), key=_announced_with)
    groups = {first: list(group) for first, group in groupby(known, _announced_with)}
    go_on = incidents.open_ones(connection, list(groups))
    for first, group in groups.items():
        publish(connection, _resolved(rule, group, ends_thread=first not in go_on))
    if ended:
        _mark(connection, "settled_at", [each.incident_id for each in ended])
    return len(groups)


def _announced_with(incident: Waiting) -> int:
    return incident.announced_with


def _announce_begun(
    connection: Connection, rule: Rule, begun: Sequence[Waiting], around: Surroundings, publish: Publish
) -> int:
    reasons = {each.incident_id: why_held(rule, each.labels, around) for each in begun}
    for incident in begun:
        reason = reasons[incident.incident_id]
        if reason is not None and reason != incident.held_because:
            connection.execute(
                "UPDATE alert.incidents SET held_because = %s WHERE incident_id = %s", (reason, incident.incident_id)
            )
            incidents.note(connection, [incident.incident_id], "held", f"Not announced: {reason}.")
    free = [each for each in begun if reasons[each.incident_id] is None]
    groups = _groups(rule, free)
    for group in groups:
        publish(connection, _firing(rule, group))
        ids = [each.incident_id for each in group]
        _mark(connection, "announced_at", ids, announced_with=ids[0])
        incidents.note(connection, ids, "announced", "A message about it was published.")
    return len(groups)


def _mark(connection: Connection, column: str, ids: Sequence[int], announced_with: int | None = None) -> None:
    more = "" if announced_with is None else ", held_because = NULL, announced_with = %(with)s"
    connection.execute(
        f"UPDATE alert.incidents SET {column} = clock_timestamp(){more} WHERE incident_id = ANY(%(ids)s)".encode(),
        {"ids": list(ids), "with": announced_with},
    )


def _surroundings(connection: Connection, rule: Rule, moment: datetime) -> Surroundings:
    others = connection.execute(
        "SELECT rule, labels FROM alert.incidents WHERE rule = ANY(%s) AND closed_at IS NULL AND kind = %s",
        (list(rule.inhibited_by), CONDITION),
    ).fetchall()
    return Surroundings(moment, [*_silences(connection, moment), *_open_windows(connection, moment)], others)


def _silences(connection: Connection, moment: datetime) -> Iterator[Silence]:
    rows = connection.execute(read_sql("alerting/silences_in_force").encode(), {"moment": moment}).fetchall()
    for rule, labels, ends_at, author, reason in rows:
        yield Silence(rule, labels, f"silenced until {ends_at:%Y-%m-%d %H:%M %Z} by {author}: {reason}")


def _open_windows(connection: Connection, moment: datetime) -> Iterator[Silence]:
    rows = connection.execute(read_sql("alerting/windows").encode(), {"moment": moment}).fetchall()
    for rule, labels, hours, author, reason in rows:
        try:
            is_open = hours_of_document(hours).contain(moment)
        except ShapeFault as error:  # such as a time zone that this machine does not know
            log.warning("A maintenance window of %s is left out: %s", author, error)
            continue
        if is_open:
            yield Silence(rule, labels, f"in a maintenance window of {author}: {reason}")


def _groups(rule: Rule, found: Sequence[Waiting]) -> list[list[Waiting]]:
    """Those that are announced together: of one kind, with the same values of the labels that the rule groups by."""

    def key(each: Waiting) -> tuple[str, str]:
        if not rule.group_by:
            return each.kind, key_of(each.labels)
        return each.kind, key_of({name: each.labels.get(name, "") for name in rule.group_by})

    return [list(group) for _, group in groupby(sorted(found, key=lambda each: (key(each), each.incident_id)), key)]


# -- words -----------------------------------------------------------------------------------------------------------


def _firing(rule: Rule, group: Sequence[Waiting]) -> Announcement:
    first = group[0]
    topic = "alert.unknown" if first.kind == UNKNOWN else "alert.firing"
    more = [Sentence(rule.description)] if rule.description else []
    more += [Sentence("What to do: {runbook}", runbook=rule.runbook)] if rule.runbook else []
    text = joined([*_lines([each.said("summary") for each in group]), *more])
    announcement = _announcement(rule.name, group, topic, _title(first.said("title"), group), text, _facts(group))
    has_chart = rule.watch.kind is Kind.METRIC and first.kind == CONDITION and len(group) == 1
    return replace(announcement, has_chart=has_chart)


def _resolved(rule: str, group: Sequence[Waiting], *, ends_thread: bool) -> Announcement:
    first = group[0]
    text = joined(_lines([each.said("closed_because") or each.said("summary") for each in group]))
    title = Sentence("Over: {title}", title=_title(first.said("title"), group))
    return _announcement(rule, group, "alert.resolved", title, text, (), ends_thread=ends_thread)


def _announcement(
    rule: str,
    group: Sequence[Waiting],
    topic: str,
    title: str,
    text: str,
    facts: Facts,
    *,
    ends_thread: bool = False,
) -> Announcement:
    first = group[0]
    shared = dict(first.labels)
    for each in group[1:]:
        shared = {name: value for name, value in shared.items() if each.labels.get(name) == value}
    occurred = max(
        (each.closed_at or each.opened_at) if topic == "alert.resolved" else each.opened_at for each in group
    )
    return Announcement(
        topic=topic,
        key=f"{topic}:{','.join(str(each.incident_id) for each in group)}",
        severity=first.severity,
        title=title,
        text=text,
        facts=facts,
        labels={"rule": rule, **shared},
        page=f"/alerts?incident={first.incident_id}",
        thread=f"incident:{first.announced_with if topic == 'alert.resolved' else first.incident_id}",
        ends_thread=ends_thread,
        occurred_at=occurred,
        about_rows=_about_rows(group),
    )


def _about_rows(group: Sequence[Waiting]) -> Sequence[AboutRows] | None:
    found: list[AboutRows] = []
    for each in group:
        if each.about_rows is None:
            return None
        found += each.about_rows
    return found


def _title(title: str, group: Sequence[Waiting]) -> str:
    if len(group) > 1:
        return Sentence("{title} ({number})", title=title, number=len(group))
    subject = ", ".join(value for _, value in sorted(group[0].labels.items()) if value)
    return Sentence("{title}: {subject}", title=title, subject=subject) if subject else title


def _lines(sentences: Sequence[str]) -> list[str]:
    ended = [each if each.endswith((".", "!", "?")) else joined([each, "."], "") for each in sentences[:MOST_NAMED]]
    more = len(sentences) - MOST_NAMED
    return [*ended, Sentence("And {number} more.", number=more)] if more > 0 else ended


def _facts(group: Sequence[Waiting]) -> Facts:
    return group[0].said_facts if len(group) == 1 else ()
