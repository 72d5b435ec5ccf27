"""A part of the campaign with every slow test run, and the proof that it finds what it looks for."""

import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from logistics_pipeline.database.connections import Connection
from logistics_pipeline.errors import TransientError
from tests.alerting.campaign.campaign import build_stage, run_campaign
from tests.alerting.campaign.faults import FAULTS
from tests.alerting.campaign.judging import judge_messages
from tests.alerting.campaign.run import Run
from tests.alerting.campaign.stage import Stage
from tests.faults import server

SEED = 1
EVENTFUL = 8
"""A run with incidents that were told, of which some are over and some are not."""


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with build_stage() as built:
        yield built


@pytest.mark.slow
def test_incidents_are_opened_closed_and_told_once_whatever_strikes(stage: Stage) -> None:
    report = run_campaign(stage, range(len(FAULTS)), SEED)
    print(report)

    assert not report.failures, str(report)
    assert {result.fault for result in report.results if result.strikes} == set(FAULTS)
    assert sum(result.incidents for result in report.results) > 20, "the others proved nothing"
    assert sum(result.copies for result in report.results) > 0, "nobody was struck between an answer and its record"


@pytest.fixture(scope="module")
def finished(stage: Stage) -> Iterator[Run]:
    """A run that has ended well."""
    run = Run(stage, SEED, EVENTFUL)
    try:
        run.play()
        assert run.result.is_good, run.result.troubles
        yield run
    finally:
        run.clear()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("damage", "says"),
    [
        ("UPDATE alert.incidents SET announced_at = NULL WHERE announced_at IS NOT NULL", "were told"),
        (
            "UPDATE alert.incidents SET closed_at = opened_at, closed_because = 'x' WHERE incident_id = "
            "(SELECT min(incident_id) FROM alert.incidents WHERE closed_at IS NULL)",
            "were told (1, 0) times, not (1, 1)",
        ),
        ("INSERT INTO alert.events SELECT incident_id, 99, kind, at, author, text FROM alert.events LIMIT 1", "twice"),
        (
            "DELETE FROM notify.messages WHERE message_id = "
            "(SELECT min(message_id) FROM notify.messages WHERE event_id IS NOT NULL)",
            "has 4 messages, not 5",
        ),
        ("UPDATE notify.messages SET public_id = gen_random_uuid() WHERE channel = 'email'", "has not arrived"),
        ("UPDATE notify.messages SET lease = gen_random_uuid()", "have a lease left"),
        ("UPDATE notify.attempts SET outcome = 'passing'", "does not balance"),
        ("UPDATE notify.messages SET state = 'dead', reason = 'x' WHERE channel = 'webhook'", "is dead: x"),
    ],
)
def test_the_judge_tells_what_is_lost_doubled_or_wrong(finished: Run, damage: str, says: str) -> None:
    assert says in troubles(finished.stage, damage)


@pytest.mark.slow
def test_a_server_that_does_not_come_back_says_why_and_is_there_for_the_next_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fragile = server.FragileServer(tmp_path / "postgres")
    try:
        psutil.Process(int((tmp_path / "postgres" / "postmaster.pid").read_text().split()[0])).send_signal(
            signal.SIGINT
        )
        server.wait_until(lambda: not (tmp_path / "postgres" / "postmaster.pid").exists(), "its end")
        with monkeypatch.context() as patch, pytest.raises(TransientError) as raised:
            patch.setattr(server, "PATIENCE_SECONDS", 0.1)
            fragile.connect("postgres").close()
        assert "database system is shut down" in raised.value.__notes__[0]
        fragile.restart_if_ended()
        fragile.connect("postgres").close()
    finally:
        fragile.close()


def troubles(stage: Stage, damage: str = "SELECT") -> str:
    """What the judge says after a statement, which is taken back."""

    def judge(connection: Connection) -> list[str]:
        with connection.transaction(force_rollback=True):
            connection.execute(damage.encode())
            return judge_messages(connection, stage).troubles

    return "; ".join(stage.with_connection(judge))


@pytest.mark.slow
def test_the_judge_tells_copies_with_another_id_and_other_contents(finished: Run) -> None:
    sink = finished.stage.sink
    first = sink.received[0]
    for harm, says in (
        (replace(first, headers={**first.headers, "webhook-id": "msg_other"}), "is no message"),
        (replace(first, body=first.body + b" "), "differ"),
    ):
        sink.received.append(harm)
        troubles = finished.stage.with_connection(
            lambda connection: judge_messages(connection, finished.stage)
        ).troubles
        sink.received.pop()
        assert says in "; ".join(troubles)
