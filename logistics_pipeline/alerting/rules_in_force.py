"""The rules in force: those that the database has, and how it follows what is built in and what people write."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from psycopg.types.json import Jsonb

from logistics_core.alert_rules.reading import rule_of_document
from logistics_core.alert_rules.rules import Rule
from logistics_core.catalogue.contract_shapes import ShapeFault
from logistics_core.sql_files import read_sql
from logistics_pipeline.alerting.incidents import close_all
from logistics_pipeline.alerting.rule_files import RuleText, read_rules
from logistics_pipeline.database.connections import Connection


@dataclass(frozen=True)
class RulesInForce:
    """The rules that are evaluated, and what is wrong with others."""

    rules: dict[str, Rule] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    """By name: an earlier version of a rule may be in force all the same."""


def sync_rules(connection: Connection, folder: Path) -> list[str]:
    """Takes the built-in rules and those of a folder into the database; says what has changed, a sentence each.

    A rule that cannot be used keeps its version before. What is open of a rule that is gone or disabled is closed.

    Raises:
        DefinitionError: the folder cannot be read.
    """
    written = read_rules(folder)
    said = []
    with connection.transaction():
        connection.execute("LOCK TABLE alert.rules IN SHARE ROW EXCLUSIVE MODE")
        known = {
            row[0]: row[1:]
            for row in connection.execute(
                "SELECT name, definition, origin, enabled, problem, removed_at FROM alert.rules"
            ).fetchall()
        }
        for name, text in written.items():
            said += _take(connection, text, known.get(name))
        for name in known.keys() - written.keys():
            if known[name][4] is None:
                connection.execute("UPDATE alert.rules SET removed_at = clock_timestamp() WHERE name = %s", (name,))
                close_all(connection, name, "The rule was removed")
                said.append(f"The rule {name} was removed.")
        if said:
            connection.execute("SELECT pg_notify('alerts', '')")
    return said


def _take(connection: Connection, text: RuleText, known: tuple[Any, ...] | None) -> list[str]:
    definition, origin, enabled, problem, removed_at = known or (None, None, None, None, None)
    is_same = (
        known is not None
        and removed_at is None
        and problem == text.problem
        and (text.document is None or (definition, origin, enabled) == (text.document, text.origin, text.enabled))
    )
    if is_same:
        return []
    connection.execute(
        read_sql("alerting/store_rule").encode(),
        {
            "name": text.name,
            "definition": None if text.document is None else Jsonb(dict(text.document)),
            "origin": text.origin,
            "enabled": text.enabled,
            "problem": text.problem,
        },
    )
    if text.problem is not None:
        return [f"The rule {text.name} cannot be used: {text.problem}"]
    if not text.enabled:
        close_all(connection, text.name, "The rule was disabled")
        return [f"The rule {text.name} is disabled."]
    return (
        [f"The rule {text.name} is in force."] if origin is None or definition != text.document or not enabled else []
    )


def rules_in_force(connection: Connection) -> RulesInForce:
    """The rules that are to be evaluated. One that this program cannot use keeps no other from its work."""
    rules, problems = {}, {}
    for name, definition, version, problem in connection.execute(
        "SELECT name, definition, version, problem FROM alert.rules "
        'WHERE removed_at IS NULL AND enabled ORDER BY name COLLATE "C"'
    ).fetchall():
        if problem is not None:
            problems[name] = problem
        if definition is not None:
            try:
                rules[name] = replace(rule_of_document(definition, name), version=version)
            except ShapeFault as error:
                problems[name] = f"The stored rule {name} cannot be used by this version of the program: {error}"
    return RulesInForce(rules, problems)
