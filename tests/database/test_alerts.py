"""Rules over a real database: what opens and closes incidents, what is announced, and that nothing is written twice."""

import random
import string
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from logistics_core.alert_rules.built_in import BUILT_IN
from logistics_core.alert_rules.rules import Kind, Watch
from logistics_core.catalogue import Catalogue
from logistics_core.database_contract.notifications import EndpointChannel
from logistics_pipeline.alerting import evaluating
from logistics_pipeline.alerting.announcing import Announcement, announce_left_over
from logistics_pipeline.alerting.charting import draw_charts
from logistics_pipeline.alerting.evaluating import evaluate
from logistics_pipeline.alerting.observing.looks import look
from logistics_pipeline.alerting.rules_in_force import rules_in_force, sync_rules
from logistics_pipeline.alerting.trying import try_rule
from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.database.connections import Connection, connect
from logistics_pipeline.database.housekeeping import Retention, run_housekeeping
from logistics_pipeline.notifying import ledger
from logistics_pipeline.notifying.declaring.declaration import Endpoint
from logistics_pipeline.notifying.declaring.syncing import store_endpoints
from logistics_pipeline.notifying.publishing import publish
from logistics_pipeline.worker import alerts as alert_duty
from logistics_pipeline.worker.alerts import AlertDuty
from logistics_pipeline.worker.publishing import publish_announcement
from tests.database.alerts import CATALOGUE, Alerts, put_in_production
from tests.database.conftest import FolderUnderTest
from tests.database.records import log, shipment
from tests.notifying.events import event


def set_state(alerts: Alerts, file_id: int, state: str) -> None:
    alerts.connection.execute("UPDATE ingest.files SET state = %s WHERE file_id = %s", (state, file_id))


def test_a_failed_file_opens_one_incident_and_its_mending_closes_it(alerts: Alerts, add_file: Any) -> None:
    rule = alerts.rule(watch={"kind": "failed_files"}, severity="critical")
    file_id = add_file("shipments/a.json", "failed", error="no JSON")
    alerts.evaluate(rule)
    (announcement,) = alerts.announced
    assert (announcement.topic, announcement.severity) == ("alert.firing", "critical")
    assert announcement.title == "Something is wrong: shipments, shipments/a.json"
    assert "shipments/a.json has failed: no JSON." in announcement.text and not announcement.has_chart
    assert announcement.labels == {"rule": "rule", "dataset": "shipments", "file": "shipments/a.json"}
    assert alerts.topics() == ["alert.firing"]
    alerts.evaluate(rule)
    assert alerts.topics() == []
    set_state(alerts, file_id, "loaded")
    alerts.evaluate(rule)
    assert alerts.topics() == ["alert.resolved"]
    assert alerts.timeline() == ["opened", "announced", "closed"]
    assert alerts.query("SELECT count(*) FROM alert.states") == [(0,)]


def test_looking_twice_at_the_same_writes_nothing(alerts: Alerts, add_file: Any) -> None:
    rule = alerts.rule(watch={"kind": "failed_files"})
    add_file("a.json", "failed")
    alerts.evaluate(rule)
    tables = """
        SELECT
            (SELECT json_agg(state) FROM (SELECT xmin, * FROM alert.states) AS state)::text,
            (SELECT json_agg(incident) FROM (SELECT xmin, * FROM alert.incidents) AS incident)::text,
            (SELECT count(*) FROM alert.events)
    """
    before = alerts.query(tables)
    for _ in range(3):
        alerts.evaluate(rule)
    assert alerts.query(tables) == before


def test_incidents_of_one_look_are_announced_together_if_the_rule_groups_them(alerts: Alerts, add_file: Any) -> None:
    rule = alerts.rule(watch={"kind": "failed_files"}, groupBy=["dataset"])
    for number in range(12):
        add_file(f"shipments/{number:02}.json", "failed")
    add_file("vehicles.json", "failed", dataset="vehicles")
    alerts.evaluate(rule)
    titles = sorted(each.title for each in alerts.announced)
    assert titles == ["Something is wrong (12)", "Something is wrong: vehicles, vehicles.json"]
    many = next(each for each in alerts.announced if "(12)" in each.title)
    assert many.text.count("has failed") == 10 and "And 2 more." in many.text
    assert alerts.query("SELECT count(*), count(announced_at) FROM alert.incidents") == [(13, 13)]


