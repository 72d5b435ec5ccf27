"""Stores the file that a request sends in the raw folder."""

import asyncio
from pathlib import Path

from fastapi import Request

from logistics_api.database.pool import Database
from logistics_api.uploads.queries import HAS_FAILED
from logistics_api.uploads.receiving import receive
from logistics_api.uploads.storage import StoredFile, check_folder, check_space, refuse_taken_name
from logistics_core.settings import Settings


async def store_sent_file(
    request: Request, database: Database, path: str, *, size: int | None, sha256: str | None, replace: bool
) -> tuple[StoredFile, bool]:
    """Stores the request body as `path`, relative to the raw folder. Returns the file, and whether it is new there.

    `size` and `sha256` are what the headers announce. A file that has failed is replaced in any case.

    Raises:
        Problem: as `receive`; too many files are being received; the folder cannot be written.
    """
    settings: Settings = request.app.state.settings
    raw_dir = settings.raw_dir
    check_folder(raw_dir)
    check_space(raw_dir, size or 0)
    target = raw_dir / path
    replace = replace or await _has_failed(database, target, raw_dir)
    if size is not None and not replace:
        refuse_taken_name(target, size)
    with request.app.state.upload_slots.one():
        return await receive(
            request.stream(),
            target,
            raw_dir,
            database.operator,
            max_bytes=settings.upload_max_bytes,
            expected_sha256=sha256,
            replace=replace,
        )


async def _has_failed(database: Database, target: Path, raw_dir: Path) -> bool:
    """Whether a file, as it is on disk now, has failed: it may be replaced, as nothing would be lost."""
    try:
        status = await asyncio.to_thread(target.stat)
    except OSError:
        return False
    parameters = {
        "path": str(target.relative_to(raw_dir)),
        "size_bytes": status.st_size,
        "modified_ns": status.st_mtime_ns,
    }
    return bool(await database.fetch_value(HAS_FAILED, parameters))
