"""The audit log: every change through the API is an entry with its actor, and none can be changed or forgotten."""

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest
from psycopg.types.json import Json

from logistics_core.database_contract.actors import ACT_AS, SETTING, Actor, ActorKind
from logistics_core.database_contract.audit import ObjectKind
from logistics_core.database_contract.roles import OPERATOR, READER
from logistics_core.sql_files import SQL_DIR
from logistics_pipeline.database.api_keys import create_key
from logistics_pipeline.database.connections import Connection, connect
from tests.api.world import BOARD_ID, load_world
from tests.contract_texts import FUEL

BOARD = {"title": "Fleet", "description": "", "panels": []}
RULE = {"title": "Figures are old", "watch": {"kind": "figures_behind"}}
REMOTE = {"api_anonymous": "none", "api_published_at": "0.0.0.0"}


def entries(url: str, **filters: str) -> list[dict[str, Any]]:
    """The entries of the log, the oldest first."""
    with psycopg.connect(url, row_factory=psycopg.rows.dict_row) as connection:
        found = connection.execute("SELECT * FROM access.audit ORDER BY entry_id").fetchall()
    return [each for each in found if all(each[name] == value for name, value in filters.items())]


# -- every operation -------------------------------------------------------------------------------------------------

CHANGES_NOTHING = {
    "open_session": "The cookie holds the key; nothing is stored.",
    "close_session": "With a key, the browser forgets its cookie. Of people: `test_people_sessions`.",
    "request_trial": "A question about the past.",
    "request_report_preview": "A page for whoever asks; nothing is sent.",
    "request_template_preview": "A text for whoever asks; nothing is sent.",
    "infer": "Predicts at once; nothing is stored.",
    "infer_by_version": "Predicts at once; nothing is stored.",
}
"""Operations that are not GET and have no entry, with the reason."""
OF_PEOPLE = {
    "add_push_subscription", "change_my_notifications", "mark_my_messages", "remove_push_subscription",
    "send_test_message", "subscribe_again",
}  # fmt: skip
"""Operations that need somebody who has signed in: `test_my_notifications` expects their entries."""

