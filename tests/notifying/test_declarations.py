"""`notifications.yaml`: what it declares, what is wrong with it in plain words, and how the database follows it."""

import os
import re
from datetime import time
from functools import partial
from logging import getLogger
from pathlib import Path
from textwrap import dedent

import psycopg
import pytest

from logistics_core.database_contract.notifications import EndpointChannel, Severity
from logistics_pipeline.database.connections import Connection, connect
from logistics_pipeline.files.declared_files import FollowedFile
from logistics_pipeline.files.definition_files import DefinitionError
from logistics_pipeline.notifying.declaring.reading import json_schema, parse_endpoints, read_endpoints
from logistics_pipeline.notifying.declaring.syncing import sync_endpoints
from logistics_pipeline.notifying.publishing import publish
from tests.checkout import PROJECT_ROOT
from tests.notifying.events import event, states

FILE = """
dashboard: https://logistics.example.org/
mail:
  server: smtp.example.org
  username: logistics
  password: env:SMTP_PASSWORD
  from: Logistics <alerts@example.org>
endpoints:
  fleet-desk:
    channel: email
    to: [desk@example.org, night@example.org]
    timeZone: Europe/Berlin
    quietHours: 22:00-06:30
    digest: 15m
    subscriptions:
      - topics: [alert.*, report]
        severity: warning
        labels: {dataset: shipments}
  erp:
    channel: webhook
    url: https://erp.example.org/hooks/logistics
    secrets: [env:HOOK_SECRET]
  chat:
    channel: slack
    url: env:SLACK_URL
  inbox:
    channel: inbox
"""


def test_a_file_declares_endpoints_and_what_they_get() -> None:
    found = {each.name: each for each in parse_endpoints(FILE, "notifications.yaml")}
    desk = found["fleet-desk"]
    assert desk.recipients == ("desk@example.org", "night@example.org") and desk.per_hour == 20
    assert desk.quiet is not None and desk.quiet.until == time(6, 30)
    assert [(each.topic, each.severity) for each in desk.subscriptions] == [
        ("alert.*", Severity.WARNING),
        ("report", Severity.WARNING),
    ]
    assert desk.configuration["mail"]["password"] == "env:SMTP_PASSWORD"
    assert desk.configuration["dashboard"] == "https://logistics.example.org"
    assert found["erp"].channel is EndpointChannel.WEBHOOK and found["erp"].per_hour is None


FAULTS = [
    ("endpoints: {a: {channel: email, to: [x@example.org]}}", "needs the server of the key `mail`"),
    ("endpoints: {a: {channel: webhok, url: x}}", "Did you mean webhook?"),
    ("endpoints: {a: {channel: webhook}}", "lacks the key `url`"),
    ("endpoints: {a: {channel: webhook, url: http://example.org}}", "has to begin with https://"),
    ("endpoints: {a: {channel: webhook, url: https://u:p@example.org}}", "holds a password"),
    ("endpoints: {a: {channel: webhook, url: https://x.org, secrets: [whsec_abc]}}", "Expected: env:NAME or file:PATH"),
    ("endpoints: {a: {channel: webhook, url: https://x.org, headers: {Authorization: abc}}}", "env:NAME or file:PATH"),
    ("endpoints: {a: {channel: webhook, url: https://x.org, headers: {webhook-id: abc}}}", "sets itself"),
    ("endpoints: {a: {channel: slack, url: https://hooks.slack.com/services/T/B/x}}", "env:NAME or file:PATH"),
    ("endpoints: {a: {channel: inbox, to: [x@example.org]}}", "is no key of the channel inbox"),
    ("endpoints: {a: {channel: inbox, timeZone: Europe/Berln}}", "Did you mean Europe/Berlin?"),
    ("endpoints: {a: {channel: inbox, quietHours: 22-6}}", "two times such as 22:00-06:30"),
    ("endpoints: {a: {channel: inbox, quietHours: 22:00-22:00}}", "two different times"),
    ("endpoints: {a: {channel: inbox, digest: hourly}}", "one of 15m, daily, weekly"),
    ("endpoints: {a: {channel: inbox, digestAt: 12:00}}", "Put it in quotes"),
    ("endpoints: {a: {channel: inbox, perHour: 0}}", "a number above 0, or unlimited"),
    (f"endpoints: {{a: {{channel: inbox, perHour: {10**20}}}}}", "at most 1,000,000, or unlimited"),
    ("endpoints: {a: {channel: inbox, subscriptions: [{topics: [Alert]}]}}", "a topic such as alert.firing"),
    ("endpoints: {a: {channel: inbox, subscriptions: [{severity: high}]}}", "one of info, warning, critical"),
    ("endpoints: {A B: {channel: inbox}}", "is no name of an endpoint"),
    (
        "endpoints: {a: {channel: inbox, textTemplate: '{% for %}'}}",
        "textTemplate cannot be used. The template is no Liquid",
    ),
    ("endpoints: {a: {channel: inbox, titleTemplate: '{{ x | replace: 1, 2 }}'}}", "uses replace"),
    ("mail: {server: s, from: nobody}", "no address of mail"),
    ("mail: {server: s, from: '@b'}", "mail.from is '@b', no address of mail"),
    ("mail: {server: s, from: 'a@b.org, c@d.org'}", "mail.from is 'a@b.org, c@d.org', no address of mail"),
    ("mail: {server: s, from: a@b.org, security: none}", "add `private: true`"),
    ("mail: {server: s, from: a@b.org, password: hunter2}", "env:NAME or file:PATH"),
    ("mail: {server: s, from: a@b.org, port: 0}", "mail.port is 0. Expected: 1 to 65535"),
    (f"mail: {{server: s, from: a@b.org, port: {10**20}}}", "Expected: 1 to 65535"),
    ('mail: {server: "a\\0", from: a@b.org}', "mail.server holds the character NUL"),
    ('endpoints: {a: {channel: inbox, title: "b\\0"}}', "endpoints.a.title holds the character NUL"),
    ('endpoints: {a: {channel: inbox, subscriptions: [{labels: {a: "b\\0"}}]}}', "labels.a holds the character NUL"),
    ("dashboard: logistics", "no address of a dashboard"),
    ("- a", "Expected: the key `endpoints`"),
    ("endpoints: [", "is not YAML"),
]


