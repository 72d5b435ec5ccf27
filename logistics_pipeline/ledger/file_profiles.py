"""Profiles of the columns of files, from samples of their accepted records."""

import msgspec
from psycopg.types.json import Jsonb

from logistics_core.database_contract.file_states import FileState
from logistics_core.profiles import FieldProfile
from logistics_pipeline.database.connections import Connection

FileProfile = dict[str, FieldProfile]
"""By field."""

MOST_EARLIER_FILES = 12

_PROFILES = msgspec.json.Decoder(FileProfile)


def file_profile(connection: Connection, file_id: int) -> FileProfile:
    """The profile of a file; empty if it has none."""
    row = connection.execute("SELECT fields::text FROM ingest.file_profiles WHERE file_id = %s", (file_id,)).fetchone()
    return {} if row is None else _PROFILES.decode(row[0])


def earlier_profiles(connection: Connection, dataset: str, file_id: int) -> list[FileProfile]:
    """The profiles of the loaded files of a dataset that were registered last before a file, the newest first."""
    return profile_and_earlier(connection, dataset, file_id)[1]


def profile_and_earlier(connection: Connection, dataset: str, file_id: int) -> tuple[FileProfile, list[FileProfile]]:
    """The profile of a file of a dataset, empty if it has none, and the `earlier_profiles`."""
    rows = connection.execute(
        "SELECT file_id, profile.fields::text FROM ingest.files AS file JOIN ingest.file_profiles AS profile "
        f"USING (file_id) WHERE dataset = %s AND file_id <= %s AND (state = '{FileState.LOADED}' OR file_id = %s) "
        "ORDER BY file_id DESC LIMIT %s",
        (dataset, file_id, file_id, MOST_EARLIER_FILES + 1),
    ).fetchall()
    profiles = {other_id: _PROFILES.decode(text) for other_id, text in rows}
    own = profiles.pop(file_id, {})
    return own, list(profiles.values())[:MOST_EARLIER_FILES]


def keep_profile(connection: Connection, file_id: int, profile: FileProfile) -> None:
    """Stores the profile of a file, in the transaction of the batch that it includes."""
    connection.execute(
        "INSERT INTO ingest.file_profiles (file_id, fields) VALUES (%s, %s) "
        "ON CONFLICT (file_id) DO UPDATE SET fields = excluded.fields",
        (file_id, Jsonb(profile, dumps=msgspec.json.encode)),
    )


def remove_profile(connection: Connection, file_id: int) -> None:
    """Removes the profile of a file, in the transaction that removes its rows."""
    connection.execute("DELETE FROM ingest.file_profiles WHERE file_id = %s", (file_id,))