TOMORROW = (datetime.now(UTC) + timedelta(days=1)).isoformat()
PROPOSALS = [f"00000000-0000-4000-8000-00000000000{number}" for number in range(5)]
LAKE = """\
kind: files
url: s3://lake/incoming
options: {endpoint: "http://127.0.0.1:9", region: us-east-1}
credentials: {accessKeyId: "env:LAKE_KEY", secretAccessKey: "env:LAKE_SECRET"}
"""
OPERATIONS: dict[str, tuple[str, str, dict[str, Any], tuple[str, str]]] = {
    "propose_contract": (
        "POST", "/api/contracts/proposals", {"json": {"path": "tolls.csv"}}, ("contract_request", "propose"),
    ),
    "answer_proposal": (
        "POST", f"/api/contracts/proposals/{PROPOSALS[0]}/answers", {"json": {"answers": {"a": "b"}}},
        ("contract_request", "answer"),
    ),
    "edit_proposal": (
        "PUT", f"/api/contracts/proposals/{PROPOSALS[1]}/contract",
        {"content": FUEL, "headers": {"Content-Type": "application/yaml"}}, ("contract_request", "edit"),
    ),
    "accept_proposal": (
        "POST", f"/api/contracts/proposals/{PROPOSALS[2]}/accept", {}, ("contract_request", "accept"),
    ),
    "dismiss_proposal": (
        "POST", f"/api/contracts/proposals/{PROPOSALS[3]}/dismiss", {}, ("contract_request", "dismiss"),
    ),
    "try_proposal": (
        "POST", f"/api/contracts/proposals/{PROPOSALS[4]}/dry-run", {}, ("contract_request", "dry_run"),
    ),
    "retire_dataset": ("POST", "/api/contracts/fuel_cards/retire", {}, ("contract_request", "retire")),
    "acknowledge_incident": (
        "POST", "/api/alerts/incidents/1/acknowledge", {"json": {"text": "mine"}}, ("incident", "acknowledged"),
    ),
    "assign_incident": ("POST", "/api/alerts/incidents/1/assign", {"json": {"to": "Ada"}}, ("incident", "assigned")),
    "comment_on_incident": (
        "POST", "/api/alerts/incidents/1/comment", {"json": {"text": "hm"}}, ("incident", "commented"),
    ),
    "add_silence": (
        "POST", "/api/alerts/silences", {"json": {"rule": "file_failed", "reason": "moving", "ends_at": TOMORROW}},
        ("silence", "added"),
    ),
    "end_silence": ("DELETE", "/api/alerts/silences/1", {}, ("silence", "changed")),
    "add_rule": (
        "POST", "/api/alerts/rules", {"json": {"name": "late", "definition": RULE}}, ("alert_rule", "added"),
    ),
    "change_rule": (
        "PUT", "/api/alerts/rules/late",
        {"json": {"definition": RULE | {"severity": "info"}}, "headers": {"If-Match": '"1"'}},
        ("alert_rule", "changed"),
    ),
    "remove_rule": (
        "DELETE", "/api/alerts/rules/late", {"headers": {"If-Match": '"2"'}}, ("alert_rule", "changed"),
    ),
    "add_window": (
        "POST", "/api/alerts/windows",
        {"json": {"reason": "backup", "ends_at": TOMORROW, "hours": {"from": "01:00", "to": "02:00"}}},
        ("maintenance_window", "added"),
    ),
    "end_window": ("DELETE", "/api/alerts/windows/1", {}, ("maintenance_window", "changed")),
    "add_board": ("POST", "/api/boards", {"json": BOARD}, ("board", "added")),
    "change_board": (
        "PUT", f"/api/boards/{BOARD_ID}", {"json": BOARD, "headers": {"If-Match": '"3"'}}, ("board", "changed"),
    ),
    "delete_board": ("DELETE", f"/api/boards/{BOARD_ID}", {"headers": {"If-Match": '"4"'}}, ("board", "deleted")),
    "make_link": (
        "POST", "/api/identities/links",
        {"json": {"entity": "vehicles", "system": "fuelco", "external_id": "X", "key": "V-003"}}, ("link", "added"),
    ),
    "accept_identity_proposal": ("POST", "/api/identities/proposals/1001/accept", {"json": {}}, ("link", "added")),
    "reject_identity_proposal": (
        "POST", "/api/identities/proposals/1002/reject", {"json": {}}, ("link_proposal", "rejected"),
    ),
    "pull_source": (
        "POST", "/api/sources/fleet/pull", {"params": {"resource": "vehicles"}}, ("pull_request", "added"),
    ),
    "request_model_job": (
        "POST", "/api/models/shipments.delivery_time/jobs",
        {"json": {"rows": [{"origin": "Aachen", "destination": "Zug"}]}}, ("model_job", "requested"),
    ),
    "cancel_model_job": (
        "DELETE", f"/api/models/shipments.delivery_time/jobs/{PROPOSALS[0]}", {}, ("model_job", "cancelled"),
    ),
    "restore_templates": (
        "POST", "/api/notifications/endpoints/desk/templates/1/restore", {}, ("endpoint_templates", "restored"),
    ),
    "retry_file": ("POST", "/api/ingestion/files/1001/retry", {}, ("file_request", "retry")),
    "unload_file": ("POST", "/api/ingestion/files/1002/unload", {}, ("file_request", "unload")),
    "forget_file": ("POST", "/api/ingestion/files/1003/forget", {}, ("file_request", "forget")),
    "upload_file": (
        "POST", "/api/ingestion/uploads", {"params": {"dataset": "vehicles", "filename": "a.json"}, "content": b"[]"},
        ("file", "uploaded"),
    ),
    "make_upload_address": (
        "POST", "/api/ingestion/upload-addresses",
        {"params": {"dataset": "vehicles", "filename": "b.json", "size_bytes": 2}}, ("file", "upload_address_given"),
    ),
}  # fmt: skip
"""Operation → a request that succeeds once in the world of `prepare`, and the kind and action of its entry."""


