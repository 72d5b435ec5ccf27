"""LISTEN and NOTIFY: how a connection waits for the channels of the database contract."""

import asyncio
from contextlib import suppress
from typing import Any

import psycopg
from psycopg import errors

from logistics_core.database_contract.channels import Channel


async def listen(connection: psycopg.AsyncConnection[Any]) -> None:
    """Subscribes to all channels. A standby cannot: there, polling must do."""
    for channel in Channel:
        try:
            await connection.execute(f"LISTEN {channel}".encode())
        except (errors.FeatureNotSupported, errors.ObjectNotInPrerequisiteState, errors.ReadOnlySqlTransaction):
            return


async def received(connection: psycopg.AsyncConnection[Any]) -> list[psycopg.Notify]:
    """The notifications received so far. Fails if the connection is lost."""
    return [notification async for notification in connection.notifies(timeout=0)]


async def wait_readable(connection: psycopg.AsyncConnection[Any], seconds: float) -> None:
    """Waits until something arrives, at most `seconds`.

    psycopg's own waiting wakes up ten times a second: half of what an idle server cost.
    """
    loop, arrived = asyncio.get_running_loop(), asyncio.Event()
    descriptor = connection.fileno()
    loop.add_reader(descriptor, arrived.set)
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await arrived.wait()
    finally:
        loop.remove_reader(descriptor)