def test_ends_follow_their_beginning_which_they_end_once_the_last_of_its_incidents_is_over(
    alerts: Alerts, add_file: Any
) -> None:
    rule = alerts.rule(watch={"kind": "failed_files"}, groupBy=["dataset"])
    files = [add_file(f"shipments/{number}.json", "failed") for number in range(3)]
    alerts.evaluate(rule)
    files.append(add_file("shipments/3.json", "failed"))
    alerts.evaluate(rule)
    first, second = (each.thread for each in alerts.announced)
    assert alerts.topics() == ["alert.firing"] * 2 and first != second
    told = []
    for mended in (files[1:2], files[2:], files[:1]):
        for each in mended:
            set_state(alerts, each, "loaded")
        alerts.evaluate(rule)
        told.append([(each.thread, each.ends_thread) for each in alerts.announced])
        alerts.topics()
    assert told == [[(first, False)], [(first, False), (second, True)], [(first, True)]]


def test_a_rule_that_cannot_be_evaluated_becomes_an_incident_itself(alerts: Alerts, add_file: Any) -> None:
    add_file("a.json", "failed")
    rule = alerts.rule(watch={"kind": "failed_files"}, unknownFor="0s")
    alerts.evaluate(rule)
    alerts.topics()
    broken = replace(rule, watch=Watch(Kind.METRIC, dataset="no_such_dataset", metric="x"))
    found = alerts.evaluate(broken)
    assert found.error is not None and "names 'no_such_dataset', which is no dataset" in found.error
    (announcement,) = alerts.announced
    assert announcement.topic == "alert.unknown" and announcement.title.startswith("Cannot be evaluated: ")
    assert alerts.query("SELECT count(*) FROM alert.incidents WHERE closed_at IS NULL") == [(2,)]
    alerts.topics()
    alerts.evaluate(rule)
    assert alerts.topics() == ["alert.resolved"], "the rule's own incident; that of the file goes on"
    assert alerts.query("SELECT kind FROM alert.incidents WHERE closed_at IS NULL") == [("condition",)]


def test_a_rule_that_the_program_fails_to_evaluate_is_an_incident_whatever_it_says_of_unknown_values(
    alerts: Alerts, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> Any:
        raise TypeError("expected a text")

    monkeypatch.setattr(evaluating, "look", fail)
    for unknown in ("ok", "keep"):
        rule = alerts.rule(unknown, watch={"kind": "failed_files"}, unknown=unknown, unknownFor="0s")
        assert "expected a text" in str(alerts.evaluate(rule).error)
        assert alerts.topics() == ["alert.unknown"]
    assert alerts.query("SELECT DISTINCT kind FROM alert.incidents") == [("unknown",)]


def test_what_is_silenced_is_recorded_and_announced_once_the_silence_is_over(alerts: Alerts, add_file: Any) -> None:
    rule = alerts.rule(watch={"kind": "failed_files"})
    alerts.connection.execute(
        "SELECT alert.add_silence('rule', '{\"dataset\": \"shipments\"}', now() - interval '1 hour', "
        "now() + interval '1 hour', 'Ada', 'the export is being mended')"
    )
    add_file("shipments/a.json", "failed")
    add_file("vehicles.json", "failed", dataset="vehicles")
    found = alerts.evaluate(rule)
    assert [each.labels["dataset"] for each in alerts.announced] == ["vehicles"]
    assert found.waits
    assert alerts.query("SELECT held_because ~ 'by Ada: the export' FROM alert.incidents ORDER BY 1") == [
        (True,),
        (None,),
    ]
    alerts.topics()
    alerts.connection.execute("SELECT alert.end_silence(silence_id, 'Ada') FROM alert.silences")
    alerts.evaluate(rule)
    assert alerts.topics() == ["alert.firing"]
    assert alerts.timeline() == ["opened", "announced", "opened", "held", "announced"]


def test_whose_beginning_was_not_announced_has_no_end_that_is(alerts: Alerts, add_file: Any) -> None:
    rule = alerts.rule(watch={"kind": "failed_files"})
    alerts.connection.execute(
        "SELECT alert.add_silence(NULL, '{}', now() - interval '1 hour', now() + interval '1 hour', 'Ada', 'moving')"
    )
    file_id = add_file("a.json", "failed")
    alerts.evaluate(rule)
    set_state(alerts, file_id, "loaded")
    alerts.evaluate(rule)
    assert alerts.topics() == []
    assert alerts.query("SELECT settled_at IS NOT NULL, announced_at FROM alert.incidents") == [(True, None)]


def test_an_open_incident_of_another_rule_explains_it(alerts: Alerts, add_file: Any) -> None:
    other = alerts.rule("other", watch={"kind": "failed_files"})
    rule = alerts.rule(watch={"kind": "rejected_share"}, when={"above": 5}, inhibitedBy=["other"])
    failed = add_file("shipments/a.json", "failed")
    columns = {"records_read": 10, "records_rejected": 4, "records_loaded": 6}
    add_file("shipments/b.json", "loaded", **columns)
    alerts.connection.execute("UPDATE ingest.files SET finished_at = now() WHERE state = 'loaded'")
    alerts.evaluate(other)
    alerts.evaluate(rule)
    assert alerts.topics() == ["alert.firing", "alert.firing"], "another file does not explain this one"
    set_state(alerts, failed, "loaded")
    alerts.evaluate(other)
    alerts.topics()
    same = alerts.rule("same", watch={"kind": "failed_files", "dataset": "vehicles"})
    add_file("vehicles.json", "failed", dataset="vehicles")
    alerts.evaluate(same)
    add_file("vehicles.ndjson", "loaded", dataset="vehicles", **columns)
    alerts.connection.execute("UPDATE ingest.files SET finished_at = now() WHERE path = 'vehicles.ndjson'")
    alerts.connection.execute("UPDATE alert.incidents SET labels = '{\"dataset\": \"vehicles\"}' WHERE rule = 'same'")
    alerts.topics()
    alerts.evaluate(replace(rule, inhibited_by=("same",)))
    assert alerts.topics() == []
    assert alerts.query("SELECT held_because FROM alert.incidents WHERE held_because IS NOT NULL") == [
        ("same is open, which explains it",)
    ]


def test_two_that_evaluate_at_once_open_one_incident(alerts: Alerts, add_file: Any, database_url: str) -> None:
    rule = alerts.rule(watch={"kind": "failed_files"})
    add_file("a.json", "failed")
    with connect(database_url) as second, alerts.connection.transaction():
        alerts.evaluate(rule)
        second.execute("SET lock_timeout = '300ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            evaluate(second, CATALOGUE, rule, alerts.publish)
    with connect(database_url) as second:
        evaluate(second, CATALOGUE, rule, alerts.publish)
    assert alerts.topics() == ["alert.firing"]
    assert alerts.query("SELECT count(*) FROM alert.incidents") == [(1,)]


def test_what_cannot_be_published_leaves_nothing_behind(alerts: Alerts, add_file: Any) -> None:
    rule = alerts.rule(watch={"kind": "failed_files"})
    add_file("a.json", "failed")

    def fail(connection: Connection, announcement: Announcement) -> None:
        raise RuntimeError("no outbox")

    with pytest.raises(RuntimeError):
        evaluate(alerts.connection, CATALOGUE, rule, fail)
    assert alerts.query("SELECT count(*) FROM alert.incidents") == [(0,)]
    alerts.evaluate(rule)
    assert alerts.topics() == ["alert.firing"]


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind not in (Kind.METRIC, Kind.OUTSIDE_FORECAST)])
def test_an_empty_database_has_nothing_to_report(kind: Kind, alerts: Alerts) -> None:
    rule = alerts.rule(watch={"kind": kind.value})
    found = alerts.evaluate(rule)
    assert (found.error, found.changes) == (None, 0)


