"""Rules tried against the past: what was known of each day, and what is said where nothing was."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from logistics_core.alert_rules.built_in import BUILT_IN
from logistics_core.alert_rules.rules import Kind, Rule
from logistics_core.catalogue import Catalogue
from logistics_core.database_contract.notifications import EndpointChannel
from logistics_pipeline.alerting.observing.highest_values import OF_HIGHEST_VALUES, keep_highest
from logistics_pipeline.alerting.observing.model import CannotEvaluate, Observation, Words
from logistics_pipeline.alerting.trying import Trial, try_rule
from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.database.housekeeping import Retention, run_housekeeping
from logistics_pipeline.notifying.declaring.declaration import Endpoint
from logistics_pipeline.notifying.declaring.syncing import store_endpoints
from logistics_pipeline.notifying.publishing import publish
from tests.database.alerts import CATALOGUE, Alerts, put_in_production
from tests.database.conftest import FolderUnderTest
from tests.database.records import log
from tests.notifying.events import event


def ago(days: int, hour: float = 0) -> datetime:
    """An hour of the day so many days ago, UTC."""
    midnight = datetime.combine(datetime.now(UTC).date(), time(), UTC)
    return midnight - timedelta(days=days) + timedelta(hours=hour)


def firings(trial: Trial) -> list[tuple[str, int, int]]:
    """Values of the labels, and how many days ago each began and ended: 0 if it has not."""
    today = datetime.now(UTC).date()
    return [
        (
            " ".join(each.labels.values()),
            (today - each.opened_on).days,
            0 if each.closed_on is None else (today - each.closed_on).days,
        )
        for each in trial.firings
    ]


def tried(alerts: Alerts, rule: Rule, days: int = 90) -> Trial:
    return try_rule(alerts.connection, alerts.catalogue, rule, days)


# -- files and incidents -----------------------------------------------------------------------------------------------


def test_a_rule_about_files_is_tried_against_the_days_on_which_they_came(alerts: Alerts, add_file: Any) -> None:
    for days_ago in (20, 19, 18, 17, 16, 15, 14, 8, 7, 1):  # six days without a file
        rejected = 5 if days_ago == 7 else 0
        counts = {"records_read": 10, "records_loaded": 10 - rejected, "records_rejected": rejected}
        add_file(f"shipments/{days_ago}.json", "loaded", **counts)
        alerts.connection.execute(
            "UPDATE ingest.files SET registered_at = date_trunc('day', now()) - %(ago)s, "
            "finished_at = date_trunc('day', now()) - %(ago)s WHERE path = %(path)s",
            {"ago": timedelta(days=days_ago) - timedelta(hours=1), "path": f"shipments/{days_ago}.json"},
        )
    today = alerts.query("SELECT (now() AT TIME ZONE 'UTC')::date")[0][0]
    overdue = alerts.rule(watch={"kind": "overdue_datasets", "windowDays": 60}, when={"above": 3})
    found = try_rule(alerts.connection, CATALOGUE, overdue, 90)
    assert (found.first, found.last) == (today - timedelta(days=20), today - timedelta(days=1))
    (firing,) = found.firings
    assert firing.opened_on == today - timedelta(days=11) and firing.closed_on == today - timedelta(days=8)
    of_rejects = alerts.rule(watch={"kind": "rejected_share", "windowDays": 3}, when={"above": 20})
    (firing,) = try_rule(alerts.connection, CATALOGUE, of_rejects, 90).firings
    assert (firing.opened_on, firing.closed_on) == (today - timedelta(days=7), today - timedelta(days=4))


def test_a_rule_about_failed_files_is_tried_against_the_incidents_of_any_rule(alerts: Alerts, add_file: Any) -> None:
    watching = alerts.rule("others", watch={"kind": "failed_files"})
    with pytest.raises(CannotEvaluate, match="No rule watched failed_files before today"):
        try_rule(alerts.connection, CATALOGUE, watching, 90)
    alerts.connection.execute(
        "INSERT INTO alert.rule_versions (name, version, definition, since) "
        "SELECT 'others', 1, %s, (date_trunc('day', now(), 'UTC') - interval '9 days')",
        (Jsonb(watching.document),),
    )
    for name in ("shipments/short.json", "shipments/long.json", "vehicles/long.json"):
        add_file(name, "failed", dataset=name.partition("/")[0])
    alerts.evaluate(watching)
    for name, opened, lasted in (("ts/short.", 5, 1), ("ts/long.", 5, 60), ("vehicles/long.", 3, 30)):
        alerts.connection.execute(
            "WITH moments AS ("
            "SELECT date_trunc('day', now(), 'UTC') - make_interval(days => %(opened)s, hours => -1) AS at) "
            "UPDATE alert.incidents SET closed_because = 'x', opened_at = moments.at, "
            "closed_at = moments.at + make_interval(hours => %(lasted)s) "
            "FROM moments WHERE labels ->> 'file' LIKE '%%' || %(name)s || '%%'",
            {"name": name, "opened": opened, "lasted": lasted},
        )
    today = alerts.query("SELECT (now() AT TIME ZONE 'UTC')::date")[0][0]

    def tried(**keys: Any) -> list[tuple[str, int, int]]:
        rule = alerts.rule("tried", watch={"kind": "failed_files"} | keys.pop("watch", {}), **keys)
        found = try_rule(alerts.connection, CATALOGUE, rule, 90)
        assert (found.first, found.last) == (today - timedelta(days=9), today - timedelta(days=1))
        return [
            (each.labels["file"], (today - each.opened_on).days, (today - (each.closed_on or today)).days)
            for each in found.firings
        ]

    every = [("shipments/long.json", 5, 2), ("shipments/short.json", 5, 4), ("vehicles/long.json", 3, 1)]
    assert tried() == every
    assert tried(watch={"dataset": "vehicles"}) == every[2:]
    assert tried(**{"for": "2h"}) == [every[0], every[2]]
    assert tried(when={"above": 1}) == []


def test_days_on_which_no_rule_was_switched_on_are_not_known(alerts: Alerts, add_file: Any) -> None:
    versions = [({"enabled": False}, 9), ({}, 6), ({"enabled": False}, 4)]
    for number, (more, days) in enumerate(versions, 1):
        document = {"title": "Failed", "watch": {"kind": "failed_files"}, **more}
        alerts.connection.execute(
            "INSERT INTO alert.rule_versions (name, version, definition, since) VALUES ('others', %s, %s, %s)",
            (number, Jsonb(document), ago(days, 12)),
        )
    trial = tried(alerts, alerts.rule("tried", watch={"kind": "failed_files"}))
    assert [day.day for day in trial.days] == [ago(6).date(), ago(5).date(), ago(4).date()]
    assert trial.unknown_days == 6 and trial.firings == []
    alerts.connection.execute("DELETE FROM alert.rule_versions WHERE version > 1")
    with pytest.raises(CannotEvaluate, match="No rule has watched failed_files on any day from"):
        tried(alerts, alerts.rule("tried", watch={"kind": "failed_files"}))


def test_incidents_on_neighbouring_days_are_two(alerts: Alerts, add_file: Any) -> None:
    rule = alerts.rule("others", watch={"kind": "failed_files"})
    alerts.connection.execute(
        "INSERT INTO alert.rule_versions (name, version, definition, since) VALUES ('others', 1, %s, %s)",
        (Jsonb(rule.document), ago(9)),
    )
    add_file("shipments/a.json", "failed")
    alerts.evaluate(rule)
    closed = "UPDATE alert.incidents SET opened_at = %s, closed_at = %s, closed_because = 'x' WHERE closed_at IS NULL"
    alerts.connection.execute(closed, (ago(5, 10), ago(5, 11)))
    alerts.connection.execute("DELETE FROM alert.states")
    alerts.evaluate(rule)
    alerts.connection.execute(closed, (ago(4, 10), ago(4, 11)))
    assert [(began, ended) for _, began, ended in firings(tried(alerts, rule))] == [(5, 4), (4, 3)]


# -- metrics -----------------------------------------------------------------------------------------------------------


def test_a_metric_is_tried_on_days_that_are_over(raw_folder: FolderUnderTest, alerts: Alerts) -> None:
    trips = {5: 5, 4: 50, 3: 5, 2: 5, 1: 5, 0: 1}
    records = [
        log(100 * days + number, trip_date=str(ago(days).date()))
        for days, trips in trips.items()
        for number in range(trips)
    ]
    raw_folder.drop_and_load("vehicle_logs.json", records)
    refresh(raw_folder.url)
    watch = {"kind": "metric", "dataset": "vehicle_logs", "metric": "trips"}
    trial = tried(alerts, alerts.rule(watch=watch, when={"below": 3}))
    assert (trial.last, trial.firings) == (ago(1).date(), [])
    for waits, found in (("0s", [("", 4, 3)]), ("10m", [("", 4, 3)]), ("1d", [])):
        assert firings(tried(alerts, alerts.rule(watch=watch, when={"above": 20}, **{"for": waits}))) == found
    kept = alerts.rule(watch=watch, when={"above": 20}, keepFor="1h")
    assert firings(tried(alerts, kept)) == [("", 4, 3)]
    with alerts.connection.transaction(force_rollback=True):
        alerts.connection.execute(
            "UPDATE analytics.rollup_datasets SET first_day = current_date, last_day = current_date"
        )
        with pytest.raises(CannotEvaluate, match="no figures of a day that is over yet"):
            tried(alerts, kept)


# -- the highest values of days ----------------------------------------------------------------------------------------


def keep(alerts: Alerts, kind: str, moment: datetime, **values: float) -> None:
    """What a rule about all subjects of a kind has seen at a moment."""
    found = [Observation({"source": name}, value, Words(f"{name}: {value}")) for name, value in values.items()]
    keep_highest(alerts.connection, alerts.rule(watch={"kind": kind}).watch, found, moment)


@pytest.mark.parametrize("kind", sorted(OF_HIGHEST_VALUES))
def test_what_nothing_else_keeps_is_kept_by_the_evaluation(alerts: Alerts, kind: str) -> None:
    rule = alerts.rule(watch={"kind": kind}, when={"above": 900})
    with pytest.raises(CannotEvaluate, match=f"No rule about all of {kind} was evaluated before today"):
        tried(alerts, rule)
    alerts.evaluate(alerts.rule("partial", watch={"kind": kind, "dataset": "shipments"}))
    assert alerts.query("SELECT count(*) FROM alert.observed_days") == [(0,)], "it has not looked at all subjects"
    alerts.evaluate(rule)
    alerts.evaluate(rule)
    assert alerts.query("SELECT kind, day FROM alert.observed_days") == [(kind, ago(0).date())]
    assert alerts.query("SELECT labels FROM alert.observed_values") == []


def test_the_highest_value_of_a_day_stays(raw_folder: FolderUnderTest, alerts: Alerts) -> None:
    rule = alerts.rule(watch={"kind": "figures_behind"}, when={"above": 900})
    raw_folder.drop_and_load("vehicle_logs.json", [log(1)])
    for minutes in (5, 20, 10):
        alerts.connection.execute(
            "UPDATE ingest.batches SET committed_at = now() - make_interval(mins => %s)", (minutes,)
        )
        alerts.evaluate(rule)
    refresh(raw_folder.url)
    alerts.evaluate(rule)
    ((labels, highest, summary),) = alerts.query("SELECT labels, highest, summary FROM alert.observed_values")
    assert labels == {} and 1200 <= highest < 1260 and summary[2] == {"count": 1, "minutes": 20}


def test_a_rule_about_how_long_something_fails_is_tried_against_the_highest_values_of_each_day(alerts: Alerts) -> None:
    kind = "sources_failing"
    keep(alerts, kind, ago(8, 12))
    keep(alerts, kind, ago(7, 12), short=1_000, long=2_000)  # below 900 s + 10 min, and above
    keep(alerts, kind, ago(6, 12), long=2_000)  # it has failed once more
    keep(alerts, kind, ago(5, 12), long=100)
    keep(alerts, kind, ago(4, 23.5), night=5_400)  # since 22:00
    keep(alerts, kind, ago(3, 3), night=18_000)
    keep(alerts, kind, ago(2, 12), night=300)
    keep(alerts, kind, ago(1, 12))
    rule = alerts.rule(watch={"kind": kind}, when={"above": 900}, **{"for": "10m"})
    trial = tried(alerts, rule)
    assert (trial.first, trial.last) == (ago(8).date(), ago(1).date())
    assert firings(trial) == [("long", 7, 6), ("long", 6, 5), ("night", 4, 2)]
    assert [day.value for day in trial.days] == [0, 2_000, 2_000, 100, 5_400, 18_000, 300, 0]
    assert [day.firing for day in trial.days] == [0, 1, 1, 0, 1, 1, 0, 0]
    assert firings(tried(alerts, replace(rule, timing=replace(rule.timing, hold=timedelta(0))))) == [
        ("long", 7, 6), ("short", 7, 6), ("long", 6, 5), ("night", 4, 2),
    ]  # fmt: skip
    below = alerts.rule(watch={"kind": kind}, when={"below": 1})
    with pytest.raises(CannotEvaluate, match="only a rule with `above`"):
        tried(alerts, below)


def test_times_in_which_something_fails_are_told_apart(alerts: Alerts) -> None:
    kind = "places_failing"
    keep(alerts, kind, ago(7, 3), twice=3_600)
    keep(alerts, kind, ago(6, 20), twice=3_600)
    keep(alerts, kind, ago(5, 12))
    keep(alerts, kind, ago(4, 23.99), nights=43_000)
    keep(alerts, kind, ago(3, 6), nights=64_800)
    keep(alerts, kind, ago(3, 23.99), nights=50_000)  # another one, since 10:06, which was shorter on this day
    keep(alerts, kind, ago(2, 8), nights=78_836)
    keep(alerts, kind, ago(1, 12))
    rule = alerts.rule(watch={"kind": kind, "dataset": "shipments"}, when={"above": 900}, keepFor="10m")
    assert firings(tried(alerts, rule)) == [("twice", 7, 6), ("twice", 6, 5), ("nights", 4, 2), ("nights", 2, 1)]
    behind = alerts.rule(watch={"kind": "models_behind"}, when={"above": 900}, **{"for": "1h"})
    keep(alerts, "models_behind", ago(1, 12), a=5_000)
    with pytest.raises(CannotEvaluate, match="try the rule without `for`"):
        tried(alerts, behind)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_number_is_not_kept(alerts: Alerts, value: float) -> None:
    keep(alerts, "model_drift", ago(1, 12), weight=value, cost=0.3)
    assert alerts.query("SELECT labels ->> 'source', highest FROM alert.observed_values") == [("cost", 0.3)]


def test_a_day_on_which_nobody_has_looked_changes_nothing(alerts: Alerts) -> None:
    keep(alerts, "places_failing", ago(5, 23), depot=10_000)
    keep(alerts, "places_failing", ago(2, 23), depot=5 * 86_400)
    keep(alerts, "places_failing", ago(1, 23))
    trial = tried(alerts, alerts.rule(watch={"kind": "places_failing"}, when={"above": 900}))
    assert firings(trial) == [("depot", 5, 1)]
    assert [(day.day, day.value, day.firing) for day in trial.days] == [
        (ago(5).date(), 10_000, 1), (ago(2).date(), 5 * 86_400, 1), (ago(1).date(), 0, 0),
    ]  # fmt: skip


def test_a_rule_about_moved_inputs_waits_for_days(alerts: Alerts) -> None:
    for days, value in enumerate((0.1, 0.3, 0.1, 0.3, 0.3, 0.22, 0.1)):
        keep(alerts, "model_drift", ago(7 - days, 12), weight=value)
    rule = alerts.rule(watch={"kind": "model_drift"}, when={"above": 0.25, "clearBelow": 0.2}, **{"for": "1d"})
    assert firings(tried(alerts, rule)) == [("weight", 3, 1)]


def test_highest_values_are_deleted_with_old_messages(connection: Connection, database_url: str) -> None:
    alerts = Alerts(connection)
    for days in (400, 10):
        keep(alerts, "places_failing", ago(days), depot=10)
    run_housekeeping(database_url, Retention(14, None, messages_days=365))
    assert alerts.query("SELECT day FROM alert.observed_values") == [(ago(10).date(),)]
    assert alerts.query("SELECT day FROM alert.observed_days") == [(ago(10).date(),)]


# -- what tells its own past -------------------------------------------------------------------------------------------


def test_a_rule_about_dead_letters_is_tried_against_the_messages_that_were_given_up(alerts: Alerts) -> None:
    rule = alerts.rule(watch={"kind": "dead_letters", "windowDays": 2})
    with pytest.raises(CannotEvaluate, match="No message was sent to an endpoint before today"):
        tried(alerts, rule)
    store_endpoints(alerts.connection, [Endpoint("desk", EndpointChannel.WEBHOOK, configuration={"url": "https://x"})])
    for days in (20, 10, 9):
        publish(alerts.connection, event())
        alerts.connection.execute(
            "UPDATE notify.messages SET state = 'dead', reason = 'It answers 404.', due_at = NULL, published_at = %s, "
            "ended_at = %s WHERE state = 'waiting'",
            (ago(days), ago(days - 4, 12)),
        )
    trial = tried(alerts, rule)
    assert trial.first == ago(20).date()
    assert firings(trial) == [("desk", 16, 14), ("desk", 6, 3)]
    assert max(day.value or 0 for day in trial.days) == 2
    store_endpoints(alerts.connection, [])
    assert firings(tried(alerts, rule)) == [("desk", 16, 14), ("desk", 6, 3)], "it was declared then"


def test_quality_is_tried_against_the_files_whose_loads_had_begun(raw_folder: FolderUnderTest, alerts: Alerts) -> None:
    floor = replace(CATALOGUE["vehicle_logs"].expectations, quality=Decimal("0.995"))
    alerts.catalogue = Catalogue({**CATALOGUE, "vehicle_logs": replace(CATALOGUE["vehicle_logs"], expectations=floor)})
    good = [log(number) for number in range(30)]
    bad = [log(number) | {"mileage": "far"} for number in range(30, 40)]
    for name, records, days in (("a.json", good[:20], 9), ("b.json", good[20:] + bad, 6), ("b.json", good[20:], 3)):
        raw_folder.drop_and_load(f"vehicle_logs/{name}", records)
        alerts.connection.execute(
            "UPDATE ingest.files SET registered_at = %(at)s, started_at = %(at)s "
            "WHERE file_id = (SELECT max(file_id) FROM ingest.files)",
            {"at": ago(days, 12)},
        )
    low = alerts.rule(watch={"kind": "quality_score", "dataset": "vehicle_logs"}, when={"below": 95})
    trial = tried(alerts, low)
    assert trial.first == ago(9).date() and len(trial.days) == 9
    values = [day.value or 0 for day in trial.days]
    assert values[0] == values[2] == values[6] == 100 and 90 < values[3] < 95, values
    ((_, began, ended),) = firings(trial)
    assert (began, ended) == (6, 3)
    ((_, began, ended),) = firings(tried(alerts, alerts.rule(watch={"kind": "quality_shortfall"}, when={"above": 5})))
    assert (began, ended) == (6, 3)
    fresh = replace(floor, freshness=timedelta(days=1))
    alerts.catalogue = Catalogue({**CATALOGUE, "vehicle_logs": replace(CATALOGUE["vehicle_logs"], expectations=fresh)})
    first, second, *_ = [day.value or 0 for day in tried(alerts, low).days]
    assert first == 100 > second, "every day, a file should have come"
    alerts.catalogue = CATALOGUE
    with pytest.raises(CannotEvaluate, match="had no value on any day from"):
        tried(alerts, alerts.rule(watch={"kind": "quality_shortfall"}))


def add_run(
    connection: Connection,
    issued: datetime,
    errors: dict[int, tuple[float, float]],
    last_period: datetime | None = None,
) -> int:
    """A fit of the forecasts of shipments, with the absolute errors of some steps: its own, and the naive one's."""
    row = connection.execute(
        "INSERT INTO forecast.runs (dataset, metric, grain, levels, horizon, probabilities, data_version, "
        "code_version, declaration, issued_at, first_period, last_period, series, methods, reconciled_by, backtest, "
        "seconds, cpu_seconds, memory_bytes) VALUES ('shipments', 'shipments', 'day', '[[]]', 28, '{0.5}', 1, '', '', "
        "%(at)s, %(at)s::date - 400, %(last)s::date, 1, '{}', '', %(backtest)s, 1, 1, 1) RETURNING run_id",
        {
            "at": issued,
            "last": last_period or issued - timedelta(days=1),
            "backtest": Jsonb([{"error": 0.1, "naive_error": 0.2, "coverage_90": 0.9}]),
        },
    ).fetchone()
    assert row is not None
    connection.cursor().executemany(
        "INSERT INTO forecast.accuracy VALUES (%s, 0, %s, 30, 3000, 0, %s, %s, 0, 27, 27, 0)",
        [(row[0], step, *found) for step, found in errors.items()],
    )
    return int(row[0])


