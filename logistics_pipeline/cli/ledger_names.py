"""How the arguments of commands name files: by their path in the ledger, or by their path on disk."""

from pathlib import Path

from logistics_core.settings import Settings
from logistics_pipeline import ledger
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.files.folder import key_of, nested_key, split_key
from logistics_pipeline.files.places import is_url
from logistics_pipeline.ledger import LedgerFile


def find_file(connection: Connection, name: str, settings: Settings) -> LedgerFile | None:
    """The newest version of the file of that name; None if the ledger does not have it."""
    known = ledger.latest_file(connection, name)
    if known is not None:
        return known
    if is_url(name):
        return None
    path, nested = split_key(name)
    key = key_of(Path(path), settings.raw_dir)
    return ledger.latest_file(connection, key if nested is None else nested_key(key, nested))


def ledger_path(connection: Connection, name: str, settings: Settings) -> str:
    """The path in the ledger of the file of that name; the name itself if the ledger does not have it."""
    file = find_file(connection, name, settings)
    return file.path if file else name