TROUBLES = {
    Kind.UNRECOGNISED_FILES: "INSERT INTO ingest.files (path, state, size_bytes, modified_ns) "
    "VALUES ('odd.txt', 'unrecognised', 1, 1)",
    Kind.REFRESH_FAILED: "UPDATE analytics.status SET error_message = 'out of memory'",
    Kind.CONTRACT_QUESTIONS: "INSERT INTO catalogue.proposals (path, dataset, kind, contract, document, created_by) "
    "VALUES ('shipments/a.csv', 'shipments', 'drift', '', '{}', 'pipeline')",
    Kind.SOURCES_FAILING: "WITH known AS ("
    "INSERT INTO source.sources (name, kind, definition) VALUES ('erp', 'rest', '{}')) "
    "INSERT INTO source.pulls (source, resource, mode, state, definition_sha256, request_sha256, error, advice, "
    "started_at) VALUES ('erp', 'trips', 'changes', 'failed', '', '', 'It answers 500.', 'Wait.', "
    "now() - interval '1 h')",
    Kind.PLACES_FAILING: "INSERT INTO ingest.places (name, url, error, failing_since) "
    "VALUES ('lake', 's3://lake/', 'It answers 403.', now() - interval '1 hour')",
    Kind.FORECAST_SET_BACK: "INSERT INTO forecast.series (dataset, metric, grain, level, key, is_rest, naive_since, "
    "naive_reason) VALUES ('shipments', 'revenue', 'day', '[]', '[]', false, '2024-06-03', 'It lost.')",
}


