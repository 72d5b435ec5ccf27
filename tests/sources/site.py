"""One installation: a database, the folders of definitions, raw files and the archive, and what they say."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from psycopg import sql

from logistics_pipeline.database.connections import Connection, connect, with_database
from logistics_pipeline.loading.loader import load_file
from logistics_pipeline.loading.options import BatchLimits, LoadOptions
from logistics_pipeline.local.embedded_postgres import EmbeddedPostgres
from logistics_pipeline.migrations import migrate
from logistics_pipeline.sources.definitions.definition import RestSource
from logistics_pipeline.sources.definitions.reading import read_definition
from logistics_pipeline.sources.ledger.pulls import Pull, list_pulls
from logistics_pipeline.sources.pulls.pulling import PullOptions, pull
from tests.campaigns import empty_tables
from tests.contract_texts import synced_catalogue
from tests.sources.servers.certificates import Certificates, make_certificates

CONTRACTS = Path(__file__).parents[2] / "docs" / "sources" / "examples" / "contracts"


class Site:
    """Below `folder`; the database is emptied before each run."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.folder = folder
        self.options = PullOptions(folder / "data" / "raw", folder / "data" / "archive")
        self.certificates: Certificates = make_certificates(folder / "certificates")
        contracts = folder / "contracts"
        shutil.copytree(CONTRACTS, contracts)
        catalogue = synced_catalogue(url, contracts)
        self._load_options = LoadOptions(
            raw_dir=self.options.raw_dir,
            failed_dir=folder / "data" / "failed",
            batch=BatchLimits(records=10_000, bytes=1 << 20),
            max_record_bytes=1 << 20,
            date_order=None,
            retry_seconds=30.0,
            catalogue=catalogue,
        )
        self._loaded: set[Path] = set()
        self._rolled_back: Connection | None = None

    @contextmanager
    def connect(self) -> Iterator[Connection]:
        if self._rolled_back is not None:
            yield self._rolled_back
            return
        with connect(self.url) as connection:
            yield connection

    @contextmanager
    def damaged(self, statement: str) -> Iterator[None]:
        """What everything says after a statement, which is taken back at the end."""
        with self.connect() as connection, connection.transaction(force_rollback=True):
            connection.execute(statement.encode())
            self._rolled_back = connection
            try:
                yield
            finally:
                self._rolled_back = None

    def clear(self) -> None:
        with self.connect() as connection:
            empty_tables(connection, "raw", "source", "ingest", kept=["contracts"])
        shutil.rmtree(self.folder / "data", ignore_errors=True)
        self.options.raw_dir.mkdir(parents=True)
        self._loaded.clear()

    def write_definition(self, name: str, document: dict[str, Any]) -> Path:
        path = self.folder / "data" / "sources" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(document, sort_keys=False))
        return path

    def pull(self, definition: Path, *, load: bool = True) -> list[Pull]:
        """Pulls every resource of a source, parents first, and loads what they have landed."""
        source = read_definition(definition)
        assert isinstance(source, RestSource)
        found = [pull(self.url, source, name, self.options).pull for name in source.names]
        if load:
            self.load()
        return found

    def load(self) -> None:
        """Loads what was landed since the last time, in the order of the pulls, as the sensor does."""
        for path in sorted(self.options.raw_dir.rglob("*.zst"), key=lambda path: path.stat().st_mtime_ns):
            if path not in self._loaded:
                found = self._load_options.folder.look_at(path)
                assert found is not None, path
                load_file(self.url, found, self._load_options)
                self._loaded.add(path)

    def pulls(self) -> list[Pull]:
        """The first one first."""
        with self.connect() as connection:
            return list(reversed(list_pulls(connection, limit=1000)))

    def rows(self, dataset: str, columns: tuple[str, ...]) -> list[tuple[Any, ...]]:
        query = sql.SQL("SELECT {} FROM {}").format(
            sql.SQL(", ").join(map(sql.Identifier, columns)), sql.Identifier("raw", dataset)
        )
        with self.connect() as connection:
            return connection.execute(query).fetchall()

    def contradictions(self) -> list[str]:
        """What the pulls, their pages, files and the ledger say of each other that does not hold together."""
        with self.connect() as connection:
            found = connection.execute(_CONTRADICTIONS).fetchall()
        return [f"pull {pull_id}: {what}: {counted}, noted {noted}" for pull_id, what, counted, noted in found]

    def missing_pages(self) -> list[str]:
        """Pages in the database whose content is not in the archive."""
        with self.connect() as connection:
            digests = [
                digest for (digest,) in connection.execute("SELECT DISTINCT sha256 FROM source.pages").fetchall()
            ]
        there = "\n".join(str(path) for path in self.options.archive_dir.rglob("*"))
        return [digest for digest in digests if digest not in there]


_CONTRADICTIONS = """
WITH of_pages AS (
    SELECT pull_id, count(*) AS pages, sum(records) AS records FROM source.pages GROUP BY pull_id
),
checks AS (
    SELECT pull_id, what, counted, noted
    FROM source.pulls
    LEFT JOIN of_pages USING (pull_id)
    LEFT JOIN ingest.files ON files.path = pulls.path
    CROSS JOIN LATERAL (VALUES
        ('pages', coalesce(of_pages.pages, 0), pulls.pages::bigint),
        ('records of pages', coalesce(of_pages.records, 0), pulls.records),
        ('records landed and not mapped', records_landed + records_unmapped, pulls.records),
        ('records of the file', files.records_read::bigint, records_landed)
    ) AS figures (what, counted, noted)
    WHERE pulls.state IN ('complete', 'unchanged') AND (pulls.path IS NOT NULL OR what <> 'records of the file')
)
SELECT pull_id, what, counted, noted FROM checks WHERE counted IS DISTINCT FROM noted
UNION ALL
SELECT pull_id, 'state ' || state, 0, 0 FROM source.pulls WHERE state IN ('running', 'failed', 'paused')
"""


@contextmanager
def served_site(folder: Path) -> Iterator[Site]:
    """With a server of its own."""
    server = EmbeddedPostgres(folder / "postgres")
    url = with_database(server.acquire(), "sources")
    try:
        migrate(url)
        yield Site(url, folder)
    finally:
        server.release()
