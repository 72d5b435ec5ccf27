"""Rules under test: evaluated in a database, with what they announce; and what they are about, as others store it."""

from typing import Any

from psycopg.types.json import Jsonb

from logistics_core.alert_rules.reading import rule_of_document
from logistics_core.alert_rules.rules import Rule
from logistics_core.catalogue import built_in_catalogue
from logistics_pipeline.alerting.announcing import Announcement
from logistics_pipeline.alerting.evaluating import Evaluation, evaluate
from logistics_pipeline.database.connections import Connection

CATALOGUE = built_in_catalogue()


class Alerts:
    """Rules of a database, and what was announced."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.announced: list[Announcement] = []
        self.catalogue = CATALOGUE

    def publish(self, connection: Connection, announcement: Announcement) -> None:
        self.announced.append(announcement)

    def rule(self, name: str = "rule", **document: Any) -> Rule:
        """A rule that is in force."""
        document = {"title": "Something is wrong", **document}
        self.connection.execute(
            "INSERT INTO alert.rules (name, definition, origin) VALUES (%s, '{}', 'file') ON CONFLICT DO NOTHING",
            (name,),
        )
        return rule_of_document(document, name)

    def evaluate(self, rule: Rule) -> Evaluation:
        return evaluate(self.connection, self.catalogue, rule, self.publish)

    def topics(self) -> list[str]:
        found = [each.topic for each in self.announced]
        self.announced.clear()
        return found

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(statement.encode()).fetchall()

    def timeline(self) -> list[str]:
        return [row[0] for row in self.query("SELECT kind FROM alert.events ORDER BY incident_id, number")]


def put_in_production(connection: Connection, model: str, *, days_ago: float = 0, **figures: float) -> None:
    """A version of a model with a back-test, as training would have stored it."""
    connection.execute(
        "INSERT INTO models.artefacts (sha256, format, content) VALUES "
        "(encode(sha256('a'), 'hex'), 'logistics-json', 'a')"
    )
    connection.execute(
        "INSERT INTO models.versions (model, version, method, format, sha256, input_schema, outputs, card, "
        "declaration, code_version, data_version, trained_on, author, seconds, memory_bytes) "
        "VALUES (%s, 1, 'm', 'logistics-json', encode(sha256('a'), 'hex'), "
        "'{}', %s, '{}', '', '', 1, 10, 'Ada', 1, 1)",
        (model, Jsonb({"probabilities": [0.05, 0.1, 0.5, 0.9, 0.95]})),
    )
    connection.execute(
        "INSERT INTO models.backtests (model, version, data_version, records, windows, overall, verdict, reason, "
        "tested_at) VALUES (%s, 1, 1, 10, '[{}]', %s, 'first', 'the first', now() - %s * interval '1 day')",
        (model, Jsonb(figures), days_ago),
    )
    for before, after in (("registered", "staging"), ("staging", "production")):
        connection.execute(
            "INSERT INTO models.transitions (model, version, from_state, to_state, author, reason, backtest_id, "
            "changed_at) "
            "SELECT %s, 1, %s, %s, 'Ada', 'a test', backtest_id, now() - %s * interval '1 day' FROM models.backtests",
            (model, before, after, days_ago),
        )