@pytest.mark.parametrize("kind", TROUBLES)
def test_each_trouble_is_an_incident_with_its_facts(kind: Kind, alerts: Alerts) -> None:
    alerts.connection.execute(TROUBLES[kind].encode())
    rule = alerts.rule(watch={"kind": kind.value})
    assert alerts.evaluate(rule).error is None
    assert alerts.topics() == ["alert.firing"]
    ((summary, facts),) = alerts.query("SELECT summary, facts FROM alert.incidents")
    assert summary and facts and all(isinstance(name, str) and name for name, _ in facts)


def test_dead_letters_are_an_incident_until_they_are_sent(alerts: Alerts) -> None:
    store_endpoints(alerts.connection, [Endpoint("desk", EndpointChannel.WEBHOOK, configuration={"url": "https://x"})])
    publish(alerts.connection, event())
    publish(alerts.connection, event())
    rule = alerts.rule("dead_letters", **BUILT_IN["dead_letters"])
    assert not alerts.evaluate(rule).changes
    alerts.connection.execute(
        "UPDATE notify.messages SET state = 'dead', reason = 'It answers 404.', due_at = NULL, ended_at = now()"
    )
    alerts.evaluate(rule)
    alerts.evaluate(rule)
    (announcement,) = alerts.announced
    assert announcement.text.startswith("2 messages to desk were given up.")
    assert ("Last reason", "It answers 404.") in announcement.facts
    ledger.resend(alerts.connection, endpoint="desk")
    alerts.evaluate(rule)
    assert alerts.topics() == ["alert.firing", "alert.resolved"]


def test_fuel_is_watched_against_the_week_before(raw_folder: FolderUnderTest, alerts: Alerts) -> None:
    first = date(2024, 5, 1)
    records = [
        log(day * 10 + each, trip_date=str(first + timedelta(days=day)), mileage=100, fuel_used=10 if day < 7 else 14)
        for day in range(14)
        for each in range(5)
    ]
    raw_folder.drop_and_load("vehicle_logs.json", records)
    refresh(raw_folder.url)
    alerts.evaluate(alerts.rule("fuel_off_baseline", **BUILT_IN["fuel_off_baseline"]))
    (announcement,) = alerts.announced
    assert announcement.severity == "info"
    assert "-28.6 % against 10 km/L in 2024-05-01 to 2024-05-07" in announcement.text


def test_the_cost_per_km_of_a_vehicle_is_watched_against_the_weeks_before(
    raw_folder: FolderUnderTest, alerts: Alerts
) -> None:
    rule = alerts.rule("cost_off_baseline", **BUILT_IN["cost_off_baseline"])
    assert not alerts.evaluate(rule).changes, "without figures"
    first, trips = (
        date(2024, 5, 1),
        [(day, vehicle, each) for day in range(21) for vehicle in "abc" for each in (1, 2, 3)],
    )
    raw_folder.drop_and_load(
        "vehicle_logs.json",
        [
            log(
                number, log_id=f"L{number}", vehicle_id=vehicle, trip_date=str(first + timedelta(days=day)), mileage=100
            )
            for number, (day, vehicle, _) in enumerate(trips)
        ],
    )
    costs = [180 if vehicle == "b" and day >= 14 else 100 for day, vehicle, _ in trips]
    costs = [
        (each if vehicle != "c" or day < 20 else 10_000) for each, (day, vehicle, _) in zip(costs, trips, strict=True)
    ]
    shipments = [shipment(number, log_id=f"L{number}", cost=cost) for number, cost in enumerate(costs)]
    shipments += [shipment(9_000, log_id="unknown", cost=5_000_000)]
    raw_folder.drop_and_load("shipments.json", shipments)
    refresh(raw_folder.url)
    alerts.evaluate(rule)
    told = {each.labels["vehicle_id"]: each for each in alerts.announced}
    assert told.keys() == {"b", "c"} and {each.severity for each in told.values()} == {"info"}
    assert "The cost per km of b was 1.8, +80.0 % against 1 in the 56 days before 2024-05-15" in told["b"].text
    assert not alerts.evaluate(rule).changes
    trial = try_rule(alerts.connection, CATALOGUE, rule, 30)
    opened = {each.labels["vehicle_id"]: each.opened_on for each in trial.firings}
    assert opened["c"] == date(2024, 5, 21) and date(2024, 5, 14) < opened["b"] < date(2024, 5, 21)


def test_a_dataset_is_overdue_by_its_own_rhythm(alerts: Alerts, add_file: Any) -> None:
    rule = alerts.rule(watch={"kind": "overdue_datasets", "windowDays": 60}, when={"above": 3})
    for day in range(10):
        add_file(f"shipments/{day}.json", "loaded")
        alerts.connection.execute(
            "UPDATE ingest.files SET registered_at = now() - make_interval(days => %s) WHERE path = %s",
            (12 - day, f"shipments/{day}.json"),
        )
    (found,) = look(alerts.connection, CATALOGUE, rule.watch, alerts.query("SELECT now()")[0][0])
    assert found.value == pytest.approx(3.0, abs=0.01)
    later = alerts.query("SELECT now() + interval '1 hour'")[0][0]
    (found,) = look(alerts.connection, CATALOGUE, rule.watch, later)
    assert found.value is not None and rule.condition.holds(found.value, fires=False)
    assert "usually one comes within 24 hours" in found.summary


