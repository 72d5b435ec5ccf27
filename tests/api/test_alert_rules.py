"""/api/alerts/rules and /api/alerts/trials: rules are made, changed, tried and removed over HTTP."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from logistics_api.alerts.rule_schemas import EXAMPLE
from logistics_core.alert_rules.built_in import BUILT_IN
from logistics_pipeline.alerting.rules_in_force import close_what_is_over, rules_in_force, sync_rules
from logistics_pipeline.alerting.trials import serve_next_trial
from logistics_pipeline.database.connections import connect
from tests.api.test_alerts import evaluate_all, post
from tests.api.world import load_world

RULES = "/api/alerts/rules"
RULE = {"title": "Figures are old", "watch": {"kind": "figures_behind"}, "when": {"above": 60}}


@pytest.fixture(scope="module")
def site(new_database: Any, serve: Any, tmp_path_factory: Any) -> Iterator[tuple[str, Any, Path]]:
    """A world of records, and a rule in a file."""
    folder = tmp_path_factory.mktemp("data") / "alerts"
    folder.mkdir()
    (folder / "of_a_file.yaml").write_text("title: Of a file\nwatch: {kind: refresh_failed}\n")
    with new_database() as url:
        load_world(url, folder.parent / "raw")
        with connect(url) as connection:
            sync_rules(connection, folder)
        with serve(url) as api:
            yield url, api, folder


def send(api: Any, method: str, name: str, version: int | None, body: Any = None) -> Any:
    headers = {"Content-Type": "application/json"} | ({} if version is None else {"If-Match": f'"{version}"'})
    content = None if body is None else json.dumps(body)
    return api.client.request(method, f"{RULES}/{name}", content=content, headers=headers)


def put(api: Any, name: str, version: int | None, definition: Any) -> Any:
    return send(api, "PUT", name, version, {"definition": definition})


def problem_of(answer: Any, status: int) -> str:
    assert answer.status_code == status, answer.text
    kind: str = answer.json()["type"].rpartition(":")[2]
    return kind


def test_a_rule_is_made_changed_and_removed_and_every_version_is_kept(site: Any) -> None:
    url, api, folder = site
    made = post(api, RULES, {"name": "old_figures", "definition": RULE}, 201)
    assert (made["version"], made["origin"], made["changed_by"]) == (1, "api", "anonymous")
    changed = put(api, "old_figures", 1, RULE | {"severity": "critical"})
    assert changed.headers["ETag"] == '"2"'
    assert [each["version"] for each in changed.json()["versions"]] == [2, 1]
    assert changed.json()["versions"][1] == {
        "version": 1, "since": made["versions"][0]["since"], "author": "anonymous", "definition": RULE,
    }  # fmt: skip
    assert problem_of(put(api, "old_figures", 1, RULE), 409) == "rule-changed"
    assert problem_of(put(api, "old_figures", None, RULE), 428) == "version-missing"
    with connect(url) as connection:
        assert sync_rules(connection, folder) == [], "the files know nothing of it, and leave it alone"
        assert rules_in_force(connection).rules["old_figures"].severity == "critical"
    assert problem_of(send(api, "DELETE", "old_figures", 1), 409) == "rule-changed"
    assert send(api, "DELETE", "old_figures", 2).status_code == 204
    assert problem_of(send(api, "GET", "old_figures", None), 404) == "unknown-rule"
    again = post(api, RULES, {"name": "old_figures", "definition": RULE}, 201)
    assert again["version"] == 3, "what is made again goes on where it was"
    assert send(api, "DELETE", "old_figures", 3).status_code == 204


def test_a_built_in_rule_is_switched_off_and_is_back_when_the_change_is_removed(site: Any) -> None:
    url, api, folder = site
    before = api.get(f"{RULES}/file_failed")
    assert (before["origin"], before["file"]) == ("built-in", None)
    off = put(api, "file_failed", before["version"], before["definition"] | {"enabled": False}).json()
    assert (off["origin"], off["is_enabled"]) == ("api", False)
    with connect(url) as connection:
        assert sync_rules(connection, folder) == []
        assert "file_failed" not in rules_in_force(connection).rules
    assert send(api, "DELETE", "file_failed", off["version"]).status_code == 204
    after = api.get(f"{RULES}/file_failed")
    assert (after["origin"], after["is_enabled"], after["definition"]) == ("built-in", True, BUILT_IN["file_failed"])
    with connect(url) as connection:
        assert sync_rules(connection, folder) == []
        assert "file_failed" in rules_in_force(connection).rules
    assert problem_of(send(api, "DELETE", "file_failed", after["version"]), 409) == "rule-built-in"


def test_a_rule_of_a_file_is_changed_there_alone(site: Any) -> None:
    _, api, _ = site
    found = api.get(f"{RULES}/of_a_file")
    assert (found["origin"], found["file"], found["changed_by"]) == ("file", "alerts/of_a_file.yaml", None)
    for answer in (put(api, "of_a_file", 1, RULE), send(api, "DELETE", "of_a_file", 1)):
        assert problem_of(answer, 409) == "rule-is-a-file"
        assert "alerts/of_a_file.yaml" in answer.json()["detail"]
    refused = post(api, RULES, {"name": "of_a_file", "definition": RULE}, 409)
    assert "it is the file alerts/of_a_file.yaml" in refused["detail"]


def test_a_file_with_the_name_of_a_rule_that_somebody_made_is_told_and_changes_nothing(site: Any) -> None:
    url, api, folder = site
    post(api, RULES, {"name": "mine", "definition": RULE}, 201)
    (folder / "mine.yaml").write_text("title: Another\nwatch: {kind: refresh_failed}\n")
    with connect(url) as connection:
        (said,) = sync_rules(connection, folder)
        assert "mine.yaml is not used: anonymous made a rule of this name" in said
        assert rules_in_force(connection).rules["mine"].title == RULE["title"]
        found = next(each for each in api.get("/api/alerts")["rules"] if each["name"] == "mine")
        assert found["problem"] == said and found["origin"] == "api"
        (folder / "mine.yaml").unlink()
        assert sync_rules(connection, folder) == []
    assert api.get(f"{RULES}/mine")["problem"] is None
    assert send(api, "DELETE", "mine", 1).status_code == 204


def test_what_is_open_of_a_rule_ends_when_it_is_switched_off(site: Any) -> None:
    url, api, _ = site
    always = {"title": "Something", "watch": {"kind": "refresh_failed"}, "when": {"above": -1}}
    post(api, RULES, {"name": "always", "definition": always}, 201)
    with connect(url) as connection:
        evaluate_all(connection)
        assert api.get("/api/alerts/incidents", rule="always")["total"] == 1
        put(api, "always", 1, always | {"enabled": False})
        close_what_is_over(connection)
    (closed,) = api.get("/api/alerts/incidents", rule="always", state="closed")["incidents"]
    assert closed["closed_because"] == "The rule was disabled"


@pytest.mark.parametrize(
    ("definition", "message"),
    [
        ({}, "title"),
        (RULE | {"when": {"above": 1, "clearBelow": 2}}, "clearBelow must be at most `above`"),
        (RULE | {"title": "a\0b"}, "holds the character NUL"),
        (RULE | {"when": {"above": float("1e308") * 10}}, "no JSON"),
        (RULE | {"watch": {"kind": "metric"}}, "needs `dataset` and `metric`"),
        (RULE | {"watch": EXAMPLE["watch"] | {"dataset": "shipment"}}, "Did you mean shipments?"),
        (RULE | {"watch": EXAMPLE["watch"] | {"metric": "revenu"}}, "Did you mean revenue?"),
        (RULE | {"watch": EXAMPLE["watch"] | {"by": ["origins"]}}, "watch.by[0] names 'origins'"),
        (RULE | {"for": "99999999999999999d"}, "longer than a time can be"),
        (RULE | {"enable": True}, "enable is an unknown key"),
        (RULE | {"when": {"above": 10**400}}, "when.above is the number"),
    ],
)
@pytest.mark.parametrize("path", [RULES, "/api/alerts/trials"])
def test_what_is_wrong_is_told_by_the_key_as_of_a_file(site: Any, path: str, definition: Any, message: str) -> None:
    refused = post(site[1], path, {"name": "wrong", "definition": definition}, 422)
    assert message in str(refused), refused


@pytest.mark.parametrize("name", ["", "Few-rows", "a" * 41, "1a", "a\0"])
def test_a_name_is_that_of_a_file(site: Any, name: str) -> None:
    post(site[1], RULES, {"name": name, "definition": RULE}, 422)


def test_a_rule_is_tried_against_the_past_by_a_worker(site: Any) -> None:
    url, api, _ = site
    rule = {
        "title": "Few shipments",
        "watch": {"kind": "metric", "dataset": "shipments", "metric": "shipments", "by": ["origin"]},
        "when": {"below": 1},
    }
    asked = api.client.post(
        "/api/alerts/trials",
        content=json.dumps({"name": "few", "definition": rule, "days": 20}),
        headers={"Content-Type": "application/json"},
    )
    assert asked.status_code == 202 and asked.json()["state"] == "queued"
    status = asked.headers["Location"]
    assert api.client.get(status).headers["Retry-After"] == "1"
    with connect(url) as connection:
        assert serve_next_trial(connection) and not serve_next_trial(connection)
    trial = api.get(status)
    assert (trial["state"], trial["error"]) == ("done", None)
    result = trial["result"]
    assert len(result["days"]) == 20 and result["days"][-1]["day"] == result["last"]
    firing = [each for each in result["days"] if each["firing"]]
    assert firing and all(each["value"] == 0 for each in firing)
    assert result["times"] == len(result["firings"]) > 0
    assert {each["opened_on"] for each in result["firings"]} <= {each["day"] for each in firing}
    assert api.get("/api/alerts/incidents", rule="few", state="all")["total"] == 0


def test_what_cannot_be_tried_says_why(site: Any) -> None:
    url, api, _ = site
    asked = post(api, "/api/alerts/trials", {"definition": RULE}, 202)
    with connect(url) as connection:
        assert serve_next_trial(connection)
    trial = api.get(asked["status_url"])
    assert (
        trial["state"] == "failed"
        and "No rule about all of figures_behind was evaluated before today" in trial["error"]
    )
    missing = f"/api/alerts/trials/{'0' * 8}-0000-0000-0000-{'0' * 12}"
    assert problem_of(api.client.get(missing), 404) == "unknown-trial"


def test_a_trial_whose_worker_died_is_served_by_another_and_not_for_ever(site: Any) -> None:
    url, api, _ = site
    tried = {**EXAMPLE, "watch": {"kind": "metric", "dataset": "shipments", "metric": "shipments"}}
    asked = post(api, "/api/alerts/trials", {"definition": tried, "days": 3}, 202)
    with connect(url) as connection:
        connection.execute(
            "UPDATE alert.trials SET state = 'running', attempts = 1, lease_until = now() - interval '1 s' "
            "WHERE state = 'queued'"
        )
        assert serve_next_trial(connection)
        assert api.get(asked["status_url"])["state"] == "done"
        connection.execute(
            "UPDATE alert.trials SET state = 'running', attempts = 3, lease_until = now() - interval '1 s' "
            "WHERE trial_id = %s",
            (asked["trial_id"],),
        )
        assert serve_next_trial(connection)
    trial = api.get(asked["status_url"])
    assert trial["state"] == "failed" and "ended its worker 3 times" in trial["error"]