def prepare(url: str) -> None:
    """What is needed for each operation to succeed once."""
    with psycopg.connect(url) as connection:
        for number, proposal in enumerate(PROPOSALS):
            connection.execute(
                "INSERT INTO catalogue.proposals (proposal_id, path, dataset, kind, contract, document, created_by) "
                "VALUES (%s, %s, 'tolls', 'new', 'name: tolls', %s, 'test')",
                (proposal, f"tolls-{number}.csv", Json({"questions": [], "obstacles": [], "columns": []})),
            )
        for number, key in ((1001, "V-001"), (1002, "V-002")):
            connection.execute(
                "INSERT INTO identity.proposals (proposal_id, entity, system, external_id, master_key, rule, "
                "similarity, evidence) OVERRIDING SYSTEM VALUE "
                "VALUES (%s, 'vehicles', 'fuelco', %s, %s, 'alike', 99, 'alike')",
                (number, f"E-{number}", key),
            )
        for number, state in ((1001, "failed"), (1002, "loaded"), (1003, "failed")):
            connection.execute(
                "INSERT INTO ingest.files (file_id, dataset, path, size_bytes, modified_ns, state, error) OVERRIDING "
                "SYSTEM VALUE VALUES (%s, 'vehicles', %s, 1, 1, %s, %s)",
                (number, f"vehicles/{number}.json", state, "cut off" if state == "failed" else None),
            )
        connection.execute(
            "INSERT INTO models.jobs (job_id, model, input, rows, requested_by) "
            "VALUES (%s, 'shipments.delivery_time', '[{}]', 1, 'anonymous')",
            (PROPOSALS[0],),
        )