def test_rows_that_wait_for_a_refresh_are_measured_by_their_age(raw_folder: FolderUnderTest, alerts: Alerts) -> None:
    rule = alerts.rule(watch={"kind": "figures_behind"}, when={"above": 900})
    raw_folder.drop_and_load("vehicle_logs.json", [log(1)])
    alerts.connection.execute("UPDATE ingest.batches SET committed_at = now() - interval '20 minutes'")
    alerts.evaluate(rule)
    assert alerts.topics() == ["alert.firing"]
    refresh(raw_folder.url)
    alerts.evaluate(rule)
    assert alerts.topics() == ["alert.resolved"]


def test_incidents_of_metrics_know_the_rows_that_they_are_about(raw_folder: FolderUnderTest, alerts: Alerts) -> None:
    records = [log(number, trip_date="2024-05-03", vehicle_id=f"v{number}", mileage=500) for number in (1, 2)]
    raw_folder.drop_and_load("vehicle_logs.json", records)
    refresh(raw_folder.url)
    watch = {"kind": "metric", "dataset": "vehicle_logs", "metric": "distance"}
    alerts.evaluate(alerts.rule("each", watch=watch | {"by": ["vehicle_id"]}, when={"above": 100}, groupBy=["rule"]))
    alerts.evaluate(alerts.rule("total", watch=watch, when={"above": 100}))
    v1, v2 = ({"dataset": "vehicle_logs", "fields": {"vehicle_id": name}} for name in ("v1", "v2"))
    found = alerts.query("SELECT about_rows FROM alert.incidents ORDER BY rule, labels")
    assert found == [([v1],), ([v2],), ([{"dataset": "vehicle_logs", "fields": {}}],)]
    told = [each.about_rows for each in alerts.announced]
    assert told == [[v1, v2], [{"dataset": "vehicle_logs", "fields": {}}]]


def test_incidents_of_files_are_about_rows_that_nobody_can_tell(alerts: Alerts, add_file: Any) -> None:
    add_file("shipments/1.json", "failed")
    alerts.evaluate(alerts.rule(watch={"kind": "failed_files"}))
    assert alerts.query("SELECT about_rows FROM alert.incidents") == [(None,)]


def test_metrics_are_watched_by_their_fields(raw_folder: FolderUnderTest, alerts: Alerts) -> None:
    days = ["2024-05-01", "2024-05-02", "2024-05-03"]
    raw_folder.drop_and_load("vehicle_logs.json", [log(number, trip_date=day) for number, day in enumerate(days)])
    costs = {"Aachen": [100, 100, 300], "Berlin": [100, 100, 110]}
    raw_folder.drop_and_load(
        "shipments.json",
        [
            shipment(number, shipment_id=f"{origin} {number}", log_id=f"l{number}", origin=origin, cost=cost)
            for origin, of_days in costs.items()
            for number, cost in enumerate(of_days)
        ],
    )
    refresh(raw_folder.url)
    watch = {"kind": "metric", "dataset": "shipments", "metric": "revenue", "by": ["origin"]}
    found = {
        each.labels["origin"]: each
        for each in look(
            alerts.connection, CATALOGUE, alerts.rule(watch=watch).watch, alerts.query("SELECT now()")[0][0]
        )
    }
    assert {origin: each.value for origin, each in found.items()} == {"Aachen": 300.0, "Berlin": 110.0}
    assert "2024-05-03" in found["Aachen"].summary
    compared = alerts.rule(watch={**watch, "compare": "previous"}, when={"above": 50, "below": -50})
    alerts.evaluate(compared)
    (announcement,) = alerts.announced
    assert announcement.labels["origin"] == "Aachen"
    assert "+200.0 % against 100 in 2024-05-02" in announcement.text and announcement.has_chart
    rules = {compared.name: compared}
    assert draw_charts(alerts.connection, CATALOGUE, rules) == 1
    assert draw_charts(alerts.connection, CATALOGUE, rules) == 0, "it is looked up once"
    ((chart,),) = alerts.query("SELECT chart FROM alert.incidents")
    assert chart["days"] == [
        {"day": "2024-05-01", "value": None},
        {"day": "2024-05-02", "value": pytest.approx(0)},
        {"day": "2024-05-03", "value": pytest.approx(200)},
    ]
    assert chart["when"] == {"above": 50, "below": -50} and chart["watch"]["by"] == ["origin"]


