"""Exports datasets, rejects and the ledger for other programs: CSV, NDJSON or Parquet, as one state of the database."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum

from psycopg import sql

from logistics_core.catalogue import Catalogue
from logistics_pipeline.database.connections import Connection, connect, transient_errors
from logistics_pipeline.errors import ConfigurationError
from logistics_pipeline.exports.destinations import Destination
from logistics_pipeline.exports.manifest import ExportedFile, Manifest, make_manifest, write_manifest
from logistics_pipeline.exports.parquet import parquet_blocks

LEDGER, REJECTS = "ledger", "rejects"
_BLOCK_BYTES = 1 << 20

_QUERIES = {
    LEDGER: "SELECT * FROM ingest.files ORDER BY file_id",
    REJECTS: "SELECT files.path, files.version, files.dataset, rejects.* FROM ingest.rejects AS rejects "
    "INNER JOIN ingest.files AS files USING (file_id) ORDER BY file_id, record_no",
}


class Format(StrEnum):
    """What a file is written in."""

    CSV = "csv"
    NDJSON = "ndjson"
    PARQUET = "parquet"


def export_datasets(url: str, names: Sequence[str], to: Destination, format: Format, catalogue: Catalogue) -> Manifest:
    """Writes one file for each name, then the manifest. All are of the same state of the database.

    Raises:
        ConfigurationError: there is no dataset of a name.
        PlaceError, TransientError: the destination, or the database, does not do its part.
    """
    _refuse_unknown(names, catalogue)
    with snapshot(url) as connection:
        files = tuple(_export(connection, name, to, format, catalogue) for name in names)
        manifest = make_manifest(connection, "datasets", files)
    write_manifest(to, manifest)
    return manifest


@contextmanager
def snapshot(url: str) -> Iterator[Connection]:
    """A connection that sees one state of the database and changes nothing."""
    with transient_errors("exporting"), connect(url, application_name="logistics export") as connection:
        connection.execute("SET default_transaction_isolation = 'repeatable read'")
        connection.execute("SET default_transaction_read_only = on")
        with connection.transaction():
            yield connection


def _refuse_unknown(names: Iterable[str], catalogue: Catalogue) -> None:
    known = [*catalogue, LEDGER, REJECTS]
    for name in names:
        if name not in known:
            raise ConfigurationError(f"There is nothing called {name} to export. There are: {', '.join(known)}.")


def _export(connection: Connection, name: str, to: Destination, format: Format, catalogue: Catalogue) -> ExportedFile:
    query = _query(name, catalogue)
    counting = _Rows()
    match format:
        case Format.PARQUET:
            blocks = parquet_blocks(connection, query, counting.add)
        case Format.NDJSON:
            # JSON holds no control characters, so nothing in a line is quoted.
            lines = sql.SQL(
                "COPY (SELECT row_to_json(record) FROM ({}) AS record) TO STDOUT "
                "(FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02')"
            ).format(query)
            blocks = copied(connection, lines, counting)
        case _:
            blocks = copied(connection, sql.SQL("COPY ({}) TO STDOUT (FORMAT csv, HEADER)").format(query), counting)
    written = to.write(f"{name}.{format}", blocks)
    return ExportedFile(written.name, name, counting.rows, written.size_bytes, written.sha256)


def _query(name: str, catalogue: Catalogue) -> sql.Composable:
    if name in _QUERIES and name not in catalogue:
        return sql.SQL(_QUERIES[name])
    dataset = catalogue[name]
    columns = sql.SQL(", ").join(map(sql.Identifier, (*dataset.stored_columns, "file_id", "record_no")))
    return sql.SQL("SELECT {} FROM {} ORDER BY file_id, record_no").format(columns, sql.Identifier("raw", dataset.name))


class _Rows:
    """How many rows were written."""

    rows = 0

    def add(self, rows: int) -> None:
        self.rows += rows


def copied(connection: Connection, statement: sql.Composed, counting: _Rows) -> Iterator[bytes]:
    """What a COPY writes, in blocks of about 1 MiB."""
    parts, size = list[bytes](), 0
    with connection.cursor() as cursor:
        with cursor.copy(statement) as copy:
            for data in copy:
                parts.append(bytes(data))
                size += len(data)
                if size >= _BLOCK_BYTES:
                    yield b"".join(parts)
                    parts, size = [], 0
        counting.add(max(0, cursor.rowcount))
    yield b"".join(parts)
