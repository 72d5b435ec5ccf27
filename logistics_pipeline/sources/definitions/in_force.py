"""The definitions in force: those that the database has, and how it follows the folder that people edit.

Every process that pulls takes a definition from here, so that all of them have the same one; `reading` reads the files.
"""

import json
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from psycopg import errors

from logistics_core.settings import Settings
from logistics_pipeline.contracts.folder import SyncReport
from logistics_pipeline.database.connections import Connection, connect
from logistics_pipeline.errors import ConfigurationError
from logistics_pipeline.files.definition_files import DefinitionError
from logistics_pipeline.loading.database_retry import Deadline, retry_transient_errors
from logistics_pipeline.sources.definitions.definition import RestSource, Source
from logistics_pipeline.sources.definitions.reading import Definitions, read_definitions, stored_definition

_IN_FORCE = """
SELECT name, definition, sha256, problem
FROM source.sources
WHERE removed_at IS NULL
ORDER BY name COLLATE "C"
"""


@dataclass(frozen=True)
class Stored:
    """The definitions that the database has."""

    sources: Mapping[str, Source] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)
    """What is wrong with files as they are now, by the name of the source: an earlier definition may be in force."""

    @property
    def rest(self) -> Mapping[str, RestSource]:
        """Those of the kind `rest`."""
        return Definitions(self.sources).rest


def stored_sources(connection: Connection) -> Stored:
    """The definitions in force. One that this program cannot use keeps no other from its work."""
    sources: dict[str, Source] = {}
    problems: dict[str, str] = {}
    for name, document, digest, problem in connection.execute(_IN_FORCE).fetchall():
        if problem is not None:
            problems[name] = problem
        if document is None:
            continue
        try:
            sources[name] = stored_definition(document, name, digest)
        except DefinitionError as error:
            problems[name] = str(error)
    return Stored(sources, problems)


def read_sources(settings: Settings) -> Stored:
    """The definitions in force of an installation; without a database, those in its folder.

    Raises:
        TransientError: the database stayed unavailable for the time that the settings allow.
        ConfigurationError: it has not been migrated to this version.
        DefinitionError: there is no database, and the folder cannot be read.
    """
    url = settings.database_url
    if url is None:
        found = read_definitions(settings.sources_dir)
        return Stored(found.sources, found.problems)

    def connect_and_read() -> Stored:
        with connect(url, application_name="logistics sources") as connection:
            return stored_sources(connection)

    try:
        return retry_transient_errors(connect_and_read, "reading the sources", Deadline(settings.retry_seconds))
    except (errors.UndefinedTable, errors.InvalidSchemaName, errors.UndefinedColumn) as error:
        raise ConfigurationError(
            "The database is not at this version, as it has no sources: run `logistics migrate` first."
        ) from error


@dataclass(frozen=True)
class SourcesFolder:
    """The folder of definitions, as the watch of contracts follows it (`contracts.watching.Followed`)."""

    folder: Path

    def sync(self, connection: Connection) -> SyncReport:
        """Notes in the database what the files say; says what has changed and what is wrong."""
        before = _digests(connection)
        try:
            problems = list(sync_sources(connection, self.folder).problems.values())
        except DefinitionError as error:
            return SyncReport(problems=[str(error)])
        return SyncReport(changes=list(_changes(before, _digests(connection), self.folder)), problems=problems)

    def in_force(self, connection: Connection) -> Hashable:
        """Name and content of each definition: what Dagster's definitions are made of."""
        return frozenset(_digests(connection).items())


def _digests(connection: Connection) -> dict[str, str]:
    found = connection.execute(
        "SELECT name, sha256 FROM source.sources WHERE removed_at IS NULL AND definition IS NOT NULL"
    ).fetchall()
    return dict(found)


def _changes(before: Mapping[str, str], now: Mapping[str, str], folder: Path) -> Iterator[str]:
    for name in sorted(before.keys() | now.keys()):
        if name not in now:
            yield f"The source {name} is not pulled any more: {folder} has no definition of it. Its pulls are kept."
        elif before.get(name) != now[name]:
            yield f"{'The changed' if name in before else 'The'} definition of the source {name} is in force."


def sync_sources(connection: Connection, folder: Path) -> Definitions:
    """Reads all definitions of a folder, and notes in the database what they say, or what is wrong with them.

    Raises:
        DefinitionError: the folder cannot be read.
    """
    found = read_definitions(folder)
    with connection.transaction():
        for name, source in found.sources.items():
            kind = str(source.document["kind"])
            _note(connection, name, kind, source.title, json.dumps(source.document, default=str), source.sha256, None)
        for name, problem in found.problems.items():
            _note(connection, name, None, "", None, None, problem)
        names = [*found.sources, *found.problems]
        connection.execute(
            "UPDATE source.sources SET removed_at = clock_timestamp() WHERE removed_at IS NULL AND NOT name = ANY(%s)",
            (names,),
        )
    return found


def _note(connection: Connection, *values: Any) -> None:
    """A file that cannot be used keeps what was read of it before."""
    connection.execute(
        "INSERT INTO source.sources AS known (name, kind, title, definition, sha256, problem) "
        "VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (name) DO UPDATE SET "
        "kind = coalesce(excluded.kind, known.kind), problem = excluded.problem, "
        "title = CASE WHEN excluded.problem IS NULL THEN excluded.title ELSE known.title END, "
        "definition = coalesce(excluded.definition, known.definition), "
        "sha256 = coalesce(excluded.sha256, known.sha256), "
        "read_at = clock_timestamp(), removed_at = NULL "
        "WHERE (known.sha256, known.problem, known.removed_at) IS DISTINCT FROM "
        "(coalesce(excluded.sha256, known.sha256), excluded.problem, NULL::timestamptz)",
        values,
    )
