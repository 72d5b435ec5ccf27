"""Previews of templates that somebody asks for through the API are made by the worker, as soon as it hears of them."""

from pathlib import Path
from threading import Event, Thread
from time import monotonic, sleep

import pytest

from logistics_core.database_contract.notifications import REQUEST_TEMPLATE_PREVIEW, EndpointChannel
from logistics_core.settings import Settings
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.notifying.declaring.declaration import Endpoint
from logistics_pipeline.notifying.publishing import publish
from logistics_pipeline.notifying.template_previews import MOST_AT_ONCE, WITHOUT_TEMPLATES, preview
from logistics_pipeline.worker.messages import POLL_SECONDS, MessageWorker
from tests.notifying.events import declare, event


def test_the_worker_makes_previews_as_soon_as_it_hears_of_them(
    connection: Connection, database_url: str, tmp_path: Path
) -> None:
    (tmp_path / "notifications.yaml").write_text(
        'endpoints: {desk: {channel: slack, url: "env:NOWHERE", titleTemplate: "Look: {{ event.title }}"}}\n'
    )
    stop = Event()
    worker = Thread(target=MessageWorker(Settings(data_dir=tmp_path), database_url, stop).run)
    worker.start()
    try:
        _wait(connection, "EXISTS (SELECT FROM alert.heartbeats WHERE duty = 'messages')")
        publish(connection, event(title="News"))
        sleep(0.5)  # it sends that, then waits again
        asked = {"endpoint": "desk", "version": None, "message": None, "requested_by": "ada"}
        for _ in range(3 * MOST_AT_ONCE):
            connection.execute(f"SELECT {REQUEST_TEMPLATE_PREVIEW}".encode(), asked)
        took = _wait(connection, "NOT EXISTS (SELECT FROM notify.template_previews WHERE state = 'queued')")
    finally:
        stop.set()
        worker.join()
    assert took < POLL_SECONDS / 2
    rows = connection.execute("SELECT DISTINCT version, title, problem FROM notify.template_previews").fetchall()
    assert rows == [(1, "[Warning] Look: News", None)]


@pytest.mark.parametrize("channel", sorted(WITHOUT_TEMPLATES))
def test_a_preview_says_that_a_channel_does_not_use_templates(connection: Connection, channel: EndpointChannel) -> None:
    configuration = {"url": "env:NOWHERE", "titleTemplate": "Look: {{ event.title }}"}
    declare(connection, Endpoint("desk", channel, configuration=configuration))
    publish(connection, event(title="News"))
    shown = preview(connection, "desk")
    assert (shown.title, shown.problems) == ("[Warning] News", (f"The channel {channel} does not use templates.",))


def _wait(connection: Connection, condition: str) -> float:
    """Waits until something is true; returns the seconds that took."""
    began = monotonic()
    while connection.execute(f"SELECT {condition}".encode()).fetchone() != (True,):
        assert monotonic() - began < 20, condition
        sleep(0.05)
    return monotonic() - began