def test_a_subject_without_records_counts_as_nothing_and_not_as_unknown(
    raw_folder: FolderUnderTest, alerts: Alerts
) -> None:
    raw_folder.drop_and_load("vehicle_logs.json", [log(1, trip_date="2024-05-01"), log(2, trip_date="2024-05-02")])
    raw_folder.drop_and_load(
        "shipments.json", [shipment(1, log_id="l1", origin="Aachen"), shipment(2, log_id="l2", origin="Berlin")]
    )
    refresh(raw_folder.url)
    rule = alerts.rule(
        watch={"kind": "metric", "dataset": "shipments", "metric": "shipments", "by": ["origin"]}, when={"below": 1}
    )
    alerts.evaluate(rule)
    assert [each.labels["origin"] for each in alerts.announced] == ["Aachen"]


def observed(alerts: Alerts, kind: str) -> dict[str, float | None]:
    """What a look has found: the values of the labels, and the value."""
    now = alerts.query("SELECT now()")[0][0]
    found = look(alerts.connection, alerts.catalogue, alerts.rule(watch={"kind": kind}).watch, now)
    return {" ".join(sorted(each.labels.values())): each.value for each in found}


def test_quality_is_watched_against_the_floor_of_the_contract(raw_folder: FolderUnderTest, alerts: Alerts) -> None:
    raw_folder.drop_and_load("vehicle_logs.json", [log(1), log(2) | {"mileage": "far"}])
    score = observed(alerts, "quality_score")["vehicle_logs"]
    assert score is not None and 0 < score < 100
    assert observed(alerts, "quality_shortfall") == {}, "no contract has a floor"
    expected = replace(CATALOGUE["vehicle_logs"].expectations, quality=Decimal("0.995"))
    alerts.catalogue = Catalogue(
        {**CATALOGUE, "vehicle_logs": replace(CATALOGUE["vehicle_logs"], expectations=expected)}
    )
    assert observed(alerts, "quality_shortfall") == {"vehicle_logs": pytest.approx(99.5 - score)}
    alerts.evaluate(alerts.rule(watch={"kind": "quality_shortfall"}))
    (announcement,) = alerts.announced
    assert "The quality of vehicle_logs is" in announcement.text
    assert {"Floor of the contract", "Worst rule"} <= {name for name, _ in announcement.facts}


def test_fields_that_change_are_watched_until_the_contract_knows_them(alerts: Alerts, add_file: Any) -> None:
    changes = [
        {"kind": "required_gone", "field": "cost", "text": "cost is missing"},
        {"kind": "type", "field": "weight", "text": "weight has texts"},
        {"kind": "order", "text": "The columns are in another order"},
    ]
    alerts.connection.execute(
        "INSERT INTO catalogue.proposals (path, dataset, kind, contract, document, created_by) "
        "VALUES ('shipments/a.csv', 'shipments', 'drift', '', %s, 'pipeline')",
        (Jsonb({"drift": {"changes": changes}}),),
    )
    add_file("shipments/old.json", "loaded", unknown_fields=["old"])
    add_file("shipments/b.json", "loaded", unknown_fields=["colour", "origin"])
    alerts.connection.execute("UPDATE ingest.files SET finished_at = now() - interval '1 hour' / file_id")
    assert observed(alerts, "changed_fields") == {
        "cost missing shipments": 1, "colour new shipments": 1, "retyped shipments weight": 1,
    }  # fmt: skip
    alerts.connection.execute("UPDATE catalogue.proposals SET state = 'dismissed', ended_at = now(), ended_by = 'Ada'")
    add_file("shipments/c.json", "loaded")
    alerts.connection.execute("UPDATE ingest.files SET finished_at = now() WHERE path = 'shipments/c.json'")
    assert observed(alerts, "changed_fields") == {}


