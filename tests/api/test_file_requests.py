"""Requests to the pipeline through the API: what may be requested, what becomes of it, and that nothing else is
written."""

from typing import Any

import psycopg
import pytest

from logistics_api.app import make_database
from logistics_core.database_contract.file_requests import FileAction
from logistics_core.database_contract.roles import OPERATOR, READER
from logistics_core.settings import Settings
from logistics_pipeline.database.api_keys import create_key
from logistics_pipeline.database.connections import Connection, connect

BEYOND = {"api_published_at": "192.0.2.1"}


@pytest.fixture
def connection(database_url: str) -> Any:
    with connect(database_url) as connection:
        yield connection


def add_file(connection: Connection, path: str, state: str, **values: Any) -> int:
    columns = {"dataset": "shipments", "path": path, "state": state, "size_bytes": 1, "modified_ns": 1, **values}
    row = connection.execute(
        f"INSERT INTO ingest.files ({', '.join(columns)}) VALUES ({', '.join(['%s'] * len(columns))}) "
        "RETURNING file_id".encode(),
        list(columns.values()),
    ).fetchone()
    assert row is not None
    return int(row[0])


def ask(api: Any, file_id: int, action: str, **headers: str) -> Any:
    response = api.client.post(f"/api/ingestion/files/{file_id}/{action}", headers=headers)
    if not response.is_success:
        api.check_problem(response)
    return response


LOADED = {"records_read": 2, "records_loaded": 2}


@pytest.mark.parametrize(
    ("state", "values", "possible"),
    [
        ("registered", {}, []),
        ("loading", {}, []),
        ("loaded", LOADED, ["unload"]),
        ("loaded", LOADED | {"is_reload_due": True}, ["retry", "unload"]),
        ("loaded", {}, ["unload"]),
        ("failed", {}, ["retry", "forget"]),
        ("failed", {"records_read": 2, "records_rejected": 2}, ["retry", "unload", "forget"]),
        ("failed", LOADED, ["retry", "unload"]),
        ("failed", {"dismissed_at": "2024-01-01"}, ["retry"]),
        ("failed", {"retry_requested_at": "2024-01-01"}, ["forget"]),
        ("failed", {"path": "/elsewhere/a.json"}, ["forget"]),
        ("unloaded", {}, ["retry"]),
        ("unrecognised", {"dataset": None}, ["forget"]),
    ],
)
def test_the_file_says_what_can_be_requested_and_everything_else_is_refused_in_a_sentence(
    api: Any, connection: Connection, state: str, values: dict[str, Any], possible: list[str]
) -> None:
    path = values.pop("path", "shipments/a.json")
    file_id = add_file(connection, path, state, **values)
    found = api.get(f"/api/ingestion/files/{file_id}")
    assert found["actions"] == possible
    assert found["latest_request"] is None
    for action in FileAction:
        answer = ask(api, file_id, action)
        assert answer.status_code == (202 if action in possible else 409), (action, answer.text)
        if action not in possible:
            assert answer.json()["detail"].startswith(f"File {file_id}: ")
        connection.execute("DELETE FROM ingest.file_requests")


def test_a_version_that_was_replaced_can_only_be_unloaded(api: Any, connection: Connection) -> None:
    old = add_file(connection, "shipments/a.json", "failed", **LOADED)
    add_file(connection, "shipments/a.json", "loaded", version=2)
    assert api.get(f"/api/ingestion/files/{old}")["actions"] == ["unload"]
    refused = ask(api, old, "retry")
    assert (refused.status_code, "newer version" in refused.json()["detail"]) == (409, True)


