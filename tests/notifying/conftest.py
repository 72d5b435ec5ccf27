"""A receiver for all tests of a module, and a sender for each test."""

from collections.abc import Iterator

import pytest

from logistics_core.settings import Settings
from logistics_pipeline.notifying.delivery import Delivery
from tests.notifying.sink import Reply, Sink, serving


@pytest.fixture(scope="module")
def _sink() -> Iterator[Sink]:
    with serving() as sink:
        yield sink


@pytest.fixture
def sink(_sink: Sink) -> Sink:
    _sink.received.clear()
    _sink.replies.clear()
    _sink.by_path.clear()
    _sink.usual = Reply()
    return _sink


@pytest.fixture
def delivery(database_url: str) -> Iterator[Delivery]:
    with Delivery(database_url, Settings()) as opened:
        yield opened
