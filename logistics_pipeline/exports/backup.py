"""Exports everything that cannot be computed from something else, and restores a database from it.

What is left out: figures, which are computed anew; keys of the API and sessions of people, of which only hashes exist;
requests that somebody waits for at the moment; messages, which would be sent twice; the keys of links and of web push,
with the browsers that know them. Who wants no mail is kept, and so are people, what they want, and the audit log.
"""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from io import StringIO
from typing import BinaryIO, cast

from psycopg import errors, sql

from logistics_core.zstd import ZstdError, ZstdFile, compress
from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.database.connections import Connection, connect, transient_errors
from logistics_pipeline.database.contracts import catalogue_in_force
from logistics_pipeline.exports.datasets import _Rows, copied, snapshot
from logistics_pipeline.exports.destinations import Destination, UnfitExportError
from logistics_pipeline.exports.manifest import ExportedFile, Manifest, make_manifest, read_manifest, write_manifest
from logistics_pipeline.migrations import head_version, migrate
from logistics_pipeline.migrations.history_tables import make_history_table

EVERYTHING = "everything"
_LEFT_OUT = frozenset(
    {
        "access.keys",
        "access.sessions",
        "ingest.places",
        "ingest.file_requests",
        "ingest.dropped_indexes",
        "catalogue.requests",
        "identity.current_links",
        "alert.heartbeats",
        "alert.trials",
        "models.jobs",
        "models.job_results",
        "notify.attempts",
        "notify.bounces",
        "notify.digests",
        "notify.editions",
        "notify.events",
        "notify.messages",
        "notify.previews",
        "notify.push_keys",
        "notify.push_subscriptions",
        "notify.reports",
        "notify.signing_keys",
        "notify.template_previews",
    }
)
_SCHEMAS = (
    "catalogue", "ingest", "raw", "history", "boards", "source", "forecast", "identity", "models", "alert", "notify",
    "access",
)  # fmt: skip
_READ_BYTES = 1 << 20
_ZSTD_LEVEL = 3


def export_everything(url: str, to: Destination) -> Manifest:
    """Writes a file for each table, then the manifest. All are of the same state of the database.

    Raises:
        PlaceError, TransientError: the destination, or the database, does not do its part.
    """
    with snapshot(url) as connection:
        files = tuple(_export_table(connection, table, to) for table in _tables(connection))
        manifest = make_manifest(connection, EVERYTHING, files)
    write_manifest(to, manifest)
    return manifest


def _export_table(connection: Connection, table: str, to: Destination) -> ExportedFile:
    counting = _Rows()
    statement = sql.SQL("COPY {} TO STDOUT (FORMAT csv, HEADER)").format(_identifier(table))
    written = to.write(f"{table}.csv.zst", map(_compressed, copied(connection, statement, counting)))
    return ExportedFile(written.name, table, counting.rows, written.size_bytes, written.sha256)


def _compressed(block: bytes) -> bytes:
    """A frame of its own: frames that follow each other are one stream."""
    return compress(block, _ZSTD_LEVEL)


def _tables(connection: Connection) -> list[str]:
    """Every table, those first that others refer to."""
    rows = connection.execute(_TABLES, {"schemas": list(_SCHEMAS)}).fetchall()
    waiting = {table: set(others) - {table} for table, others in rows if table not in _LEFT_OUT}
    ordered: list[str] = []
    while waiting:
        ready = sorted(table for table, others in waiting.items() if not others & waiting.keys())
        if not ready:
            raise UnfitExportError(f"The tables {', '.join(sorted(waiting))} refer to each other in a circle.")
        ordered += ready
        for table in ready:
            del waiting[table]
    return ordered


_TABLES = """
SELECT
    namespace.nspname || '.' || class.relname,
    coalesce(
        (
            SELECT array_agg(other_namespace.nspname || '.' || other.relname)
            FROM pg_constraint
            INNER JOIN pg_class AS other ON other.oid = pg_constraint.confrelid
            INNER JOIN pg_namespace AS other_namespace ON other_namespace.oid = other.relnamespace
            WHERE pg_constraint.conrelid = class.oid AND pg_constraint.contype = 'f'
        ),
        '{}'
    )
FROM pg_class AS class
INNER JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
WHERE namespace.nspname = ANY(%(schemas)s) AND class.relkind IN ('r', 'p')
"""


# -- the way back ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Restored:
    """What was restored."""

    manifest: Manifest
    tables: int
    rows: int


def restore(url: str, of: Destination) -> Restored:
    """Makes a database from an export of everything, and computes its figures. The database must be new or empty.

    Raises:
        UnfitExportError: the export is not whole, was damaged, or is of a newer version; or the database holds files.
            What was restored so far is taken back.
    """
    manifest = read_manifest(of)
    if manifest.kind != EVERYTHING:
        raise UnfitExportError(f"{of.url} holds datasets for other programs. Restore an export of everything.")
    if manifest.schema_version != head_version():
        raise UnfitExportError(
            f"{of.url} was exported with the schema version {manifest.schema_version}; this program has "
            f"{head_version()}. Restore it with the version of the program that exported it, then migrate."
        )
    migrate(url)
    refuse_filled(url)
    first = tuple(file for file in manifest.files if file.holds.startswith("catalogue."))
    rest = tuple(file for file in manifest.files if file not in first)
    rows = _restore_files(url, of, first, clears=True)
    migrate(url)  # makes the tables of the contracts
    _make_history_tables(url, [file.holds for file in rest])
    rows += _restore_files(url, of, rest)
    refresh(url, full=True)
    return Restored(manifest, len(manifest.files), rows)