def test_a_request_stays_pending_until_the_pipeline_serves_it_and_its_outcome_is_told(
    api: Any, connection: Connection
) -> None:
    file_id = add_file(connection, "shipments/a.json", "failed")
    answer = ask(api, file_id, "retry")
    body = answer.json()
    assert answer.status_code == 202
    assert answer.headers["location"] == body["status_url"] == f"/api/ingestion/file-requests/{body['request_id']}"
    assert (body["state"], body["is_final"], body["requested_by"]) == ("pending", False, "anonymous")
    assert ask(api, file_id, "retry").json()["request_id"] == body["request_id"], "the same as long as it is pending"
    other = ask(api, file_id, "forget")
    assert (other.status_code, other.json()["type"]) == (409, "urn:logistics:problem:request-pending")
    waiting = api.request(body["status_url"])
    assert waiting.headers["retry-after"] == "1"
    assert waiting.json() == body
    assert api.get(f"/api/ingestion/files/{file_id}")["latest_request"]["request_id"] == body["request_id"]

    connection.execute("UPDATE ingest.file_requests SET requested_at = requested_at - interval '2 minutes'")
    assert "`logistics up` starts it" in api.get(body["status_url"])["detail"]

    connection.execute("UPDATE ingest.file_requests SET done_at = now(), error = 'It is no longer there.'")
    failed = api.request(body["status_url"])
    assert (failed.json()["state"], failed.json()["detail"]) == ("failed", "It is no longer there.")
    assert "retry-after" not in failed.headers

    connection.execute("UPDATE ingest.file_requests SET error = NULL, outcome = 'The load is requested.'")
    done = api.get(body["status_url"])
    assert (done["state"], done["is_final"], done["detail"]) == ("done", True, "The load is requested.")
    assert ask(api, file_id, "forget").status_code == 202, "served: the next one can be made"


def test_unknown_files_requests_and_parameters_are_refused(api: Any, connection: Connection) -> None:
    assert ask(api, 999, "unload").json()["type"] == "urn:logistics:problem:unknown-file"
    assert ask(api, 999, "unload").status_code == 404
    assert api.refused(404, "/api/ingestion/file-requests/999")["type"] == "urn:logistics:problem:unknown-request"
    file_id = add_file(connection, "shipments/a.json", "failed")
    assert api.client.post(f"/api/ingestion/files/{file_id}/retry?force=true").status_code == 422
    assert api.client.post("/api/ingestion/files/x/retry").status_code == 422
    assert api.client.get(f"/api/ingestion/files/{file_id}/retry").status_code == 405
    assert connection.execute("SELECT count(*) FROM ingest.file_requests").fetchone() == (0,)


def test_only_a_key_with_the_scope_ingest_may_ask_and_it_may_follow_its_request(
    database_url: str, connection: Connection, serve: Any
) -> None:
    keys = {scope: create_key(connection, scope, [scope])[0] for scope in ("read", "export", "ingest")}
    file_id = add_file(connection, "shipments/a.json", "failed")
    with serve(database_url, **BEYOND) as api:
        assert ask(api, file_id, "retry").status_code == 401
        for action in FileAction:
            for scope in ("read", "export"):
                assert ask(api, file_id, action, **{"X-API-Key": keys[scope]}).status_code == 403
        assert connection.execute("SELECT count(*) FROM ingest.file_requests").fetchone() == (0,)
        made = ask(api, file_id, "retry", **{"X-API-Key": keys["ingest"]})
        assert (made.status_code, made.json()["requested_by"]) == (202, "ingest")
        url = made.json()["status_url"]
        found = {scope: api.client.get(url, headers={"X-API-Key": key}).status_code for scope, key in keys.items()}
        assert found == {"read": 200, "export": 403, "ingest": 200}


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}])
def test_a_page_of_another_site_cannot_make_a_request(
    api: Any, connection: Connection, headers: dict[str, str]
) -> None:
    file_id = add_file(connection, "shipments/a.json", "failed")
    refused = ask(api, file_id, "forget", **headers)
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:logistics:problem:foreign-origin")
    assert connection.execute("SELECT count(*) FROM ingest.file_requests").fetchone() == (0,)


def test_the_session_is_read_only_again_after_a_request(database_url: str, connection: Connection, serve: Any) -> None:
    file_id = add_file(connection, "shipments/a.json", "failed")
    with serve(database_url) as api:
        assert ask(api, file_id, "retry").status_code == 202
        pids = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'logistics api' AND state <> 'idle'"
        assert connection.execute(pids.encode()).fetchone() == (0,), "no transaction is left open"
        assert api.client.get("/ready").status_code == 200
        assert ask(api, file_id, "retry").status_code == 202


def test_a_server_that_cannot_be_written_is_said(database_url: str, connection: Connection, serve: Any) -> None:
    """As a standby refuses it; here the function is refused by a transaction that cannot become writable."""
    file_id = add_file(connection, "shipments/a.json", "failed")
    connection.execute(
        "CREATE OR REPLACE FUNCTION ingest.request_file_action("
        "wanted_file integer, wanted_action text, requester text) RETURNS bigint LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION USING ERRCODE = 'read_only_sql_transaction'; END $$"
    )
    with serve(database_url) as api:
        refused = ask(api, file_id, "retry")
        assert (refused.status_code, refused.json()["type"]) == (501, "urn:logistics:problem:read-only-database")


