"""What the worker does beside Dagster, as Dagster shows it: observations when something has changed, and a check."""

import re
from collections.abc import Iterator

import dagster as dg
import pytest

from logistics_pipeline.database.connections import Connection, connect
from logistics_pipeline.orchestration.assets.worker import ALERTS, HEARTBEAT, MESSAGES
from tests.orchestration.conftest import System


@pytest.fixture
def connection(system: System) -> Iterator[Connection]:
    assert system.settings.database_url is not None
    with connect(system.settings.database_url) as opened:
        yield opened


def test_the_worker_is_seen_when_it_has_done_something_and_missed_when_it_is_gone(
    system: System, connection: Connection
) -> None:
    first = system.evaluate("worker_activity", None)
    (check,) = first.asset_events
    assert isinstance(check, dg.AssetCheckEvaluation) and not check.passed
    assert "No worker has ever run" in str(check.description)
    assert not system.evaluate("worker_activity", first.cursor).asset_events

    connection.execute("INSERT INTO alert.heartbeats (duty, worker, at) VALUES ('alerts', 'a worker', now())")
    connection.execute(
        "INSERT INTO alert.evaluations (rule, evaluated_at, data_version, subjects, seconds, error) "
        "VALUES ('costs', now(), 1, 12, 0.1, NULL), ('odd', now(), 1, 0, 0.1, 'There is no dataset.')"
    )
    connection.execute(
        "INSERT INTO alert.incidents (rule, rule_version, kind, labels, severity, title, summary, data_version) "
        "VALUES ('costs', 1, 'condition', '{}', 'critical', 'Wrong', 'It is wrong', 1)"
    )
    second = system.evaluate("worker_activity", first.cursor)
    observation, check = second.asset_events
    assert isinstance(observation, dg.AssetObservation) and observation.asset_key == ALERTS.key
    assert observation.description == "2 rules were evaluated for 12 subjects; 1 incident is open."
    assert observation.metadata["not evaluated: odd"].value == "There is no dataset."
    assert isinstance(check, dg.AssetCheckEvaluation) and check.passed
    assert not system.evaluate("worker_activity", second.cursor).asset_events

    connection.execute("INSERT INTO notify.endpoints (name, channel) VALUES ('inbox', 'inbox')")
    connection.execute(
        "INSERT INTO notify.events (key, topic, severity, title, text, occurred_at, messages) "
        "VALUES ('a', 'alert.firing', 'info', 'a', 'a', now(), 1)"
    )
    connection.execute(
        "INSERT INTO notify.messages (endpoint_id, channel, event_id, state, ended_at) "
        "SELECT endpoint_id, 'inbox', event_id, 'delivered', now() FROM notify.endpoints, notify.events"
    )
    connection.execute("UPDATE alert.heartbeats SET at = now() - interval '2 minutes'")
    third = system.evaluate("worker_activity", second.cursor)
    observation, check = third.asset_events
    assert isinstance(observation, dg.AssetObservation) and observation.asset_key == MESSAGES.key
    assert observation.description == "Of the 1 messages of the last day, 1 were sent."
    assert isinstance(check, dg.AssetCheckEvaluation) and not check.passed and check.check_name == HEARTBEAT.name
    silent = re.search(r"for (\d+) seconds", str(check.description))
    assert silent is not None and 120 <= int(silent[1]) < 180