def _make_history_tables(url: str, tables: Iterable[str]) -> None:
    """Makes those of the tables that hold superseded records: not all of them follow from contracts."""
    with connect(url, application_name="logistics restore") as connection:
        catalogue = catalogue_in_force(connection)
        for table in tables:
            schema, name = table.split(".", 1)
            if schema == "history" and name in catalogue:
                make_history_table(connection, catalogue[name])


def refuse_filled(url: str) -> None:
    """Refuses a database that holds files: what it has must not be mixed with what is restored.

    Raises:
        UnfitExportError: it does.
    """
    with connect(url, application_name="logistics restore") as connection:
        if connection.execute("SELECT FROM ingest.files LIMIT 1").fetchone() is not None:
            raise UnfitExportError(
                "The database holds files already. Restore into a new one: set LOGISTICS_DATABASE_URL, or "
                "LOGISTICS_DATA_DIR for an embedded server of its own."
            )


def _restore_files(url: str, of: Destination, files: Iterable[ExportedFile], *, clears: bool = False) -> int:
    wanted, rows = list(files), 0
    with (
        transient_errors("restoring"),
        connect(url, application_name="logistics restore") as connection,
        connection.transaction(),
    ):
        connection.execute(
            "SET LOCAL logistics.restoring = 'on'"
        )  # history is written as it was, see the schema models
        if clears:
            tables = sql.SQL(", ").join(_identifier(file.holds) for file in wanted)
            connection.execute(sql.SQL("TRUNCATE {} CASCADE").format(tables))
        for file in wanted:
            rows += _restore_file(connection, of, file)
    return rows


def _restore_file(connection: Connection, of: Destination, file: ExportedFile) -> int:
    table = _identifier(file.holds)
    with of.open(file.name) as stored:
        checked = _Checked(stored, file, of.url)
        blocks = _decompressed(checked, file, of.url)
        head = next(blocks, b"")
        columns = next(csv.reader(StringIO(head.partition(b"\n")[0].decode())), [])
        connection.execute(sql.SQL("DELETE FROM {}").format(table))
        names = sql.SQL(", ").join(map(sql.Identifier, columns))
        statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv, HEADER)").format(table, names)
        try:
            with connection.cursor() as cursor:
                with cursor.copy(statement) as copy:
                    copy.write(head)
                    for block in blocks:
                        copy.write(block)
                rows = cursor.rowcount
        except (errors.DataError, errors.IntegrityError, errors.UndefinedColumn) as error:
            raise UnfitExportError(f"{of.url}/{file.name} does not fit the table {file.holds}: {error}") from error
        checked.check(rows)
    _advance_identities(connection, file.holds)
    return rows


class _Checked:
    """Reads a file and hashes it: what was damaged must not be taken for what was exported."""

    def __init__(self, file: BinaryIO, expected: ExportedFile, where: str) -> None:
        self._file = file
        self._expected = expected
        self._where = where
        self._digest = sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._digest.update(data)
        return data

    def check(self, rows: int) -> None:
        """Holds what was read to the manifest."""
        while self.read(_READ_BYTES):
            pass
        if self._digest.hexdigest() != self._expected.sha256 or rows != self._expected.rows:
            raise UnfitExportError(f"{self._where}/{self._expected.name} was changed since it was exported.")


def _decompressed(checked: _Checked, file: ExportedFile, where: str) -> Iterator[bytes]:
    try:
        with ZstdFile(cast(BinaryIO, checked)) as stream:
            while block := stream.read(_READ_BYTES):
                yield block
    except (ZstdError, EOFError) as error:
        raise UnfitExportError(f"{where}/{file.name} was changed since it was exported ({error}).") from error


def _advance_identities(connection: Connection, table: str) -> None:
    """New rows are numbered after those that were restored."""
    found = connection.execute(_IDENTITIES, {"table": table}).fetchall()
    for column, sequence in found:
        connection.execute(
            sql.SQL("SELECT setval(%s, greatest((SELECT max({}) FROM {}), 1), EXISTS (SELECT FROM {}))").format(
                sql.Identifier(column), _identifier(table), _identifier(table)
            ),
            (sequence,),
        )


_IDENTITIES = (
    "SELECT attname, pg_get_serial_sequence(%(table)s, attname) FROM pg_attribute "
    "WHERE attrelid = %(table)s::regclass AND attnum > 0 AND NOT attisdropped "
    "AND pg_get_serial_sequence(%(table)s, attname) IS NOT NULL"
)


def _identifier(table: str) -> sql.Identifier:
    return sql.Identifier(*table.split(".", 1))
