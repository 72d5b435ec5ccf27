"""Pulls as Dagster runs them, from a real API to the loaded rows: what is green, what is red, what goes on where."""

import os
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import dagster as dg
import pytest

from logistics_pipeline.database.connections import Connection
from logistics_pipeline.orchestration.assets.pulled import pulled_key
from logistics_pipeline.sources.in_force import SourcesFolder
from tests.orchestration.conftest import System
from tests.sources.server import Answer, Asked, Fleet, once, trip

TRIPS = pulled_key("fleet", "trips")
DEFINITION = """\
kind: rest
baseUrl: {url}
private: true
retries: {{attempts: 2, longest: 2s}}
limits: {{longestWait: 5s}}
resources:
  - name: trips
    dataset: vehicle_logs
    path: /keyset
    records: items
    pagination: {{type: keyset, parameter: after, key: id, sizeParameter: limit, size: 10, ends: short}}
    incremental: {{field: updated, parameter: since, lookback: 1h}}
    key: [id]
    fields: {{log_id: id, vehicle_id: vehicle, trip_date: {{path: updated, format: iso8601}}, mileage: distance}}
    schedule: every 15m
    expect: {{maxAge: 2d}}
"""


@pytest.fixture
def fleet() -> Iterator[Fleet]:
    with Fleet().served() as served:
        yield served


@pytest.fixture
def pulling(system: System, connection: Connection, fleet: Fleet) -> System:
    """The system with an API whose trips are vehicle logs."""
    folder = system.settings.sources_dir
    folder.mkdir(parents=True)
    (folder / "fleet.yaml").write_text(DEFINITION.format(url=fleet.url))
    assert not SourcesFolder(folder).sync(connection).problems
    return system


def run(system: System) -> dg.ExecuteInProcessResult:
    """Runs what the sensor requests."""
    (request,) = system.evaluate("source_pulls").run_requests or []
    return system.run(request, "pull_fleet")


def fault_on_the_second_page(fleet: Fleet, answer: Answer) -> None:
    """Once, the page after the first one is answered so."""

    def before(asked: Asked) -> None:
        if asked.at("after"):
            fleet.before = lambda asked: None
            fleet.faults.append(once(answer))

    fleet.before = before


def run_again(system: System) -> dg.ExecuteInProcessResult:
    """Runs the job as a person does."""
    return system.run(dg.RunRequest(), "pull_fleet")


def metadata(result: dg.ExecuteInProcessResult) -> dict[str, Any]:
    (materialization,) = result.asset_materializations_for_node("pulled__fleet__trips")
    return {name: value.value for name, value in materialization.metadata.items()}


def failure(result: dg.ExecuteInProcessResult) -> Any:
    (event,) = [event for event in result.all_events if event.is_step_failure]
    return event.step_failure_data


def observations(system: System) -> list[str | None]:
    records = system.instance.fetch_observations(TRIPS, limit=10).records
    return [record.asset_observation.description for record in records if record.asset_observation]


def test_what_is_pulled_is_landed_loaded_and_accounted_for(pulling: System, connection: Connection) -> None:
    result = run(pulling)
    assert result.success
    found = metadata(result)
    assert (found["pages"], found["records"], found["records_landed"], found["state"]) == (3, 25, 25, "complete")
    assert found["requests"] == 3 and found["bytes"] > 1000 and found["lag_seconds"] > 0
    assert found["file"] == "vehicle_logs/fleet/trips/0000000001.ndjson.zst"

    connection.execute("UPDATE source.pulls SET attempted_at = now()")
    long_ago = time.time() - 100  # a file that changed just now has to settle
    os.utime(pulling.settings.raw_dir / found["file"], (long_ago, long_ago))
    pulling.settle()
    assert pulling.ledger()[found["file"]].records_loaded == 25
    assert pulling.evaluate("source_pulls").run_requests in (None, [])


def test_what_has_not_changed_materialises_the_asset_and_lands_nothing(pulling: System, connection: Connection) -> None:
    text = (pulling.settings.sources_dir / "fleet.yaml").read_text()
    whole = "".join(line for line in text.splitlines(True) if "incremental" not in line and "expect" not in line)
    (pulling.settings.sources_dir / "fleet.yaml").write_text(whole)
    assert len(SourcesFolder(pulling.settings.sources_dir).sync(connection).changes) == 1
    assert run(pulling).success
    found = metadata(run_again(pulling))
    assert (found["state"], found["records"]) == ("unchanged", 25)
    assert "file" not in found
    versions = {
        record.asset_materialization.tags["dagster/data_version"]
        for record in pulling.instance.fetch_materializations(TRIPS, limit=10).records
        if record.asset_materialization and record.asset_materialization.tags
    }
    assert len(versions) == 1, "Dagster sees that the content is the same"