def add_actuals(connection: Connection, run: int, level: dict[int, float]) -> None:
    """What came true of the periods of a fit, by step, beside a forecast of 10 with a 90 % interval of 5 to 15."""
    connection.execute(
        "WITH made AS (INSERT INTO forecast.series (dataset, metric, grain, level, key, is_rest) "
        "VALUES ('shipments', 'shipments', 'day', '[]', '[]', false) "
        "ON CONFLICT (dataset, metric, grain, level, key, is_rest) DO UPDATE SET width = 1 RETURNING series_id), "
        "issued AS (INSERT INTO forecast.forecasts (run_id, series_id, number, level, parts, steps, point, quantiles, "
        "naive, method, reason) SELECT %(run)s, series_id, 1, 0, 1, '{1,2,3,4}', '{10,10,10,10}', "
        "'{5,5,5,5, 6,6,6,6, 10,10,10,10, 14,14,14,14, 15,15,15,15}', '{10,10,10,10}', '', '' FROM made) "
        "INSERT INTO forecast.actuals (series_id, period, first_value, first_version, value, version) "
        "SELECT series_id, run.last_period + step, value, 1, value, 1 FROM made, forecast.runs AS run, "
        "unnest(%(steps)s::integer[], %(values)s::double precision[]) AS known (step, value) "
        "WHERE run.run_id = %(run)s",
        {"run": run, "steps": list(level), "values": list(level.values())},
    )
    connection.execute("UPDATE forecast.runs SET probabilities = '{0.05, 0.1, 0.5, 0.9, 0.95}'")