@pytest.mark.parametrize(("text", "message"), FAULTS)
def test_what_is_wrong_is_said_with_its_place(text: str, message: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        parse_endpoints(text, "notifications.yaml")
    said = str(caught.value)
    assert message in said and said.startswith("notifications.yaml")
    assert "hunter2" not in said and "whsec_abc" not in said and "services/T" not in said


def test_the_database_follows_the_file(connection: Connection, tmp_path: Path) -> None:
    path = tmp_path / "notifications.yaml"
    assert sync_endpoints(connection, path) == []
    path.write_text(FILE)
    assert len(sync_endpoints(connection, path)) == 4 and sync_endpoints(connection, path) == []
    publish(connection, event())
    path.write_text(FILE.replace("  inbox:\n    channel: inbox\n", "").replace("digest: 15m", "digest: daily"))
    assert sync_endpoints(connection, path) == [
        "The endpoint fleet-desk was changed.",
        "The endpoint inbox was removed.",
    ]
    path.write_text(path.read_text() + "oops: 1")
    with pytest.raises(DefinitionError, match="oops"):
        sync_endpoints(connection, path)
    assert sync_rows(connection) == ["chat", "erp", "fleet-desk"]
    path.unlink()
    assert len(sync_endpoints(connection, path)) == 3
    assert "waiting" not in states(connection) and "held" not in states(connection)


def sync_rows(connection: Connection) -> list[str]:
    rows = connection.execute("SELECT name FROM notify.endpoints WHERE removed_at IS NULL ORDER BY name").fetchall()
    return [name for (name,) in rows]


def test_the_schema_describes_every_key() -> None:
    schema = json_schema()
    described = [key for shape in schema["$defs"].values() for key in shape.get("properties", {}).values()]
    assert described and all("description" in key for key in described)


def test_the_examples_of_the_documentation_can_be_used() -> None:
    page = (PROJECT_ROOT / "docs" / "notifications.md").read_text()
    examples = [dedent(each) for each in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)]
    assert [len(parse_endpoints(each, "notifications.md")) for each in examples] == [1, 3, 0, 1, 0]


def test_a_declaration_that_is_no_text_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notifications.yaml"
    os.mkfifo(path)  # reading it would never end
    with pytest.raises(DefinitionError, match="is not a file"):
        read_endpoints(path)
    path.unlink()
    path.write_bytes(b"endpoints: {}\n# \xff")
    with pytest.raises(DefinitionError, match="byte 16 is not UTF-8"):
        read_endpoints(path)
    path.write_bytes(b"#" * (1 << 20) + b"\n")
    with pytest.raises(DefinitionError, match="at most 1,048,576 bytes"):
        read_endpoints(path)


def test_a_declaration_that_the_database_lost_on_the_way_is_read_again(
    connection: Connection, database_url: str, tmp_path: Path
) -> None:
    path = tmp_path / "notifications.yaml"
    path.write_text("endpoints:\n  desk:\n    channel: inbox\n")
    followed = FollowedFile(path, getLogger("logistics.worker"))
    lost = connect(database_url)
    lost.close()
    with pytest.raises(psycopg.OperationalError):
        followed.follow(partial(sync_endpoints, lost, path))
    followed.follow(partial(sync_endpoints, connection, path))
    assert connection.execute("SELECT name FROM notify.endpoints").fetchall() == [("desk",)]
