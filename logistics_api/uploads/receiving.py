"""Receives a request body as a file in the raw folder."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

from psycopg import Rollback
from starlette.requests import ClientDisconnect

from logistics_api.database.operator import Operator
from logistics_api.errors import Problem
from logistics_api.uploads.incoming import IncomingFile, open_incoming
from logistics_api.uploads.problems import digest_mismatch, empty_upload
from logistics_api.uploads.queries import UPLOADED
from logistics_api.uploads.storage import StoredFile, store

STALL_SECONDS = 60.0
"""Longest pause in which a client may send no data."""


async def receive(
    body: AsyncIterator[bytes],
    target: Path,
    raw_dir: Path,
    operator: Operator,
    *,
    max_bytes: int,
    expected_sha256: str | None,
    replace: bool,
) -> tuple[StoredFile, bool]:
    """Receives a body and stores it as `target`, whole or not at all. Returns the file, and whether it is new there.

    A new file is in the audit log: no file appears that could not be logged.

    Raises:
        Problem: as `Operator.transaction`; the client stopped sending; the body is empty, too large or not what its
            digest says; the name is taken; the disk is full.
    """
    async with open_incoming(raw_dir, max_bytes) as incoming:
        await _write(body, incoming)
        sha256 = incoming.sha256
        if expected_sha256 is not None and expected_sha256 != sha256:
            raise digest_mismatch(expected_sha256, sha256)
        async with operator.transaction() as connection:
            await connection.execute(UPLOADED.encode(), _entry(target, raw_dir, incoming.size, sha256))
            found = await asyncio.to_thread(
                store, incoming.path, incoming.size, sha256, target, raw_dir, replace=replace
            )
            if not found[1]:
                raise Rollback
        return found


def _entry(target: Path, raw_dir: Path, size: int, sha256: str) -> dict[str, str]:
    details = {"size_bytes": size, "sha256": sha256}
    return {"path": str(target.relative_to(raw_dir)), "action": "uploaded", "details": json.dumps(details)}


async def _write(body: AsyncIterator[bytes], incoming: IncomingFile) -> None:
    try:
        async for block in _blocks(body):
            await incoming.write(block)
    except ClientDisconnect as error:
        raise Problem(
            400,
            "incomplete-upload",
            "Incomplete upload",
            "The client disconnected before the upload was complete. Send the file again.",
        ) from error
    except TimeoutError as error:
        detail = f"No data arrived for {STALL_SECONDS:g} seconds. Send the file again."
        raise Problem(408, "stalled-upload", "Stalled upload", detail) from error
    if incoming.size == 0:
        raise empty_upload()
    await incoming.finish()


async def _blocks(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    while True:
        async with asyncio.timeout(STALL_SECONDS):
            block = await anext(body, None)
        if block is None:
            return
        yield block