def test_periods_outside_their_forecast_are_watched_and_tried_once_it_was_issued(alerts: Alerts) -> None:
    rule = alerts.rule("volume_outside_forecast", **BUILT_IN["volume_outside_forecast"])
    run = add_run(alerts.connection, ago(6, 1), {1: (30, 60)})
    add_actuals(alerts.connection, run, {1: 10, 2: 99, 3: 10, 4: 99})
    found = alerts.evaluate(rule)
    assert (found.error, alerts.topics()) == (None, ["alert.firing"])
    ((facts,),) = alerts.query("SELECT facts FROM alert.incidents")
    assert [value for _, value in facts] == ["99, forecast 10", "10, forecast 10", "99, forecast 10"]
    trial = tried(alerts, rule)
    assert trial.first == ago(6).date()
    assert [day.value for day in trial.days] == [None, None, 1, 2, 2, 2]
    assert [(began, ended) for _, began, ended in firings(trial)] == [(3, 0)]
    alerts.connection.execute("UPDATE forecast.runs SET issued_at = %s", (ago(2, 1),))
    trial = tried(alerts, rule)
    assert (trial.first, [day.value for day in trial.days]) == (ago(2).date(), [2, 2])


def test_errors_of_forecasts_are_tried_by_what_had_come_true(alerts: Alerts) -> None:
    forecasts = CATALOGUE["shipments"].forecasts
    assert forecasts, "the built-in contract forecasts shipments"
    rule = alerts.rule(watch={"kind": "forecast_error"}, when={"above": 1})
    with pytest.raises(CannotEvaluate, match="No period that was forecast was over"):
        tried(alerts, rule)
    add_run(alerts.connection, ago(10, 1), {1: (300, 600), 2: (300, 600), 3: (300, 600)})
    add_run(alerts.connection, ago(6, 1), {1: (9_000, 600), 2: (300, 600), 3: (300, 60_000)})
    trial = tried(alerts, rule)
    assert trial.first == ago(10).date()
    values = [day.value for day in trial.days]
    assert values[:4] == [None, 0.5, 0.5, 0.5], "one period is not enough"
    assert values[4:6] == pytest.approx([(900 + 9_000) / 2_400, (900 + 9_300) / 3_000])
    assert [(began, ended) for _, began, ended in firings(trial)] == [(6, 4)]
    add_run(alerts.connection, ago(3, 1), {1: (300, 600)}, last_period=ago(30))
    assert tried(alerts, rule).days[:7] == trial.days[:7], "it was issued after the periods that it forecast"
    never = alerts.rule(watch={"kind": "outside_forecast", "dataset": "shipments", "metric": "shipments", "over": 3})
    with pytest.raises(CannotEvaluate, match="had no value on any day"):
        tried(alerts, never)


