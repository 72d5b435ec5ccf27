"""What rules have found, as it is stored: states, incidents and their timeline. All of one look in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from psycopg.types.json import Jsonb

from logistics_core.alert_rules.rules import Rule
from logistics_core.languages.sentences import Sentence, document_of, sentence_of
from logistics_core.sql_files import read_sql
from logistics_pipeline.alerting.observing.model import AboutRows, Facts, Labels, Observation
from logistics_pipeline.alerting.transitions import Change, State, Track
from logistics_pipeline.database.connections import Connection

AUTHOR = "worker"
"""Who opens and closes incidents, in their timeline."""
CONDITION, UNKNOWN = "condition", "unknown"

_OPENS = {Change.OPENED: CONDITION, Change.UNKNOWN_OPENED: UNKNOWN}
_CLOSES = {Change.RESOLVED: CONDITION, Change.UNKNOWN_RESOLVED: UNKNOWN}


def key_of(labels: Labels) -> str:
    """Labels as one text: the same for the same labels, in whatever order."""
    return msgspec.json.encode(dict(sorted(labels.items()))).decode()


@dataclass(frozen=True)
class Stored:
    """A subject as the last look has left it."""

    labels: Labels
    track: Track


def stored_states(connection: Connection, rule: str) -> dict[str, Stored]:
    """The subjects of a rule that are not simply all right, by key."""
    rows = connection.execute(
        "SELECT labels, state, since, unknown_since, unknown_fires FROM alert.states WHERE rule = %s", (rule,)
    )
    return {
        key_of(labels): Stored(labels, Track(State(state), since, unknown_since, unknown_fires))
        for labels, state, since, unknown_since, unknown_fires in rows
    }


def store_states(connection: Connection, rule: str, changed: Sequence[tuple[Labels, Track, float | None]]) -> None:
    """Stores where subjects stand now: labels, track, value. Those that are simply all right are forgotten."""
    kept = [each for each in changed if not each[1].is_quiet]
    gone = [Jsonb(dict(labels)) for labels, track, _ in changed if track.is_quiet]
    if kept:
        connection.cursor().executemany(
            read_sql("alerting/store_state").encode(),
            [
                {
                    "rule": rule,
                    "labels": Jsonb(dict(labels)),
                    "state": track.state.value,
                    "since": track.since,
                    "unknown_since": track.unknown_since,
                    "unknown_fires": track.unknown_fires,
                    "value": value,
                }
                for labels, track, value in kept
            ],
        )
    if gone:
        connection.execute("DELETE FROM alert.states WHERE rule = %s AND labels = ANY(%s)", (rule, gone))


@dataclass(frozen=True)
class Changed:
    """A subject of a rule with what its observation has brought about."""

    observation: Observation
    changes: tuple[Change, ...]


def apply_changes(
    connection: Connection, rule: Rule, changed: Sequence[Changed], moment: datetime, data_version: int
) -> None:
    """Opens and closes the incidents of subjects. An incident that is open is not opened again."""
    opened = [
        _opened(rule, each.observation, _OPENS[change], moment, data_version)
        for each in changed
        for change in each.changes
        if change in _OPENS
    ]
    closed = [
        _closed(rule.name, each.observation.labels, _CLOSES[change], moment, each.observation.summary)
        for each in changed
        for change in each.changes
        if change in _CLOSES
    ]
    for name, parameters in (("alerting/close_incident", closed), ("alerting/open_incident", opened)):
        if parameters:
            connection.cursor().executemany(read_sql(name).encode(), parameters)


def _opened(rule: Rule, observation: Observation, kind: str, moment: datetime, data_version: int) -> dict[str, object]:
    title = Sentence(rule.title)
    if kind == UNKNOWN:
        title = Sentence("Cannot be evaluated: {title}", title=title)
    words = {
        "title": document_of(title),
        "summary": document_of(observation.summary),
        "facts": [[document_of(name), document_of(value)] for name, value in observation.facts],
    }
    return {
        "rule": rule.name,
        "version": rule.version,
        "kind": kind,
        "labels": Jsonb(dict(observation.labels)),
        "severity": rule.severity.value,
        "title": str(title),
        "summary": str(observation.summary),
        "facts": Jsonb([list(map(str, fact)) for fact in observation.facts]),
        "words": Jsonb(words),
        "about_rows": None if observation.about_rows is None else Jsonb([dict(observation.about_rows)]),
        "page": observation.page,
        "value": observation.value,
        "data_version": data_version,
        "moment": moment,
        "author": AUTHOR,
    }


def _closed(rule: str, labels: Labels, kind: str, moment: datetime, because: str) -> dict[str, object]:
    return {
        "rule": rule,
        "labels": Jsonb(dict(labels)),
        "kind": kind,
        "moment": moment,
        "because": str(because),
        "words": Jsonb({"closed_because": document_of(because)}),
        "author": AUTHOR,
    }


def close(connection: Connection, rule: str, labels: Labels, kind: str, moment: datetime, because: str) -> None:
    """Closes the open incident of a subject, if there is one."""
    connection.execute(read_sql("alerting/close_incident").encode(), _closed(rule, labels, kind, moment, because))


def close_all(connection: Connection, rule: str, because: str) -> None:
    """Ends whatever is open of a rule that is not in force any more, and forgets its states."""
    rows = connection.execute(
        "SELECT labels, kind, clock_timestamp() FROM alert.incidents WHERE rule = %s AND closed_at IS NULL", (rule,)
    ).fetchall()
    for labels, kind, moment in rows:
        close(connection, rule, labels, kind, moment, because)
    connection.execute("DELETE FROM alert.states WHERE rule = %s", (rule,))
    connection.execute("DELETE FROM alert.evaluations WHERE rule = %s", (rule,))


def note_evaluation(
    connection: Connection,
    rule: str,
    moment: datetime,
    data_version: int,
    subjects: int,
    seconds: float,
    error: str | None,
) -> None:
    """Says when a rule was evaluated last, and why it could not be."""
    connection.execute(
        read_sql("alerting/note_evaluation").encode(),
        {
            "rule": rule,
            "moment": moment,
            "data_version": data_version,
            "subjects": subjects,
            "seconds": seconds,
            "error": error,
        },
    )


@dataclass(frozen=True)
class Waiting:
    """An incident whose beginning or end may have to be announced."""

    incident_id: int
    kind: str
    labels: Labels
    severity: str
    title: str
    summary: str
    facts: Facts
    """As JSON has them: lists of two."""
    opened_at: datetime
    closed_at: datetime | None
    closed_because: str | None
    announced_at: datetime | None
    held_because: str | None
    announced_with: int
    """The first of those that its beginning was announced with; itself if there were no others."""
    words: Mapping[str, Any] | None = None
    """Its texts for other languages."""
    about_rows: Sequence[AboutRows] | None = None
    """The rows that all of it is about."""

    def said(self, name: str) -> str:
        """One of its texts: `title`, `summary` or `closed_because`."""
        known = (self.words or {}).get(name)
        return getattr(self, name) or "" if known is None else sentence_of(known)

    @property
    def said_facts(self) -> Facts:
        """Its facts."""
        known = (self.words or {}).get("facts", self.facts)
        return tuple((sentence_of(name), sentence_of(value)) for name, value in known)


def waiting_incidents(connection: Connection, rule: str) -> list[Waiting]:
    """The incidents of a rule of which the beginning, or the end, is not announced yet."""
    rows = connection.execute(read_sql("alerting/waiting_incidents").encode(), {"rule": rule}).fetchall()
    return [Waiting(*row) for row in rows]


def open_ones(connection: Connection, announced_with: Sequence[int]) -> set[int]:
    """Those of some announcements of which an incident is still open."""
    rows = connection.execute(
        "SELECT DISTINCT announced_with FROM alert.incidents WHERE announced_with = ANY(%s) AND closed_at IS NULL",
        (list(announced_with),),
    )
    return {number for (number,) in rows}


def note(connection: Connection, incident_ids: Sequence[int], kind: str, text: str) -> None:
    """Adds to the timelines of incidents that the transaction has locked."""
    connection.execute(
        read_sql("alerting/note").encode(), {"ids": list(incident_ids), "kind": kind, "text": text, "author": AUTHOR}
    )