def test_models_are_watched_that_are_behind_have_moved_inputs_or_are_worse(alerts: Alerts) -> None:
    name = "shipments.delivery_time"
    alerts.connection.execute(
        "INSERT INTO models.models (model, dataset, kind, declaration, updated_at, data_version) "
        "VALUES (%s, 'shipments', 'duration', '{}', now() - interval '2 days', 0)",
        (name,),
    )
    assert observed(alerts, "models_behind") == {f"shipments {name}": 0}, "there are no newer figures"
    alerts.connection.execute("UPDATE analytics.status SET data_version = data_version + 1")
    assert observed(alerts, "models_behind") == {f"shipments {name}": pytest.approx(172_800, abs=60)}
    assert observed(alerts, "model_error") == observed(alerts, "model_drift") == {}, "no version is in production"
    put_in_production(alerts.connection, name, error=3.0, naive_error=2.0)
    assert observed(alerts, "model_error") == {f"shipments {name}": 1.5}
    alerts.connection.execute(
        "INSERT INTO models.drift (model, version, input, records, psi) VALUES (%s, 1, 'weight', 100, 0.4)", (name,)
    )
    (drift,) = observed(alerts, "model_drift").items()
    assert set(drift[0].split()) == {"weight", name, "shipments"} and drift[1] == 0.4
    alerts.connection.execute("UPDATE models.models SET retired_at = now()")
    assert observed(alerts, "model_drift") == observed(alerts, "models_behind") == {}


# -- the rules in force ----------------------------------------------------------------------------------------------


