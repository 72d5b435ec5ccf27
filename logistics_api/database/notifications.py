"""LISTEN and NOTIFY: waits for notifications on the channels of the database contract."""

import asyncio
from contextlib import suppress
from typing import Any

import psycopg
from psycopg import errors

from logistics_core.database_contract.channels import Channel


async def listen(connection: psycopg.AsyncConnection[Any]) -> None:
    """Subscribes to all channels. Not possible on a replica: see `primary`."""
    for channel in Channel:
        try:
            await connection.execute(f"LISTEN {channel}".encode())
        except (errors.FeatureNotSupported, errors.ObjectNotInPrerequisiteState, errors.ReadOnlySqlTransaction):
            return


async def received(connection: psycopg.AsyncConnection[Any]) -> list[psycopg.Notify]:
    """Returns the notifications received so far. Fails if the connection is lost."""
    return [notification async for notification in connection.notifies(timeout=0)]


async def wait_readable(connection: psycopg.AsyncConnection[Any], seconds: float, arrived: asyncio.Event) -> None:
    """Waits until something arrives or the event is set, at most `seconds`.

    psycopg's own wait wakes up ten times a second, which was half the load of an idle server.
    """
    loop = asyncio.get_running_loop()
    descriptor = connection.fileno()
    loop.add_reader(descriptor, arrived.set)
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await arrived.wait()
    finally:
        loop.remove_reader(descriptor)
