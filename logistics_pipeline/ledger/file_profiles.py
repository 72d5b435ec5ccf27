"""Profiles of the columns of files, from samples of their accepted records."""

import msgspec
from psycopg.types.json import Jsonb

from logistics_core.database_contract.file_states import FileState
from logistics_core.profiles import FieldProfile
from logistics_pipeline.database.connections import Connection

FileProfile = dict[str, FieldProfile]
"""By field."""

MOST_EARLIER_FILES = 12


def file_profile(connection: Connection, file_id: int) -> FileProfile:
    """The profile of a file; empty if it has none."""
    row = connection.execute("SELECT fields FROM ingest.file_profiles WHERE file_id = %s", (file_id,)).fetchone()
    return {} if row is None else _from_json(row[0])


def earlier_profiles(connection: Connection, dataset: str, file_id: int) -> list[FileProfile]:
    """The profiles of the loaded files of a dataset that were registered last before a file, the newest first."""
    rows = connection.execute(
        "SELECT profile.fields FROM ingest.files AS file JOIN ingest.file_profiles AS profile USING (file_id) "
        f"WHERE file.dataset = %s AND file.file_id < %s AND file.state = '{FileState.LOADED}' "
        "ORDER BY file.file_id DESC LIMIT %s",
        (dataset, file_id, MOST_EARLIER_FILES),
    ).fetchall()
    return [_from_json(fields) for (fields,) in rows]


def keep_profile(connection: Connection, file_id: int, profile: FileProfile) -> None:
    """Stores the profile of a file, in the transaction of the batch that it includes."""
    connection.execute(
        "INSERT INTO ingest.file_profiles (file_id, fields) VALUES (%s, %s) "
        "ON CONFLICT (file_id) DO UPDATE SET fields = excluded.fields",
        (file_id, Jsonb(msgspec.to_builtins(profile))),
    )


def remove_profile(connection: Connection, file_id: int) -> None:
    """Removes the profile of a file, in the transaction that removes its rows."""
    connection.execute("DELETE FROM ingest.file_profiles WHERE file_id = %s", (file_id,))


def _from_json(document: object) -> FileProfile:
    return msgspec.convert(document, dict[str, FieldProfile])