def write(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.yaml").write_text(text)


def test_rules_are_built_in_and_written_and_follow_their_files(connection: Connection, tmp_path: Path) -> None:
    folder = tmp_path / "alerts"
    said = sync_rules(connection, folder)
    built_in = rules_in_force(connection).rules
    assert "file_failed" in built_in and len(said) == len(built_in)
    assert sync_rules(connection, folder) == []
    write(folder, "file_failed", "severity: warning\n")
    write(folder, "figures_behind", "enabled: false\n")
    write(
        folder,
        "few_rows",
        "title: Few rows\nwatch: {kind: metric, dataset: shipments, metric: shipments}\nwhen: {below: 10}\n",
    )
    sync_rules(connection, folder)
    found = rules_in_force(connection).rules
    assert found["file_failed"].severity == "warning" and found["file_failed"].version == 2
    assert found["file_failed"].watch == built_in["file_failed"].watch, "what is left out stays as it was"
    assert "figures_behind" not in found and found["few_rows"].condition.below == 10
    (folder / "few_rows.yaml").unlink()
    assert sync_rules(connection, folder) == ["The rule few_rows was removed."]
    assert "few_rows" not in rules_in_force(connection).rules


def test_a_rule_that_cannot_be_used_keeps_its_version_before_and_no_other_from_its_work(
    connection: Connection, tmp_path: Path
) -> None:
    folder = tmp_path / "alerts"
    good = "title: Few rows\nwatch: {kind: metric, dataset: shipments, metric: shipments}\nwhen: {below: 10}\n"
    write(folder, "few_rows", good)
    sync_rules(connection, folder)
    write(folder, "few_rows", good.replace("below: 10", "belov: 10"))
    (said,) = sync_rules(connection, folder)
    assert "line 3" in said and "belov" in said and "below" in said
    found = rules_in_force(connection)
    assert found.rules["few_rows"].condition.below == 10
    assert list(found.problems) == ["few_rows"]


def test_a_folder_of_rules_that_cannot_be_read_is_told_once(
    connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(alert_duty, "FOLDER_SECONDS", 0.0)
    folder = tmp_path / "alerts"
    duty = alert_duty.AlertDuty(connection, folder, lambda *_: None)
    told = []
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "late.yaml").write_text("watch: files\n")
    for target in ("kept", "alerts", "alerts", "kept", "alerts"):  # a link to itself cannot be read
        folder.unlink(missing_ok=True)
        folder.symlink_to(tmp_path / target)
        caplog.clear()
        duty.turn()
        told.append([each.levelname for each in caplog.records if "cannot be read" in each.message])
    assert told == [[], ["ERROR"], [], [], ["ERROR"]]


def test_what_is_open_of_a_rule_ends_with_it(alerts: Alerts, add_file: Any, tmp_path: Path) -> None:
    folder = tmp_path / "alerts"
    sync_rules(alerts.connection, folder)
    add_file("a.json", "failed")
    alerts.evaluate(rules_in_force(alerts.connection).rules["file_failed"])
    write(folder, "file_failed", "enabled: false\n")
    sync_rules(alerts.connection, folder)
    assert alerts.query("SELECT closed_because FROM alert.incidents") == [("The rule was disabled",)]


@pytest.mark.parametrize("text", ["enabled: false\n", None])
def test_the_ends_of_what_a_rule_had_open_are_announced_without_it(
    alerts: Alerts, add_file: Any, tmp_path: Path, text: str | None
) -> None:
    folder = tmp_path / "alerts"
    write(folder, "failed", "title: A file has failed\nwatch: {kind: failed_files}\n")
    sync_rules(alerts.connection, folder)
    for number in range(3):
        add_file(f"{number}.json", "failed")
    rule = rules_in_force(alerts.connection).rules["failed"]
    alerts.evaluate(rule)
    assert alerts.topics() == ["alert.firing"] * 3
    if text is None:
        (folder / "failed.yaml").unlink()
    else:
        write(folder, "failed", "title: A file has failed\nwatch: {kind: failed_files}\n" + text)
    sync_rules(alerts.connection, folder)
    for _ in range(2):
        announce_left_over(alerts.connection, rules_in_force(alerts.connection).rules, alerts.publish)
    alerts.evaluate(rule)
    titles = sorted(each.title for each in alerts.announced)
    assert titles == [f"Over: A file has failed: shipments, {number}.json" for number in range(3)]
    assert all("The rule was" in each.text for each in alerts.announced)
    assert alerts.topics() == ["alert.resolved"] * 3
    assert alerts.query("SELECT count(*) FROM alert.incidents") == [(3,)], "whoever still knows the rule opens nothing"


def test_nothing_is_told_again_once_messages_are_too_old_to_be_kept(
    alerts: Alerts, add_file: Any, database_url: str
) -> None:
    """As others did, who knew from the log of messages alone what had been told."""
    store_endpoints(alerts.connection, [Endpoint("inbox", EndpointChannel.INBOX)])
    rule = alerts.rule(watch={"kind": "failed_files"})
    file_id = add_file("a.json", "failed")

    def look() -> list[Any]:
        evaluate(alerts.connection, CATALOGUE, rule, publish_announcement)
        return [topic for (topic,) in alerts.query("SELECT topic FROM notify.events ORDER BY event_id")]

    assert look() == ["alert.firing"]
    alerts.connection.execute("UPDATE notify.events SET published_at = published_at - interval '400 days'")
    assert run_housekeeping(database_url, Retention(30, None)).events_deleted == 1
    assert look() == []
    set_state(alerts, file_id, "loaded")
    assert look() == ["alert.resolved"]
    assert alerts.query("SELECT state FROM notify.messages") == [("delivered",)]


def test_what_cannot_be_stored_of_a_rule_keeps_no_other_from_its_work(
    alerts: Alerts, add_file: Any, tmp_path: Path
) -> None:
    folder = tmp_path / "alerts"
    for name, dataset in (("a_first", "shipments"), ("z_last", "vehicles")):
        write(folder, name, f"title: Failed\nwatch: {{kind: failed_files, dataset: {dataset}}}\n")
    write(folder, "file_failed", "enabled: false\n")
    path = "".join(random.Random(1).choices(string.ascii_letters + string.digits, k=2670))
    add_file(path, "failed")  # a subject that is too long for an index
    add_file("vehicles.json", "failed", dataset="vehicles")
    duty = AlertDuty(alerts.connection, folder, alerts.publish)
    found = [each.rule for each in duty.turn()]
    assert "z_last" in found and "a_first" not in found
    assert [each.labels["rule"] for each in alerts.announced] == ["z_last"]
    (problem,) = duty.problems
    assert problem.startswith("What the rule a_first found cannot be stored: index row size")
    assert duty.seconds_until_next() > 0, "it is not tried again at once"


@pytest.mark.parametrize(
    "error", [OverflowError("date value out of range"), psycopg.errors.NumericValueOutOfRange("x")]
)
def test_a_chart_that_cannot_be_drawn_keeps_no_rule_from_its_work(
    alerts: Alerts, raw_folder: FolderUnderTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    raw_folder.drop_and_load("vehicle_logs.json", [log(number) for number in range(3)])
    refresh(raw_folder.url)
    watch = "{kind: metric, dataset: vehicle_logs, metric: trips}"
    write(tmp_path / "alerts", "trips", f"title: Trips\nwatch: {watch}\nwhen: {{above: 0}}\n")

    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr("logistics_pipeline.alerting.charting.observe_metric", fail)
    duty = AlertDuty(alerts.connection, tmp_path / "alerts", alerts.publish)
    assert "trips" in [each.rule for each in duty.turn()]
    (chart,) = alerts.query("SELECT chart -> 'days' FROM alert.incidents WHERE rule = 'trips'")
    assert chart == ([],)
    duty.turn()


def test_active_hours_hold_an_incident_back(alerts: Alerts, add_file: Any) -> None:
    moment = alerts.query("SELECT clock_timestamp()")[0][0]
    start = (moment + timedelta(hours=2)).strftime("%H:%M")
    end = (moment + timedelta(hours=3)).strftime("%H:%M")
    rule = alerts.rule(watch={"kind": "failed_files"}, active={"from": start, "to": end, "timeZone": "UTC"})
    add_file("a.json", "failed")
    assert alerts.evaluate(rule).waits
    assert alerts.topics() == []
    alerts.evaluate(replace(rule, active=None))
    assert alerts.topics() == ["alert.firing"]
