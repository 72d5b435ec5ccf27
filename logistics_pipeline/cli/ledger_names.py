"""Finds files in the ledger by what a person types: the path as `logistics files` shows it, or the path on disk."""

from pathlib import Path

from logistics_core.settings import Settings
from logistics_pipeline import ledger
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.errors import PipelineError
from logistics_pipeline.ledger import LedgerFile
from logistics_pipeline.sources.folder import key_of


def find_file(connection: Connection, name: str, settings: Settings) -> LedgerFile | None:
    """Returns the newest version of a file, or None if the ledger has no such file."""
    by_name = ledger.latest_file(connection, name)
    return by_name or ledger.latest_file(connection, key_of(Path(name), settings.raw_dir))


def ledger_path(connection: Connection, name: str, settings: Settings) -> str:
    """Returns the path under which the ledger has a file.

    Raises:
        PipelineError: the ledger has no such file.
    """
    found = find_file(connection, name, settings)
    if found is None:
        raise PipelineError(f"The ledger knows no file {name!r}; `logistics files` lists those it knows.")
    return found.path