@pytest.mark.slow
def test_every_operation_that_changes_something_leaves_exactly_one_entry(
    new_database: Any, serve: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Walks the OpenAPI document: a new operation needs a request here, or a reason why it changes nothing."""
    monkeypatch.setenv("LAKE_KEY", "key")
    monkeypatch.setenv("LAKE_SECRET", "secret")
    raw_dir = tmp_path / "raw"
    with new_database() as url:
        load_world(url, raw_dir)
        (tmp_path / "sources" / "lake.yaml").write_text(LAKE)
        (raw_dir / "tolls.csv").write_text("id\n1\n")
        prepare(url)
        with serve(url, data_dir=tmp_path, upload_place="lake") as api:
            document = api.get("/openapi.json")
            declared = {
                operation["operationId"]
                for item in document["paths"].values()
                for method, operation in item.items()
                if method not in ("get", "head", "options")
            }
            assert declared == OPERATIONS.keys() | CHANGES_NOTHING.keys() | OF_PEOPLE
            seen = len(entries(url))
            for name, (method, path, request, (kind, action)) in OPERATIONS.items():
                response = api.client.request(method, path, **request)
                assert response.is_success, (name, response.text)
                made = entries(url)[seen:]
                seen += len(made)
                assert [(each["object_kind"], each["action"]) for each in made] == [(kind, action)], name
                assert (made[0]["actor_kind"], made[0]["actor"]) == ("anonymous", "anonymous")
                assert made[0]["request_id"] == response.headers["x-request-id"]
                assert made[0]["object"] not in ("", None), name
            listed = api.get("/api/audit", limit=1000)["items"]
            kinds = {each["kind"] for each in listed}
            assert len(listed) == seen and kinds <= set(ObjectKind)
            assert kinds >= {"alert_rule", "contract", "history", "link", "model_version", "source"}, "of the world"
            lines = api.client.get("/api/audit/entries.ndjson").text.splitlines()
            assert [json.loads(line, parse_float=Decimal) for line in lines] == listed


def test_a_mutation_of_graphql_is_an_entry_as_well(api: Any, database_url: str) -> None:
    prepare_proposal(database_url)
    query = f'mutation {{ acceptContract(proposalId: "{PROPOSALS[0]}") {{ state }} }}'
    response = api.client.post("/graphql", json={"query": query})
    assert "errors" not in response.json(), response.text
    (entry,) = entries(database_url)
    assert (entry["object_kind"], entry["object"], entry["action"]) == ("contract_request", "tolls", "accept")
    assert entry["request_id"] == response.headers["x-request-id"]


def prepare_proposal(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(
            "INSERT INTO catalogue.proposals (proposal_id, path, dataset, kind, contract, document, created_by) "
            "VALUES (%s, 'tolls.csv', 'tolls', 'new', 'name: tolls', '{}', 'test')",
            (PROPOSALS[0],),
        )


# -- actors ----------------------------------------------------------------------------------------------------------


def test_actor_and_request_are_right_under_concurrency_and_no_secret_is_told(
    database_url: str, connection: Connection, serve: Any
) -> None:
    keys = {f"key-{number}": create_key(connection, f"key-{number}", ["boards"])[0] for number in range(4)}
    with serve(database_url, **REMOTE) as api:

        def add(number: int) -> tuple[str, str, str]:
            name = f"key-{number % 4}"
            headers = {"X-API-Key": keys[name], "X-Request-ID": f"request-{number}"}
            response = api.client.post("/api/boards", json={**BOARD, "title": f"{number}"}, headers=headers)
            assert response.status_code == 201, response.text
            return name, f"request-{number}", str(number)

        with ThreadPoolExecutor(8) as threads:
            expected = sorted(threads.map(add, range(40)))
        assert api.client.post("/api/boards", json=BOARD).status_code == 401
    found = entries(database_url, object_kind="board")
    assert sorted((each["actor"], each["request_id"], each["after"]["title"]) for each in found) == expected
    assert {each["actor_kind"] for each in found} == {"key"}
    made = entries(database_url, object_kind="key")
    assert [(each["action"], each["object"]) for each in made] == [("added", name) for name in keys]
    text = json.dumps(entries(database_url), default=str)
    assert "digest" not in text and not any(key[4:20] in text for key in keys.values())


def test_a_person_is_named_with_their_number(database_url: str) -> None:
    actor = Actor(ActorKind.PERSON, "ada@example.org\0\udc80", person_id=7, request_id="r-1")
    with psycopg.connect(database_url) as session:
        session.execute(ACT_AS, {"actor": actor.setting()})
        session.execute("SELECT boards.add_board('Fleet', '', '[]', 'ada')")
    with psycopg.connect(database_url) as session:
        session.execute("DELETE FROM boards.boards")
    (added, deleted) = entries(database_url)
    assert [added[name] for name in ("actor_kind", "actor", "person_id", "request_id")] == [
        "person", "ada@example.org?", 7, "r-1",
    ]  # fmt: skip
    assert (deleted["actor_kind"], deleted["actor"], deleted["login"]) == ("login", "postgres", "postgres")
    assert (deleted["before"]["title"], deleted["after"]) == ("Fleet", None)


def test_what_fails_or_changes_nothing_leaves_no_entry(api: Any, database_url: str, tmp_path: Path) -> None:
    for method, path, request, status in (
        ("PUT", f"/api/boards/{BOARD_ID}", {"json": BOARD, "headers": {"If-Match": '"1"'}}, 404),
        ("POST", "/api/boards", {"json": {"title": ""}}, 422),
        ("DELETE", "/api/alerts/silences/7", {}, 404),
        ("POST", "/api/ingestion/files/7/retry", {}, 404),
        ("POST", "/api/ingestion/uploads?dataset=vehicles&filename=x.json", {"content": b""}, 422),
    ):
        assert api.client.request(method, path, **request).status_code == status
    with pytest.raises(psycopg.errors.CheckViolation), psycopg.connect(database_url) as session:
        session.execute("SELECT boards.add_board('Fleet', '', '[]', 'ada')")
        session.execute("SELECT alert.add_silence('r', '{}', now(), now(), 'ada', '')")
    assert entries(database_url) == []


def test_a_file_is_logged_when_it_appears_and_not_when_it_is_there(api: Any, database_url: str, tmp_path: Path) -> None:
    path = f"/api/ingestion/uploads?dataset=vehicles&filename={tmp_path.name}.json"
    assert [api.client.post(path, content=b"[]").status_code for _ in range(2)] == [202, 200]
    assert api.client.post(path, content=b"[{}]").status_code == 409
    (entry,) = entries(database_url)
    assert (entry["object_kind"], entry["object"], entry["action"]) == (
        "file", f"vehicles/{tmp_path.name}.json", "uploaded",
    )  # fmt: skip
    assert entry["after"]["size_bytes"] == 2


# -- nothing is changed later ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", [READER, OPERATOR])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE access.audit SET actor = 'somebody else'",
        "DELETE FROM access.audit",
        "TRUNCATE access.audit",
        "INSERT INTO access.audit (actor_kind, actor, object_kind, object, action) VALUES ('key', 'x', 'x', 'x', 'x')",
        "SELECT access.add_entry('board', 'x', 'added', NULL, NULL)",
    ],
)
def test_the_roles_of_the_api_can_neither_write_nor_change_entries(
    connection: Connection, role: str, statement: str
) -> None:
    connection.execute(f"SET ROLE {role}".encode())
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement.encode())


def test_the_owner_can_delete_the_oldest_entries_and_that_is_an_entry(
    connection: Connection, database_url: str
) -> None:
    for title in "abcd":
        connection.execute("SELECT boards.add_board(%s, '', '[]', 'ada')", (title,))
    numbers = [each["entry_id"] for each in entries(database_url)]
    for statement in (
        "UPDATE access.audit SET actor = 'somebody else'",
        "TRUNCATE access.audit",
        f"DELETE FROM access.audit WHERE entry_id = {numbers[1]}",
        f"DELETE FROM access.audit WHERE entry_id IN ({numbers[0]}, {numbers[2]})",
    ):
        with pytest.raises(psycopg.errors.RestrictViolation):
            connection.execute(statement.encode())
    assert len(entries(database_url)) == 4
    connection.execute("DELETE FROM access.audit WHERE entry_id <= %s", (numbers[1],))
    *left, deleted = entries(database_url)
    assert [each["entry_id"] for each in left] == numbers[2:]
    assert (deleted["object_kind"], deleted["action"]) == ("audit_log", "deleted")
    assert deleted["before"]["entries"] == 2


def test_a_login_that_is_not_the_owner_cannot_say_that_it_restores_an_export(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as session:
        session.execute("DROP ROLE IF EXISTS audited_login")
        session.execute(f"CREATE ROLE audited_login LOGIN IN ROLE {OPERATOR}".encode())
    with psycopg.connect(database_url.replace("postgres@", "audited_login@"), autocommit=True) as session:
        session.execute("SET logistics.restoring = 'on'")
        session.execute("SELECT boards.add_board('Fleet', '', '[]', 'ada')")
    assert len(entries(database_url)) == 1


def test_long_values_are_told_by_size_and_digest(database_url: str) -> None:
    with psycopg.connect(database_url) as session:
        session.execute(
            "SELECT catalogue.request_contract_action('retire', NULL, 'fuel', %s::jsonb, 'ada')",
            (Json({"text": "x" * 20_000}),),
        )
    (entry,) = entries(database_url)
    assert entry["after"]["argument"].keys() == {"bytes", "sha256"}
    assert entry["after"]["argument"]["bytes"] > 20_000


# -- what is logged --------------------------------------------------------------------------------------------------

NOT_LOGGED = {
    "access.audit": "It is the log: what is deleted of it is logged by a trigger of its own.",
    "alert.evaluations": "What the worker does.",
    "alert.heartbeats": "What the worker does.",
    "alert.incidents": "Opened and closed by the worker; what people do about them is in `alert.events`.",
    "alert.observed_days": "What the worker does.",
    "alert.observed_values": "What the worker does.",
    "alert.rule_versions": "Written together with `alert.rules`.",
    "alert.states": "What the worker does.",
    "alert.trials": "Questions of people, which change nothing.",
    "notify.previews": "Pages for whoever asks, kept for a day.",
    "notify.template_previews": "Texts for whoever asks, kept for a day.",
    "identity.current_links": "What a refresh computes.",
    "identity.systems": "Written together with links and contracts.",
    "models.aliases": "Follow from `models.transitions`; a challenger is what the pipeline compares with.",
    "models.artefacts": "Written together with versions.",
    "models.backtests": "What the pipeline computes.",
    "models.drift": "What the pipeline computes.",
    "models.executions": "What the pipeline does.",
    "models.job_results": "What the worker computes.",
    "models.odd_values": "What the pipeline computes.",
    "models.predictions": "What the pipeline computes.",
    "models.versions": "Registered by the pipeline, and never changed but for the state, by `models.transitions`.",
    "notify.attempts": "What the worker does.",
    "notify.template_versions": "The declaration is in the entry of its endpoint; `notify.restore_templates` adds one.",
    "notify.bounce_mailboxes": "How far each has been read.",
    "notify.bounces": "What mail servers say.",
    "notify.digests": "What the worker does.",
    "notify.editions": "What the worker does.",
    "notify.events": "What the worker publishes.",
    "notify.signing_keys": "Made by the database, and never changed.",
    "notify.push_keys": "Made by the worker, once.",
    "notify.shared_settings": "What notifications.yaml says.",
    "notify.subscriptions": "Written together with their endpoint.",
    "source.due": "What the sensor plans.",
    "source.failures": "Counted by a trigger.",
    "source.pages": "What pulls fetch.",
    "source.pulls": "What the pipeline does; who asks for one is in `source.requests`.",
    "source.rate_limits": "What pulls count.",
    "source.snapshot_keys": "What pulls find.",
    "source.totals": "Counted by a trigger.",
}
"""Tables that nobody changes but the pipeline, as part of its work, with the reason."""
BULK_SCHEMAS = ("raw", "history", "analytics", "rollups", "forecast")
"""What files hold, and what is computed from that. `ingest` is the ledger of files, which keeps who loaded what."""
TABLES = """
SELECT namespace.nspname || '.' || class.relname, EXISTS (
    SELECT FROM pg_trigger WHERE tgrelid = class.oid AND tgname IN ('log_change', 'log_new', 'log_deleted_entries')
)
FROM pg_class AS class
INNER JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
WHERE class.relkind IN ('r', 'p') AND namespace.nspname !~ '^(pg_|information_schema|public|file_state_guard)'
    AND NOT namespace.nspname = ANY(%s)
"""
LEDGER = {"ingest.files", "ingest.file_requests", "ingest.histories"}


def test_every_table_that_people_change_is_logged(connection: Connection) -> None:
    """A new table is logged, or has a reason here."""
    rows = connection.execute(TABLES, (list(BULK_SCHEMAS),)).fetchall()
    logged = {table for table, is_logged in rows if is_logged} - {"access.audit"}
    others = {table for table, _ in rows if not table.startswith("ingest.")} - logged
    assert {table for table in logged if table.startswith("ingest.")} == LEDGER
    assert others == NOT_LOGGED.keys()


def test_triggers_and_functions_log_kinds_of_the_contract() -> None:
    text = "".join(path.read_text() for path in (SQL_DIR / "migrations").glob("*.sql"))
    named = set(re.findall(r"access\.(?:log_change|add_entry)\(\s*'(\w+)'", text))
    assert named == set(ObjectKind)
    assert SETTING in text


# -- reading it ------------------------------------------------------------------------------------------------------


@pytest.fixture
def filled(database_url: str) -> Iterator[str]:
    with psycopg.connect(database_url) as session:
        for number in range(7):
            session.execute("SELECT boards.add_board(%s, '', '[]', 'ada')", (f"Board {number}",))
        session.execute("SELECT alert.add_silence('r', '{}', now(), now() + interval '1 day', 'ada', 'moving')")
    yield database_url


def test_pages_follow_each_other_and_filters_choose(api: Any, filled: str) -> None:
    found, cursor = [], None
    while True:
        page = api.get("/api/audit", limit=3, kind="board", **({"cursor": cursor} if cursor else {}))
        found += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert [each["after"]["title"] for each in found] == [f"Board {number}" for number in range(6, -1, -1)]
    everything = api.get("/api/audit")["items"]
    assert len(everything) == 8
    moment = everything[3]["changed_at"].replace("+00:00", "Z")
    since, until = (api.get("/api/audit", **{name: moment})["items"] for name in ("since", "until"))
    assert (since, until) == (everything[:4], everything[4:])
    name = found[2]["object"]
    assert api.get("/api/audit", kind="board", object=name)["items"] == [found[2]]
    assert api.get("/api/audit", actor="postgres", action="added")["items"] == everything
    assert api.get("/api/audit", actor="nobody")["items"] == []
    lines = api.client.get("/api/audit/entries.ndjson?kind=silence").text.splitlines()
    assert [json.loads(line) for line in lines] == everything[:1]
    table = api.client.get("/api/audit/entries.csv?kind=board").content.decode("utf-8-sig")
    rows = csv.DictReader(io.StringIO(table))
    assert [(row["entry_id"], row["actor"], json.loads(row["after"])) for row in rows] == [
        (str(each["entry_id"]), each["actor"]["name"], each["after"]) for each in found
    ]
    for parameters in ({"kind": "kettle"}, {"since": "yesterday"}, {"who": "me"}):
        assert api.refused(422, "/api/audit", **parameters)["type"] == "urn:logistics:problem:invalid-parameters"


def test_nothing_in_a_table_is_a_formula_of_a_spreadsheet(api: Any, database_url: str) -> None:
    actor = json.dumps({"kind": "key", "name": "=cmd|' /C calc'!A0"})
    with psycopg.connect(database_url) as session:
        session.execute("SELECT set_config('logistics.actor', %s, true)", (actor,))
        session.execute(
            "SELECT alert.add_silence('@SUM(1)', '{}', now(), now() + interval '1 day', 'a', %s)",
            ('"x",y\n=1',),
        )
    table = api.client.get("/api/audit/entries.csv")
    assert table.headers["content-type"].startswith("text/csv")
    assert table.content.startswith(b"\xef\xbb\xbfentry_id,changed_at,actor_kind,actor,")
    (row,) = csv.DictReader(io.StringIO(table.content.decode("utf-8-sig")))
    assert row["actor"] == "'=cmd|' /C calc'!A0"
    assert json.loads(row["after"])["reason"] == '"x",y\n=1'
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in row.values())


def test_it_needs_its_own_scope(filled: str, connection: Connection, serve: Any) -> None:
    keys: Sequence[tuple[str, int]] = [
        (create_key(connection, "auditor", ["audit"])[0], 200),
        (
            create_key(connection, "everything-else", ["read", "export", "ingest", "contracts", "boards", "alerts"])[0],
            403,
        ),
    ]
    with serve(filled, **REMOTE) as api:
        for path in ("/api/audit", "/api/audit/entries.ndjson", "/api/audit/entries.csv"):
            assert api.client.get(path).status_code == 401
            for key, status in keys:
                assert api.client.get(path, headers={"X-API-Key": key}).status_code == status


def test_changes_are_refused_if_they_cannot_be_logged(api: Any, database_url: str, tmp_path: Path) -> None:
    with psycopg.connect(database_url, autocommit=True) as session:
        session.execute("ALTER TABLE access.audit ADD CONSTRAINT full_up CHECK (false) NOT VALID")
    response: httpx2.Response = api.client.post("/api/boards", json=BOARD)
    assert response.status_code == 500
    path = f"/api/ingestion/uploads?dataset=vehicles&filename={tmp_path.name}.json"
    assert api.client.post(path, content=b"[]").status_code == 500
    assert not (api.app.state.settings.raw_dir / "vehicles" / f"{tmp_path.name}.json").exists()
    with connect(database_url) as session:
        assert session.execute("SELECT count(*) FROM boards.boards").fetchone() == (0,)
