"""A database with its folders, as one installation has them: the campaign has one with faults and one without."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from logistics_core.settings import Settings
from logistics_pipeline import ledger
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.files.folder import FoundFile
from logistics_pipeline.loading.loader import load_file
from logistics_pipeline.loading.options import load_options
from tests.faults.account import Account, contradictions, indexes, read_account
from tests.faults.files import drop
from tests.faults.server import FragileServer
from tests.keyed import CATALOGUE


class Site:
    """The database `name` of a server, and a folder below `folder`."""

    def __init__(self, server: FragileServer, name: str, folder: Path) -> None:
        self.name = name
        self.server = server
        server.make_database(name)
        with self.connect() as connection:
            self._indexes = indexes(connection)
        self._folder = folder / name
        settings = Settings(data_dir=self._folder)
        self.options = replace(load_options(settings), retry_seconds=30.0, catalogue=CATALOGUE)

    @property
    def url(self) -> str:
        return self.server.url(self.name)

    def connect(self) -> Connection:
        return self.server.connect(self.name)

    def clear(self, **options: Any) -> None:
        """Begins anew: no files, no rows, and these options of the loader."""
        self.options = replace(self.options, **options)
        self.server.empty(self.name)
        shutil.rmtree(self._folder, ignore_errors=True)
        self.options.raw_dir.mkdir(parents=True)

    def drop(self, name: str, content: bytes, second: int) -> Path:
        return drop(self.options.raw_dir / name, content, second)

    def register(self, path: Path) -> None:
        """As a new version, whatever its content."""
        with self.connect() as connection:
            ledger.register(connection, self._look_at(path))

    def load(self, path: Path, url: str | None = None) -> None:
        """Loads a file in this process, undisturbed."""
        load_file(url or self.url, self._look_at(path), self.options)

    def _look_at(self, path: Path) -> FoundFile:
        found = self.options.folder.look_at(path)
        assert found is not None, path
        return found

    def versions(self, name: str) -> list[ledger.LedgerFile]:
        with self.connect() as connection:
            return [file for file in ledger.files_in_order(connection) if file.path == name]

    def account(self, connection: Connection) -> Account:
        return read_account(connection, self.options.failed_dir)

    def contradictions(self, connection: Connection) -> list[str]:
        """What does not hold together here, and what a load should have tidied up."""
        missing = self._indexes - indexes(connection)
        return contradictions(connection) + [f"index {index} is missing" for _, index, _ in sorted(missing)]
