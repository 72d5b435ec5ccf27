"""/api/alerts: rules, incidents and silences over HTTP."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from logistics_core.catalogue import built_in_catalogue
from logistics_core.row_access.rule_texts import read_rules
from logistics_pipeline.alerting.evaluating import evaluate
from logistics_pipeline.alerting.rules_in_force import rules_in_force, sync_rules
from logistics_pipeline.database.api_keys import create_key, revoke_key
from logistics_pipeline.database.connections import connect


@pytest.fixture(scope="module")
def site(new_database: Any, serve: Any, tmp_path_factory: Any) -> Iterator[tuple[str, Any]]:
    """Two failed files, and the incidents about them."""
    with new_database() as url:
        with connect(url) as connection:
            sync_rules(connection, tmp_path_factory.mktemp("data") / "alerts")
            for path in ("shipments/a.json", "shipments/b.json"):
                connection.execute(
                    "INSERT INTO ingest.files (path, version, state, dataset, size_bytes, modified_ns, error) "
                    "VALUES (%s, 1, 'failed', 'shipments', 1, 1, 'no JSON')",
                    (path,),
                )
            evaluate_all(connection)
        with serve(url) as api:
            yield url, api


def evaluate_all(connection: Any) -> None:
    for rule in rules_in_force(connection).rules.values():
        evaluate(connection, built_in_catalogue(), rule, lambda *_: None)


def post(api: Any, path: str, body: Any, status: int = 200) -> Any:
    answer = api.client.post(path, content=json.dumps(body), headers={"Content-Type": "application/json"})
    assert answer.status_code == status, answer.text
    return answer.json()


def test_rules_say_what_is_open_and_when_they_were_evaluated(site: tuple[str, Any]) -> None:
    rules = {each["name"]: each for each in site[1].get("/api/alerts")["rules"]}
    assert rules["file_failed"]["open_incidents"] == 2
    assert rules["file_failed"]["severity"] == "critical"
    assert rules["file_failed"]["evaluated_at"] is not None
    assert rules["figures_behind"]["when"] == {"above": 900, "clearBelow": 60}


def test_incidents_come_in_pages(site: tuple[str, Any]) -> None:
    api = site[1]
    first = api.get("/api/alerts/incidents", limit=1)
    assert first["total"] == 2 and first["open"] == {"critical": 2, "warning": 0, "info": 0}
    (newest,) = first["incidents"]
    (older,) = api.get("/api/alerts/incidents", limit=1, before=newest["incident_id"])["incidents"]
    assert {newest["labels"]["file"], older["labels"]["file"]} == {"shipments/a.json", "shipments/b.json"}
    assert {"name": "Dataset", "value": "shipments"} in newest["facts"]
    assert api.get("/api/alerts/incidents", severity="info")["incidents"] == []
    assert api.get("/api/alerts/incidents", state="closed")["total"] == 0
    assert api.get("/api/alerts/incidents", rule="file_failed", state="all")["total"] == 2


ABOUT = {
    "Berlin": '[{"dataset": "shipments", "fields": {"origin": "Berlin"}}]',
    "Munich": '[{"dataset": "shipments", "fields": {"origin": "Munich"}}]',
    "all": '[{"dataset": "shipments", "fields": {}}]',
}


def add_incident(connection: Any, title: str, about_rows: str) -> int:
    row = connection.execute(
        "INSERT INTO alert.incidents (rule, rule_version, kind, labels, severity, title, summary, data_version, "
        "closed_at, closed_because, held_because, about_rows) "
        "VALUES ('late', 1, 'condition', '{}', 'info', %s, 's', 1, now(), 'x', 'silenced by Ada: Munich', %s) "
        "RETURNING incident_id",
        (title, about_rows),
    ).fetchone()
    return int(row[0])


def test_who_may_see_some_rows_sees_the_incidents_of_these_rows_and_no_others(
    site: tuple[str, Any], serve: Any
) -> None:
    url, _ = site
    with connect(url) as connection:
        numbers = [add_incident(connection, title, rows) for title, rows in ABOUT.items()]
        connection.execute(
            "INSERT INTO alert.events (incident_id, number, kind, author, text) VALUES "
            "(%(one)s, 1, 'opened', 'worker', 's'), (%(one)s, 2, 'held', 'worker', 'Munich'), "
            "(%(one)s, 3, 'commented', 'ada', 'Munich')",
            {"one": numbers[0]},
        )
        access = read_rules(["shipments: origin = Berlin"], built_in_catalogue())
        key = {"X-API-Key": create_key(connection, "berlin", ["read"], row_access=access)[0]}
    with serve(url) as api:
        found = api.client.get("/api/alerts/incidents?state=all", headers=key).json()
        assert [each["title"] for each in found["incidents"]] == ["Berlin"] and found["total"] == 1
        assert found["open"] == {"critical": 0, "warning": 0, "info": 0}, "two files have failed, which are of all rows"
        one = api.client.get(f"/api/alerts/incidents/{numbers[0]}", headers=key)
        assert [each["kind"] for each in one.json()["timeline"]] == ["opened"] and "Munich" not in one.text
        for number in numbers[1:]:
            assert api.client.get(f"/api/alerts/incidents/{number}", headers=key).status_code == 404
        for path in ("", "/rules", "/silences", "/windows"):
            assert api.client.get(f"/api/alerts{path}", headers=key).status_code == 403
    with connect(url) as connection:
        connection.execute("DELETE FROM alert.incidents WHERE rule = 'late'")
        revoke_key(connection, "berlin")


def test_people_act_on_incidents_and_the_timeline_says_so(site: tuple[str, Any]) -> None:
    api = site[1]
    incident = api.get("/api/alerts/incidents")["incidents"][0]["incident_id"]
    path = f"/api/alerts/incidents/{incident}"
    assert post(api, f"{path}/acknowledge", {"text": "on it"})["acknowledged_by"] == "anonymous"
    assert post(api, f"{path}/acknowledge", {})["acknowledged_by"] == "anonymous"
    assert post(api, f"{path}/assign", {"to": "Ada"})["assigned_to"] == "Ada"
    assert post(api, f"{path}/assign", {"to": ""})["assigned_to"] is None
    found = post(api, f"{path}/comment", {"text": "the carrier was told"})
    assert [each["kind"] for each in found["timeline"]] == [
        "opened", "announced", "acknowledged", "assigned", "assigned", "commented",
    ]  # fmt: skip
    assert found["timeline"][-1]["text"] == "the carrier was told"
    assert api.get(path) == found


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/alerts/incidents/1/comment", {}),
        ("/api/alerts/incidents/1/comment", {"text": "   "}),
        ("/api/alerts/incidents/1/comment", {"text": "x" * 4_001}),
        ("/api/alerts/incidents/1/assign", {"to": 5}),
        ("/api/alerts/silences", {"reason": "x", "ends_at": "2020-01-01T00:00:00Z"}),
        ("/api/alerts/silences", {"reason": "x", "ends_at": "2099-01-01T00:00:00"}),
        ("/api/alerts/silences", {"reason": "x", "ends_at": "2099-01-01T00:00:00Z"}),
        ("/api/alerts/silences", {"reason": "", "ends_at": "2027-01-01T00:00:00Z"}),
        ("/api/alerts/silences", {"reason": "x", "ends_at": "2027-01-01T00:00:00Z", "labels": {"a": 1}}),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(site: tuple[str, Any], path: str, body: Any) -> None:
    site[1].check_problem(
        site[1].client.post(path, content=json.dumps(body), headers={"Content-Type": "application/json"})
    )
    post(site[1], path, body, 422)


def test_an_unknown_incident_is_told_so(site: tuple[str, Any]) -> None:
    assert site[1].client.get("/api/alerts/incidents/999").status_code == 404
    post(site[1], "/api/alerts/incidents/999/acknowledge", {}, 404)


def test_a_silence_holds_back_what_is_new_until_it_is_ended(site: tuple[str, Any]) -> None:
    url, api = site
    ends_at = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
    silence = post(
        api,
        "/api/alerts/silences",
        {"rule": "file_unrecognised", "labels": {}, "ends_at": ends_at, "reason": "a test export"},
        201,
    )
    assert silence["is_in_force"] and silence["author"] == "anonymous"
    assert api.get("/api/alerts/silences")["silences"] == [silence]
    with connect(url) as connection:
        connection.execute(
            "INSERT INTO ingest.files (path, version, state, size_bytes, modified_ns) "
            "VALUES ('what.txt', 1, 'unrecognised', 1, 1)"
        )
        evaluate_all(connection)
        connection.execute("UPDATE alert.states SET since = since - interval '1 hour'")
        evaluate_all(connection)
    (held,) = api.get("/api/alerts/incidents", rule="file_unrecognised")["incidents"]
    assert held["announced_at"] is None and "a test export" in held["held_because"]
    assert api.client.delete(f"/api/alerts/silences/{silence['silence_id']}").status_code == 204
    assert api.client.delete(f"/api/alerts/silences/{silence['silence_id']}").status_code == 404
    with connect(url) as connection:
        evaluate_all(connection)
    (announced,) = api.get("/api/alerts/incidents", rule="file_unrecognised")["incidents"]
    assert announced["announced_at"] is not None and announced["held_because"] is None


WINDOW = {"hours": {"from": "02:00", "to": "04:00"}, "ends_at": "2099-01-01T00:00:00Z", "reason": "backups"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({}, "at most 366 days away"),
        ({"ends_at": None}, "ends_at"),
        ({"hours": {"from": "25:00"}}, "a time of day such as 08:30"),
        ({"hours": {"timeZone": "Mars/Olympus"}}, "which is no time zone"),
        ({"hours": {"days": ["sunday"]}}, "days"),
        ({"hours": {"until": "04:00"}}, "until"),
        ({"reason": " "}, "reason"),
        ({"rule": "file_faild"}, "the name of a rule, as in /api/alerts/rules, or null for all"),
    ],
)
def test_a_window_that_makes_no_sense_is_refused_by_name(site: tuple[str, Any], change: Any, message: str) -> None:
    soon = (datetime.now(UTC) + timedelta(days=30)).isoformat()
    body = WINDOW | ({"ends_at": soon} if change else {}) | change
    assert message in str(post(site[1], "/api/alerts/windows", body, 422))


def test_a_maintenance_window_holds_back_what_is_new_within_its_hours(site: tuple[str, Any]) -> None:
    url, api = site
    now = datetime.now(UTC)
    ends_at = (now + timedelta(days=30)).isoformat()
    hours = {"from": f"{now - timedelta(minutes=30):%H:%M}", "to": f"{now + timedelta(minutes=30):%H:%M}"}
    other = post(
        api,
        "/api/alerts/windows",
        {"rule": "refresh_failed", "hours": hours, "ends_at": ends_at, "reason": "another rule"},
        201,
    )
    late = {"from": f"{now + timedelta(hours=2):%H:%M}", "to": f"{now + timedelta(hours=3):%H:%M}"}
    post(api, "/api/alerts/windows", {"hours": late, "ends_at": ends_at, "reason": "later today"}, 201)
    window = post(
        api,
        "/api/alerts/windows",
        {
            "rule": "file_failed",
            "labels": {"dataset": "vehicles"},
            "hours": hours,
            "ends_at": ends_at,
            "reason": "moving",
        },
        201,
    )
    assert (window["author"], window["hours"]["timeZone"]) == ("anonymous", "UTC")
    assert [each["reason"] for each in api.get("/api/alerts/windows")["windows"]] == [
        "another rule", "later today", "moving",
    ]  # fmt: skip
    with connect(url) as connection:
        connection.execute(
            "INSERT INTO ingest.files (path, version, state, dataset, size_bytes, modified_ns, error) "
            "VALUES ('vehicles.json', 1, 'failed', 'vehicles', 1, 1, 'no JSON')"
        )
        evaluate_all(connection)
        held = api.get("/api/alerts/incidents", rule="file_failed")["incidents"][0]
        assert held["announced_at"] is None
        assert held["held_because"] == "in a maintenance window of anonymous: moving"
        assert api.client.delete(f"/api/alerts/windows/{window['window_id']}").status_code == 204
        assert api.client.delete(f"/api/alerts/windows/{window['window_id']}").status_code == 404
        evaluate_all(connection)
    assert api.get("/api/alerts/incidents", rule="file_failed")["incidents"][0]["announced_at"] is not None
    assert other["window_id"] in [each["window_id"] for each in api.get("/api/alerts/windows")["windows"]]


def test_only_a_key_with_the_scope_acts(site: tuple[str, Any], serve: Any) -> None:
    url, _ = site
    with psycopg.connect(url, autocommit=True) as connection:
        reader, _ = create_key(connection, "reader", ["read"])
        operator, _ = create_key(connection, "operator", ["read", "alerts"])
    with serve(url, api_published_at="0.0.0.0") as api:
        for key, status in ((reader, 403), (operator, 200)):
            answer = api.client.post(
                "/api/alerts/incidents/1/comment",
                content='{"text": "hello"}',
                headers={"X-API-Key": key, "Content-Type": "application/json"},
            )
            assert answer.status_code == status
        assert answer.json()["timeline"][-1]["author"] == "operator"


def test_the_api_cannot_write_but_by_its_functions(site: tuple[str, Any]) -> None:
    with psycopg.connect(site[0], autocommit=True) as connection:
        connection.execute("SET ROLE logistics_reader")
        for statement in (
            "UPDATE alert.incidents SET severity = 'info'",
            "DELETE FROM alert.events",
            "INSERT INTO alert.silences (starts_at, ends_at, author, reason) VALUES (now(), now(), 'a', 'b')",
            "SELECT alert.note(1, 'commented', 'somebody', 'x', NULL)",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)
