"""A connection is kept between two uses, unless it was lost or left otherwise than as it was lent."""

import multiprocessing
import os

import psycopg
import pytest

from logistics_pipeline.database.connections import Connection
from logistics_pipeline.database.kept_connections import KeptConnections


@pytest.fixture
def kept(database_url: str) -> KeptConnections:
    return KeptConnections(database_url, "logistics dagster")


def process_of(kept: KeptConnections) -> int:
    with kept.lend() as connection:
        return connection.info.backend_pid


def test_it_is_lent_again(kept: KeptConnections) -> None:
    assert process_of(kept) == process_of(kept)


def test_two_at_one_moment_have_one_each(kept: KeptConnections) -> None:
    with kept.lend() as first, kept.lend() as second:
        assert first.info.backend_pid != second.info.backend_pid


def test_one_that_the_server_has_closed_is_replaced_before_it_is_used(
    kept: KeptConnections, connection: Connection
) -> None:
    before = process_of(kept)
    connection.execute("SELECT pg_terminate_backend(%s, 5000)", (before,))

    assert process_of(kept) != before


def test_one_that_an_error_or_a_transaction_was_left_in_is_not_lent_again(kept: KeptConnections) -> None:
    with pytest.raises(psycopg.errors.DivisionByZero), kept.lend() as connection:
        failed = connection.info.backend_pid
        connection.execute("SELECT 1 / 0")
    with kept.lend() as connection:
        left = connection.info.backend_pid
        connection.execute("BEGIN")

    assert len({failed, left, process_of(kept)}) == 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")
def test_a_fork_has_its_own_and_leaves_that_of_its_parent_open(kept: KeptConnections) -> None:
    before = process_of(kept)
    found = multiprocessing.get_context("fork").SimpleQueue()

    process = multiprocessing.get_context("fork").Process(target=lambda: found.put(process_of(kept)))
    process.start()
    process.join(60)

    assert process.exitcode == 0
    assert found.get() != before == process_of(kept)
