"""Deletes old pulls, and the pages that no pull has any more. What is deleted cannot be mapped anew."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from logistics_core.database_contract.locks import ARCHIVE_LOCK
from logistics_core.sql_files import read_sql
from logistics_pipeline.database.connections import Connection, free_advisory_lock
from logistics_pipeline.sources.archive import Archive
from logistics_pipeline.sources.definitions.definition import RestSource
from logistics_pipeline.sources.ledger.sidecars import sidecar_path

PATIENCE_SECONDS = 10.0
"""How long a moment in which nobody pulls is waited for, for each 1/256 of the archive."""
_PAUSE_SECONDS = 0.1
_YOUNGEST_SECONDS = 86_400
"""Pages that were received lately may belong to a pull that runs."""


@dataclass(frozen=True)
class Pruned:
    """What was deleted."""

    pulls: int
    pages: int
    """Files of the archive."""


def prune(connection: Connection, archive_dir: Path, sources: Mapping[str, RestSource], days: int) -> Pruned:
    """Deletes pulls that ended more than `days` ago, and their pages.

    Kept are the newest pulls of each resource, those that a later one builds on, and all of resources whose records
    are the parents of others.
    """
    parents = [
        (source.name, resource.parent.resource)
        for source in sources.values()
        for resource in source.resources
        if resource.parent is not None
    ]
    deleted = connection.execute(
        read_sql("housekeeping/old_pulls"),
        {"days": days, "sources": [each for each, _ in parents], "resources": [each for _, each in parents]},
    ).fetchall()
    for source, resource, pull_id in deleted:
        sidecar_path(archive_dir, source, resource, pull_id).unlink(missing_ok=True)
    return Pruned(len(deleted), _delete_unused(connection, archive_dir))


def _delete_unused(connection: Connection, archive_dir: Path) -> int:
    archive = Archive(archive_dir)
    youngest = time.time() - _YOUNGEST_SECONDS
    deleted = 0
    for folder in sorted((archive_dir / "pages").glob("[0-9a-f][0-9a-f]")):
        old = [path.stem for path in folder.glob("*.zst") if path.stat().st_mtime < youngest]
        with _nobody_pulls(connection) as is_so:
            if not is_so:
                continue  # the next night deletes them
            for digest in _unused(connection, old):
                archive.path_of(digest).unlink(missing_ok=True)
                deleted += 1
    return deleted


@contextmanager
def _nobody_pulls(connection: Connection) -> Iterator[bool]:
    """Whether nobody pulls while the block runs: a pull that finds a page in the archive does not write it again."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        with free_advisory_lock(connection, ARCHIVE_LOCK) as is_free:
            if is_free or time.monotonic() > deadline:
                yield is_free
                return
        time.sleep(_PAUSE_SECONDS)


def _unused(connection: Connection, digests: list[str]) -> set[str]:
    used = connection.execute("SELECT DISTINCT sha256 FROM source.pages WHERE sha256 = ANY(%s)", (digests,)).fetchall()
    return set(digests) - {row[0] for row in used}
