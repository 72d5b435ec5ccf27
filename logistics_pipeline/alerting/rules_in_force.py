"""The rules in force: those that the database has, and how it follows what is built in and what people write in files.

Rules that are made through the API are written to the database by the API itself.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from psycopg.types.json import Jsonb

from logistics_core.alert_rules.reading import rule_of_document
from logistics_core.alert_rules.rules import Rule
from logistics_core.catalogue.contract_files import SUFFIX
from logistics_core.catalogue.contract_shapes import ShapeFault
from logistics_core.languages.sentences import Sentence
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

    A rule that cannot be used keeps its version before. What is open of a rule that is gone or disabled is closed. A
    rule that was made through the API stays as it is: a file of its name is not used, which is a problem of the rule.

    Raises:
        DefinitionError: the folder cannot be read.
    """
    written = read_rules(folder)
    said = []
    with connection.transaction():
        connection.execute("LOCK TABLE alert.rules IN SHARE ROW EXCLUSIVE MODE")
        known = {
            row[0]: _Known(*row[1:])
            for row in connection.execute(
                "SELECT name, definition, origin, enabled, problem, removed_at IS NOT NULL, changed_by FROM alert.rules"
            ).fetchall()
        }
        made = {name for name, each in known.items() if each.origin == "api" and not each.is_removed}
        for name, text in written.items():
            if name not in made:
                said += _take(connection, text, known.get(name))
        for name in made:
            said += _leave(connection, name, known[name], written.get(name))
        for name in known.keys() - written.keys() - made:
            if not known[name].is_removed:
                connection.execute("UPDATE alert.rules SET removed_at = clock_timestamp() WHERE name = %s", (name,))
                said.append(f"The rule {name} was removed.")
        close_what_is_over(connection)
        if said:
            connection.execute("SELECT pg_notify('alerts', '')")
    return said


@dataclass(frozen=True)
class _Known:
    """A rule as the database has it."""

    definition: Any
    origin: str
    enabled: bool
    problem: str | None
    is_removed: bool
    changed_by: str | None


def _take(connection: Connection, text: RuleText, known: _Known | None) -> list[str]:
    is_same = (
        known is not None
        and not known.is_removed
        and known.problem == text.problem
        and (
            text.document is None
            or (known.definition, known.origin, known.enabled) == (text.document, text.origin, text.enabled)
        )
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
        return [f"The rule {text.name} is disabled."]
    is_news = known is None or known.is_removed or known.definition != text.document or not known.enabled
    return [f"The rule {text.name} is in force."] if is_news else []


def _leave(connection: Connection, name: str, known: _Known, text: RuleText | None) -> list[str]:
    """A rule that was made through the API: says so if there is a file of its name as well."""
    problem = None
    if text is not None and text.origin == "file":
        problem = (
            f"The file {name}{SUFFIX} is not used: {known.changed_by} made a rule of this name through the API. "
            "Rename the file, or delete that rule."
        )
    if problem == known.problem:
        return []
    connection.execute("UPDATE alert.rules SET problem = %s WHERE name = %s", (problem, name))
    return [] if problem is None else [problem]


def close_what_is_over(connection: Connection) -> None:
    """Ends what is open of rules that were removed or disabled, and forgets what they have found."""
    rows = connection.execute(read_sql("alerting/rules_not_in_force").encode()).fetchall()
    for name, is_removed in rows:
        with connection.transaction():
            close_all(connection, name, Sentence("The rule was removed" if is_removed else "The rule was disabled"))


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
