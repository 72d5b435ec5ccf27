"""Evaluates rules: looks, compares, and stores in one transaction what has changed, with what people are told of it.

Looking twice at the same figures changes nothing. Two processes that evaluate the same rule take turns.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from time import perf_counter

import psycopg

from logistics_core.alert_rules.rules import Rule, WhenUnknown
from logistics_core.catalogue import Catalogue
from logistics_core.languages.sentences import Sentence
from logistics_pipeline.alerting import incidents
from logistics_pipeline.alerting.announcing import Publish, announce
from logistics_pipeline.alerting.incidents import Changed, Stored, key_of
from logistics_pipeline.alerting.observing.highest_values import keep_highest
from logistics_pipeline.alerting.observing.looks import MOST_SUBJECTS, look
from logistics_pipeline.alerting.observing.model import CannotEvaluate, Observation, Words
from logistics_pipeline.alerting.transitions import Change, State, Track, gone, quiet, step
from logistics_pipeline.database.connections import TRANSIENT, Connection, reason_line_of

log = logging.getLogger("logistics.worker")

STATEMENT_SECONDS = 30
"""How long one statement of a rule may take: another rule must not wait for it for ever."""


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation of a rule has done."""

    rule: str
    subjects: int
    changes: int
    announcements: int
    waits: bool
    """Whether the passing of time alone may change something."""
    error: str | None = None


def evaluate(connection: Connection, catalogue: Catalogue, rule: Rule, publish: Publish) -> Evaluation:
    """Evaluates a rule in a transaction of its own; one that was removed or disabled meanwhile does nothing more.

    Raises:
        psycopg.Error: the database went away, or was too busy; nothing was changed.
    """
    started = perf_counter()
    with connection.transaction():
        begun = _begin(connection, rule)
        if begun is None:
            return Evaluation(rule.name, 0, 0, 0, waits=False)
        moment, data_version = begun
        found, error, is_failure = _look(connection, catalogue, rule, moment)
        if error is None:
            keep_highest(connection, rule.watch, found, moment)
        stored = incidents.stored_states(connection, rule.name)
        steps = list(_steps(rule, found, error, stored, moment, is_failure=is_failure))
        changed = [each for each in steps if each.is_change]
        incidents.store_states(
            connection, rule.name, [(each.observation.labels, each.after, each.observation.value) for each in changed]
        )
        incidents.apply_changes(
            connection, rule, [Changed(each.observation, each.changes) for each in changed], moment, data_version
        )
        announced = announce(connection, rule, moment, publish)
        incidents.note_evaluation(
            connection, rule.name, moment, data_version, len(found), perf_counter() - started, error
        )
        waits = any(_waits(each.after) for each in steps) or _is_held(connection, rule)
    return Evaluation(rule.name, len(found), sum(len(each.changes) for each in changed), announced, waits, error)


def _begin(connection: Connection, rule: Rule) -> tuple[datetime, int] | None:
    """The moment, and the data version; None if the rule is not in force. It is locked until the transaction ends."""
    in_force = "SELECT FROM alert.rules WHERE name = %s AND enabled AND removed_at IS NULL FOR UPDATE"
    if connection.execute(in_force, (rule.name,)).fetchone() is None:
        return None
    row = connection.execute("SELECT clock_timestamp(), data_version FROM analytics.status").fetchone()
    assert row is not None
    return row


def _look(
    connection: Connection, catalogue: Catalogue, rule: Rule, moment: datetime
) -> tuple[list[Observation], str | None, bool]:
    """What there is to see, or why nothing can be seen; and whether that is a failure, which people must hear of."""
    try:
        with connection.transaction():  # a savepoint: what fails in it leaves the rest of the evaluation possible
            connection.execute(f"SET LOCAL statement_timeout = '{STATEMENT_SECONDS}s'")
            found = look(connection, catalogue, rule.watch, moment)
            connection.execute("SET LOCAL statement_timeout = 0")
            return found, None, False
    except CannotEvaluate as error:
        return [], str(error), False
    except psycopg.errors.QueryCanceled:
        return [], f"It took longer than {STATEMENT_SECONDS} s to look.", True
    except TRANSIENT:
        raise
    except psycopg.Error as error:
        return [], f"PostgreSQL refused to look: {reason_line_of(error)}.", True
    except Exception as error:
        log.exception("The rule %s cannot be evaluated.", rule.name)
        return [], f"The program failed to look ({type(error).__name__}: {error}). Please report it.", True


@dataclass(frozen=True)
class _Step:
    observation: Observation
    before: Track
    after: Track
    changes: tuple[Change, ...]

    @property
    def is_change(self) -> bool:
        return self.before != self.after


def _steps(
    rule: Rule,
    found: list[Observation],
    error: str | None,
    stored: Mapping[str, Stored],
    moment: datetime,
    *,
    is_failure: bool,
) -> Iterable[_Step]:
    whole = key_of({})
    if error is not None:
        # The rule itself is unknown, and every subject stays as it is.
        before = stored[whole].track if whole in stored else quiet(moment)
        timing = replace(rule.timing, unknown=WhenUnknown.ALERT) if is_failure else rule.timing
        after, changes = step(before, None, moment, timing)
        yield _Step(Observation({}, None, Words(error)), before, after, changes)
        others = (each for key, each in stored.items() if key != whole)
        yield from (_Step(Observation(each.labels, None, Words("")), each.track, each.track, ()) for each in others)
        return
    seen = set()
    for observation in found:
        key = key_of(observation.labels)
        seen.add(key)
        before = stored[key].track if key in stored else quiet(moment)
        fires = before.state in (State.FIRING, State.RECOVERING)
        holds = None if observation.value is None else rule.condition.holds(observation.value, fires=fires)
        after, changes = step(before, holds, moment, rule.timing)
        if before.is_quiet and after.is_quiet:
            after = before
        yield _Step(observation, before, after, changes)
    is_all = len(found) < MOST_SUBJECTS  # else the others may just not have been looked at
    for key, each in stored.items():
        if key not in seen and is_all:
            after, changes = gone(each.track, moment)
            yield _Step(Observation(each.labels, None, Words(_gone_words(each))), each.track, after, changes)


def _gone_words(subject: Stored) -> str:
    return Sentence("It can be evaluated again" if subject.track.unknown_since else "It is not there any more")


def _waits(track: Track) -> bool:
    return track.state in (State.PENDING, State.RECOVERING) or (
        track.unknown_since is not None and not track.unknown_fires
    )


def _is_held(connection: Connection, rule: Rule) -> bool:
    row = connection.execute(
        "SELECT EXISTS (SELECT FROM alert.incidents WHERE rule = %s AND settled_at IS NULL AND announced_at IS NULL)",
        (rule.name,),
    ).fetchone()
    return row == (True,)