def tables(connection: Connection) -> list[tuple[str, str]]:
    return connection.execute(
        "SELECT table_schema, table_name FROM information_schema.tables "
        "WHERE table_schema IN ('ingest', 'raw', 'analytics', 'access', 'catalogue', 'boards', 'source') "
        "AND table_type = 'BASE TABLE'"
    ).fetchall()


@pytest.mark.parametrize("role", [READER, OPERATOR])
def test_no_role_of_the_api_can_write_a_table(connection: Connection, role: str) -> None:
    privileges = ("INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
    privileges += ("SELECT",) if role == OPERATOR else ()
    assert len(tables(connection)) > 10
    for schema, name in tables(connection):
        for privilege in privileges:
            found = connection.execute(
                "SELECT has_table_privilege(%s, format('%%I.%%I', %s::text, %s::text), %s)",
                (role, schema, name, privilege),
            ).fetchone()
            assert found == (False,), (schema, name, privilege)
    sequences = connection.execute(
        "SELECT count(*) FILTER (WHERE has_sequence_privilege(%s, seqrelid, 'USAGE, UPDATE')), count(*) > 0 "
        "FROM pg_sequence",
        (role,),
    ).fetchone()
    assert sequences == (0, True)


def test_the_operator_can_call_few_functions_of_ours_and_the_reader_one(connection: Connection) -> None:
    def functions(role: str) -> list[Any]:
        return connection.execute(
            "SELECT proname, prosecdef, proconfig, has_function_privilege('public', pg_proc.oid, 'EXECUTE') "
            "FROM pg_proc JOIN pg_namespace ON pg_namespace.oid = pronamespace "
            "WHERE nspname !~ '^(pg_|information_schema)' AND has_function_privilege(%s, pg_proc.oid, 'EXECUTE') "
            "AND prosecdef ORDER BY proname",
            (role,),
        ).fetchall()

    names = [
        "act_on_incident", "add_board", "add_push_subscription", "add_rule", "add_silence", "add_window", "cancel_job",
        "change_board", "change_preferences", "change_rule", "decide_proposal", "delete_board", "end_silence",
        "end_window", "extend_sessions", "log_upload", "make_link", "mark_messages", "remove_push_subscription",
        "remove_rule", "request_contract_action", "request_file_action", "request_job", "request_preview",
        "request_pull", "request_template_preview", "request_trial", "restore_templates", "send_test",
        "set_preferences", "sign_in", "sign_out", "subscribe_again", "subscribe_person_again", "unsubscribe",
    ]  # fmt: skip
    assert functions(OPERATOR) == [(name, True, ['search_path=""'], False) for name in names]
    assert functions(READER) == [("read_link", True, ['search_path=""'], False)]  # signed by a key it cannot read


def test_every_statement_that_writes_is_refused_to_both(database_url: str, connection: Connection) -> None:
    file_id = add_file(connection, "shipments/a.json", "failed")
    database = make_database(Settings(api_database_url=None, database_url=database_url))
    statements = [
        f"DELETE FROM {schema}.{name}" for schema, name in tables(connection)
    ] + [
        "INSERT INTO ingest.file_requests (action, file_id, requested_by) VALUES ('unload', 1, 'x')",
        "UPDATE ingest.file_requests SET done_at = now()",
        "CREATE TABLE public.mine ()",
        "CREATE FUNCTION ingest.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "COPY raw.vehicles FROM STDIN",
    ]  # fmt: skip
    with psycopg.connect(database.read_only.conninfo, autocommit=True) as reader:
        reader.execute(f"SET ROLE {READER}".encode())
        for statement in [*statements, f"SELECT ingest.request_file_action({file_id}, 'retry', 'x')"]:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                reader.execute(statement.encode())
        reader.execute("RESET ROLE")
        reader.execute(f"SET ROLE {OPERATOR}".encode())
        for statement in [*statements, "SELECT FROM ingest.files"]:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                reader.execute(statement.encode())
    assert connection.execute("SELECT count(*) FROM ingest.file_requests").fetchone() == (0,)
