"""The duty of alerts: follows the rules, evaluates what is due, and says when the next one is."""

import logging
from collections.abc import Collection
from pathlib import Path
from time import monotonic

import psycopg

from logistics_core.alert_rules.rules import Rule
from logistics_core.catalogue import Catalogue
from logistics_core.database_contract.channels import Channel
from logistics_pipeline.alerting.announcing import Publish, announce_left_over
from logistics_pipeline.alerting.charting import draw_charts
from logistics_pipeline.alerting.evaluating import Evaluation, evaluate
from logistics_pipeline.alerting.rules_in_force import RulesInForce, close_what_is_over, rules_in_force, sync_rules
from logistics_pipeline.database.connections import Connection, reason_line_of
from logistics_pipeline.database.contracts import catalogue_in_force
from logistics_pipeline.files.definition_files import DefinitionError, folder_state
from logistics_pipeline.worker.schedule import Schedule

log = logging.getLogger("logistics.worker")

FOLDER_SECONDS = 2.0
"""How often the folder of rules is looked at."""


class AlertDuty:
    """Evaluates rules as long as its connection lives. Whoever runs it holds the lock of the duty."""

    def __init__(self, connection: Connection, folder: Path, publish: Publish) -> None:
        self._connection = connection
        self._folder = folder
        self._publish = publish
        self._schedule = Schedule()
        self._in_force = RulesInForce()
        self._catalogue: Catalogue = catalogue_in_force(connection)
        self._folder_state: object = None
        self._folder_problem: str | None = None
        self._looked_at = float("-inf")
        self._said: set[str] = set()
        self._draws = True  # a worker that was killed may have left incidents without their charts
        self._failed: dict[str, str] = {}
        """By rule: why its last evaluation could not be stored."""

    @property
    def problems(self) -> list[str]:
        """What is wrong with rules, a sentence each."""
        return sorted([*self._in_force.problems.values(), *self._failed.values()])

    def notice(self, channels: Collection[Channel]) -> None:
        """Takes note of what was committed."""
        if Channel.CONTRACTS in channels:
            self._catalogue = catalogue_in_force(self._connection)
        if Channel.ALERTS in channels:
            self._follow()
        self._schedule.notice(self._in_force.rules, channels, monotonic())

    def turn(self) -> list[Evaluation]:
        """Evaluates what is due. Raises psycopg.Error if the database goes away."""
        self._look_at_folder()
        done = []
        for name in self._schedule.due_rules(monotonic()):
            found = self._evaluate(self._in_force.rules[name])
            if found is not None:
                done.append(found)
        if self._draws or any(found.changes for found in done):
            draw_charts(self._connection, self._catalogue, self._in_force.rules)
            self._draws = False
        return done

    def _evaluate(self, rule: Rule) -> Evaluation | None:
        """Evaluates a rule; None if PostgreSQL refuses to store what it found, which keeps no other from its work."""
        try:
            found = evaluate(self._connection, self._catalogue, rule, self._publish)
        except psycopg.Error as error:
            if self._connection.broken:
                raise
            self._schedule.failed(rule, monotonic())
            self._failed[rule.name] = f"What the rule {rule.name} found cannot be stored: {reason_line_of(error)}."
            log.error(self._failed[rule.name])
            return None
        self._failed.pop(rule.name, None)
        self._schedule.evaluated(rule, monotonic(), waits=found.waits)
        self._say(found)
        return found

    def seconds_until_next(self) -> float:
        """How long there is nothing to do, if nothing is committed."""
        return self._schedule.seconds_until_next(monotonic(), FOLDER_SECONDS)

    def _look_at_folder(self) -> None:
        now = monotonic()
        if now - self._looked_at < FOLDER_SECONDS:
            return
        self._looked_at = now
        state = folder_state(self._folder)
        if state == self._folder_state:
            self._folder_problem = None
            return
        try:
            for sentence in sync_rules(self._connection, self._folder):
                log.info(sentence)
        except DefinitionError as error:
            if str(error) != self._folder_problem:  # once: it is looked at every few seconds
                log.error(str(error))
            self._folder_problem = str(error)
            return
        self._folder_state, self._folder_problem = state, None
        self._follow()

    def _follow(self) -> None:
        before, self._in_force = self._in_force, rules_in_force(self._connection)
        close_what_is_over(self._connection)
        self._failed = {name: said for name, said in self._failed.items() if name in self._in_force.rules}
        changed = [name for name, rule in self._in_force.rules.items() if rule != before.rules.get(name)]
        self._schedule.follow(self._in_force.rules, monotonic(), changed=changed)
        if announced := announce_left_over(self._connection, self._in_force.rules, self._publish):
            log.info("Rules that are not in force any more: %d announced.", announced)

    def _say(self, found: Evaluation) -> None:
        """Says once why a rule cannot be evaluated, and what was announced."""
        if found.error is None:
            self._said.discard(found.rule)
        elif found.rule not in self._said:
            self._said.add(found.rule)
            log.warning("The rule %s cannot be evaluated: %s", found.rule, found.error)
        if found.announcements:
            log.info("The rule %s: %d announced.", found.rule, found.announcements)
