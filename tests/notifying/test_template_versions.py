"""Versions of templates: every one that was declared, the way back, and what messages were made with."""

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner

from logistics_pipeline.cli import app
from logistics_pipeline.cli.user import user_name
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.notifying import ledger
from logistics_pipeline.notifying.declaring.syncing import sync_endpoints
from logistics_pipeline.notifying.delivery import Delivery
from logistics_pipeline.notifying.publishing import publish
from tests.notifying.events import event
from tests.notifying.sink import Sink

FIRST, SECOND = "{{ event.title | upcase }}", "Look: {{ event.title }}"


@pytest.fixture
def declare(connection: Connection, sink: Sink, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Declares the endpoint `desk`, a chat, with templates and other keys."""
    monkeypatch.setenv("DESK_URL", sink.url + "/desk")

    def declared(**keys: object) -> None:
        lines = [f"    {name}: {json.dumps(value)}" for name, value in keys.items()]
        desk = ["  desk:", "    channel: slack", "    url: env:DESK_URL", "    private: true", *lines]
        path = tmp_path / "notifications.yaml"
        path.write_text("\n".join(["endpoints:", *desk, ""]))
        sync_endpoints(connection, path)

    return declared


def versions(connection: Connection) -> list[tuple[Any, ...]]:
    """Number, title, what it was restored from, whether it is in force, and declared; the newest first."""
    return [
        (each["version"], each["title_template"], each["restored_from"], each["is_in_force"], each["is_declared"])
        for each in ledger.list_template_versions(connection, "desk")
    ]


def title_in_force(connection: Connection) -> str | None:
    row = connection.execute("SELECT configuration ->> 'titleTemplate' FROM notify.endpoints").fetchone()
    assert row is not None
    found: str | None = row[0]
    return found


def test_every_change_of_the_declaration_is_a_version(connection: Connection, declare: Any) -> None:
    declare()
    assert versions(connection) == []
    declare(titleTemplate=FIRST)
    declare(titleTemplate=FIRST, title="Desk")  # its templates are the same
    assert versions(connection) == [(1, FIRST, None, True, True)]
    declare(titleTemplate=FIRST, textTemplate="{{ event.text }}")
    declare(title="Desk")
    assert versions(connection) == [
        (3, None, None, True, True), (2, FIRST, None, False, False), (1, FIRST, None, False, False),
    ]  # fmt: skip
    assert title_in_force(connection) is None


def test_going_back_is_a_new_version_until_the_declaration_changes(connection: Connection, declare: Any) -> None:
    declare(titleTemplate=FIRST)
    declare(titleTemplate=SECOND)
    assert ledger.restore_templates(connection, "desk", 1, "ada") == 3
    assert title_in_force(connection) == FIRST
    declare(titleTemplate=SECOND, title="Desk")  # something else has changed
    assert title_in_force(connection) == FIRST
    assert versions(connection) == [
        (3, FIRST, 1, True, False), (2, SECOND, None, False, True), (1, FIRST, None, False, False),
    ]  # fmt: skip
    assert ledger.restore_templates(connection, "desk", 1, "ada") == 3  # it has them already
    declare(titleTemplate=FIRST)  # the file follows
    assert versions(connection)[0] == (4, FIRST, None, True, True)
    declare()
    assert title_in_force(connection) is None
    assert ledger.restore_templates(connection, "desk", 4, "ada") == 6
    assert title_in_force(connection) == FIRST
    assert ledger.restore_templates(connection, "desk", 9, "ada") is None
    assert ledger.restore_templates(connection, "nobody", 1, "ada") is None
    rows = connection.execute(
        "SELECT object, before ->> 'title_template', after ->> 'title_template' FROM access.audit "
        "WHERE object_kind = 'endpoint_templates' ORDER BY entry_id"
    ).fetchall()
    assert rows == [("desk/3", SECOND, FIRST), ("desk/6", None, FIRST)]


def test_an_endpoint_that_comes_back_keeps_its_versions(connection: Connection, declare: Any, tmp_path: Path) -> None:
    declare(titleTemplate=FIRST)
    empty = tmp_path / "empty.yaml"
    empty.write_text("endpoints: {}\n")
    sync_endpoints(connection, empty)
    assert versions(connection) == [] and ledger.restore_templates(connection, "desk", 1, "ada") is None
    declare(titleTemplate=SECOND)
    assert [each[:2] for each in versions(connection)] == [(2, SECOND), (1, FIRST)]


def test_attempts_say_which_version_they_were_made_with(
    connection: Connection, declare: Any, delivery: Delivery, sink: Sink
) -> None:
    declare()
    publish(connection, event())
    delivery.run_due()
    for template in (FIRST, SECOND):
        declare(titleTemplate=template)
        publish(connection, event())
        delivery.run_due()
    ledger.restore_templates(connection, "desk", 1, "ada")
    publish(connection, event())
    delivery.run_due()
    rows = connection.execute("SELECT template_version FROM notify.attempts ORDER BY message_id").fetchall()
    assert [version for (version,) in rows] == [None, 1, 2, 3]
    sent = [json.dumps(each.document) for each in sink.received]
    assert ["REJECTS OF" in text for text in sent] == [False, True, False, True]
    assert "Look: Rejects" in sent[2]
    assert [each["messages"] for each in ledger.list_template_versions(connection, "desk")] == [1, 1, 1]


def test_versions_are_neither_invented_nor_empty(connection: Connection, declare: Any) -> None:
    declare(titleTemplate=FIRST)
    for change in ("restored_from = 1, restored_by = 'ada'", "title_template = ''", "restored_by = 'ada'"):
        with pytest.raises(psycopg.errors.CheckViolation):
            connection.execute(f"UPDATE notify.template_versions SET {change}".encode())


def test_the_commands_show_versions_and_go_back(
    connection: Connection, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sink: Sink
) -> None:
    monkeypatch.setenv("LOGISTICS_DATABASE_URL", database_url)
    monkeypatch.setenv("LOGISTICS_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("DESK_URL", sink.url)

    def declare(title: str | None) -> None:
        template = "" if title is None else f", titleTemplate: {json.dumps(title)}"
        text = f"endpoints: {{desk: {{channel: slack, url: 'env:DESK_URL', private: true{template}}}}}\n"
        (tmp_path / "notifications.yaml").write_text(text)

    def run(*words: str) -> tuple[int, str]:
        result = CliRunner().invoke(app, ["notifications", *words])
        return result.exit_code, f"{result.output}{result.exception or ''}"

    declare(None)
    assert "never had any" in run("templates", "desk")[1]
    publish(connection, event(title="Old news"))
    declare(FIRST)
    assert run("templates", "desk")[0] == 0
    declare(SECOND)
    publish(connection, event(title="News"))
    listed = run("templates", "desk")[1]
    assert "in force, declared" in listed and listed.count("Declared in notifications.yaml") == 2
    shown = run("templates", "desk", "--version", "1")[1]
    assert f"titleTemplate: {json.dumps(FIRST)}" in shown and f"titleTemplate: {json.dumps(SECOND)}" in shown
    assert "Version 2, which is in force" in shown
    assert "Look: News" in run("preview", "desk")[1] and "NEWS" in run("preview", "desk", "--version", "1")[1]
    (message,) = [each for each in ledger.list_messages(connection) if each.title == "Old news"]
    assert "Look: Old news" in run("preview", "desk", "--message", str(message.message_id))[1]
    assert run("templates", "desk", "--diff", "1", "2")[1].splitlines() == [
        "--- version 1", "+++ version 2", "@@ -1,2 +1,2 @@", " titleTemplate:", f"-  {FIRST}", f"+  {SECOND}",
    ]  # fmt: skip
    assert json.loads(run("templates", "desk", "--diff", "2", "1", "--json")[1])["lines"][-1] == f"+  {FIRST}"
    status, said = run("restore", "desk", "1")
    assert status == 0 and "as version 3" in said
    assert "already" in run("restore", "desk", "1")[1]
    assert f"Restored by {user_name()} from version 1" in run("templates", "desk")[1]
    found = [json.loads(line) for line in run("templates", "desk", "--json")[1].splitlines()]
    assert [(each["version"], each["restored_from"]) for each in found] == [(3, 1), (2, None), (1, None)]
    assert "NEWS" in run("preview", "desk")[1]
    assert "version 1 and version 3 are the same" in run("templates", "desk", "--diff", "1", "3")[1]
    for words in (
        "restore desk 9", "preview desk --version 9", "templates desk --version 9", "templates desk --diff 1 9",
    ):  # fmt: skip
        status, said = run(*words.split())
        assert status != 0 and "There are: 1, 2, 3." in said
    assert "no message 99" in run("preview", "desk", "--message", "99")[1]