def test_errors_of_models_are_tried_by_the_version_in_production_then(alerts: Alerts) -> None:
    rule = alerts.rule(watch={"kind": "model_error"}, when={"above": 1.2})
    with pytest.raises(CannotEvaluate, match="No model was in production before today"):
        tried(alerts, rule)
    name = next(each.full_name("shipments") for each in CATALOGUE["shipments"].models)
    alerts.connection.execute(
        "INSERT INTO models.models (model, dataset, kind, declaration) VALUES (%s, 'shipments', 'duration', '{}')",
        (name,),
    )
    put_in_production(alerts.connection, name, days_ago=10, error=2.0, naive_error=2.0)
    alerts.connection.execute(
        "WITH done AS (INSERT INTO models.executions (model, kind, rows, seconds, cpu_seconds, memory_bytes) "
        "VALUES (%(model)s, 'score', 60, 1, 1, 1) RETURNING execution_id) "
        "INSERT INTO models.predictions (model, key, version, execution_id, is_ahead, started_on, inputs, quantiles, "
        "naive, actual, actual_at) SELECT %(model)s, to_jsonb(ARRAY[number]), 1, execution_id, true, "
        "current_date - 30, '{}', '{1, 2, 3, 4, 5}', 11, 10, %(at)s FROM done, generate_series(1, 60) AS number",
        {"model": name, "at": ago(4, 12)},
    )
    trial = tried(alerts, rule)
    assert len(trial.days) in (10, 11)
    assert [day.value for day in trial.days[-5:]] == [1, 7, 7, 7, 7], "60 were off by 7, the median by 1"
    assert [(began, ended) for _, began, ended in firings(trial)] == [(4, 0)]


@pytest.mark.parametrize("kind", [each for each in Kind if each not in (Kind.METRIC, Kind.OUTSIDE_FORECAST)])
def test_each_kind_can_be_tried_or_says_why_not(alerts: Alerts, kind: Kind) -> None:
    with pytest.raises(CannotEvaluate, match=r"no day to try the rule on|no figures of a day that is over yet"):
        tried(alerts, alerts.rule(watch={"kind": kind.value}))