def test_a_failed_pull_is_red_says_why_and_goes_on_at_its_page(pulling: System, fleet: Fleet) -> None:
    fault_on_the_second_page(fleet, Answer({"message": "no"}, 404))
    result = run(pulling)
    assert not result.success
    data = failure(result)
    assert data.error is not None and "404" in data.error.message and "Check `path`" in data.error.message
    assert data.user_failure_data is not None
    kept = {name: value.value for name, value in data.user_failure_data.metadata.items()}
    assert (kept["error_kind"], kept["pages"]) == ("status", 1)
    assert pulling.evaluate("source_pulls").run_requests in (None, []), "what does not pass is not repeated at once"

    asked_before = len(fleet.asked)
    result = run_again(pulling)
    found = metadata(result)
    assert result.success and found["was_resumed"] and found["attempts"] == 2
    assert len(fleet.asked) - asked_before == 2, "the first page is not asked for again"
    assert (found["pages"], found["records_landed"]) == (3, 25)


def test_a_paused_pull_ends_its_run_and_says_until_when(pulling: System, fleet: Fleet, connection: Connection) -> None:
    fault_on_the_second_page(fleet, Answer({}, 429, headers={"Retry-After": "3600"}))
    result = run(pulling)
    assert result.success
    assert result.asset_materializations_for_node("pulled__fleet__trips") == []
    (sentence,) = observations(pulling)
    assert sentence is not None and "goes on by itself after" in sentence
    assert pulling.evaluate("source_pulls").run_requests in (None, [])

    connection.execute("UPDATE source.pulls SET paused_until = now()")
    connection.execute("UPDATE source.rate_limits SET blocked_until = NULL")
    result = run(pulling)
    assert result.success and metadata(result)["was_resumed"]


def test_what_another_process_pulls_is_left_to_it(pulling: System, connection: Connection) -> None:
    (request,) = pulling.evaluate("source_pulls").run_requests or []
    connection.execute("SELECT pg_advisory_lock(hashtextextended('logistics pull fleet.trips', 0))")
    result = pulling.run(request, "pull_fleet")
    assert result.success
    assert result.asset_materializations_for_node("pulled__fleet__trips") == []
    assert "by another process" in str(observations(pulling)[0])


def test_a_time_that_is_none_is_refused_in_a_sentence(pulling: System) -> None:
    for since, expected in (("yesterday", "a time is 'yesterday'. Expected: a date"), ("2024-05-01", None)):
        config = {"ops": {"pulled__fleet__trips": {"config": {"since": since}}}}
        result = pulling.run(dg.RunRequest(run_config=config), "pull_fleet")
        assert result.success == (expected is None)
        assert expected is None or expected in str(failure(result).error)


def test_checks_say_whether_pages_are_balanced_and_records_recent(pulling: System, fleet: Fleet) -> None:
    results = {each.check_name: each for each in run(pulling).get_asset_check_evaluations()}
    assert results.keys() == {"page_balance", "age_of_data", "as_expected"}
    assert results["page_balance"].passed
    assert not results["age_of_data"].passed, "the newest record is of 2024"
    assert "may be 2d old" in str(results["age_of_data"].description)

    fleet.records.append(trip(30, updated=(fleet.now + timedelta(days=4000)).strftime("%Y-%m-%dT%H:%M:%SZ")))
    fleet.now += timedelta(days=4001)
    results = {each.check_name: each for each in run_again(pulling).get_asset_check_evaluations()}
    assert results["age_of_data"].passed


@pytest.mark.slow
@pytest.mark.parametrize("days", [None, 30])
def test_housekeeping_deletes_old_pulls_and_their_pages_if_a_setting_says_so(
    pulling: System, fleet: Fleet, connection: Connection, days: int | None
) -> None:
    pulling.settings = pulling.settings.model_copy(update={"keep_pulls_days": days})
    archive = pulling.settings.archive_dir / "pages"
    for number in range(3):
        fleet.now += timedelta(hours=6)
        changed_at = (fleet.now - timedelta(minutes=1)).isoformat().replace("+00:00", "Z")
        fleet.records.append(trip(50 + number, updated=changed_at))
        assert run_again(pulling).success
    connection.execute(
        "UPDATE source.pulls SET finished_at = finished_at - interval '40 days', window_end = window_end - interval "
        "'40 days' WHERE pull_id < 3"
    )
    pages = list(archive.rglob("*.zst"))
    for path in pages:
        os.utime(path, (1_000_000_000, 1_000_000_000))

    result = pulling.run(dg.RunRequest(), "housekeeping")

    assert result.success
    left = [pull for (pull,) in connection.execute("SELECT pull_id FROM source.pulls ORDER BY 1")]
    of_pulls = {digest for (digest,) in connection.execute("SELECT DISTINCT sha256 FROM source.pages")}
    assert left == ([1, 2, 3] if days is None else [3])
    assert {path.stem for path in archive.rglob("*.zst")} == of_pulls
    outputs = [event.step_output_data.metadata for event in result.all_events if event.is_successful_output]
    deleted = [each["pulls_deleted"].value for each in outputs if "pulls_deleted" in each]
    assert deleted == ([] if days is None else [2])
    assert len(pages) > len(of_pulls) or days is None
    assert run_again(pulling).success, "what is left is enough to go on from"
