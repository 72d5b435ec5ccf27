"""Previews of templates that somebody asks for through the API are made by the worker, as soon as it hears of them."""

from pathlib import Path
from threading import Event, Thread
from time import monotonic, sleep

from logistics_core.database_contract.notifications import REQUEST_TEMPLATE_PREVIEW
from logistics_core.settings import Settings
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.notifying.publishing import publish
from logistics_pipeline.worker.messages import POLL_SECONDS, MessageWorker
from tests.notifying.events import event


def test_the_worker_makes_previews_as_soon_as_it_hears_of_them(
    connection: Connection, database_url: str, tmp_path: Path
) -> None:
    (tmp_path / "notifications.yaml").write_text(
        'endpoints: {desk: {channel: inbox, titleTemplate: "Look: {{ event.title }}"}}\n'
    )
    stop = Event()
    worker = Thread(target=MessageWorker(Settings(data_dir=tmp_path), database_url, stop).run)
    worker.start()
    try:
        _wait(connection, "EXISTS (SELECT FROM alert.heartbeats WHERE duty = 'messages')")
        publish(connection, event(title="News"))
        sleep(0.5)  # it sends that, then waits again
        asked = {"endpoint": "desk", "version": None, "message": None, "requested_by": "ada"}
        connection.execute(f"SELECT {REQUEST_TEMPLATE_PREVIEW}".encode(), asked)
        took = _wait(connection, "EXISTS (SELECT FROM notify.template_previews WHERE state = 'done')")
    finally:
        stop.set()
        worker.join()
    assert took < POLL_SECONDS / 2
    row = connection.execute("SELECT version, title, problem FROM notify.template_previews").fetchone()
    assert row == (1, "[Warning] Look: News", None)


def _wait(connection: Connection, condition: str) -> float:
    """Waits until something is true; returns the seconds that took."""
    began = monotonic()
    while connection.execute(f"SELECT {condition}".encode()).fetchone() != (True,):
        assert monotonic() - began < 20, condition
        sleep(0.05)
    return monotonic() - began
