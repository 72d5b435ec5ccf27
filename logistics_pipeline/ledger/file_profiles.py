"""Profiles of the columns of files, from samples of their accepted records."""

import msgspec
from psycopg.types.json import Jsonb

from logistics_core.database_contract.file_states import FileState
from logistics_core.profiles import FieldProfile
from logistics_pipeline.database.connections import Connection

FileProfile = dict[str, FieldProfile]
"""By field."""

MOST_EARLIER_FILES = 12

MOST_KNOWN_COLUMNS = 400
"""Of at most 20 kB each."""

_PROFILES = msgspec.json.Decoder(FileProfile)


def file_profile(connection: Connection, file_id: int) -> FileProfile:
    """The profile of a file; empty if it has none."""
    row = connection.execute("SELECT fields::text FROM ingest.file_profiles WHERE file_id = %s", (file_id,)).fetchone()
    return {} if row is None else _PROFILES.decode(row[0])


def earlier_profiles(connection: Connection, dataset: str, file_id: int) -> list[FileProfile]:
    """The profiles of the loaded files of a dataset that were registered last before a file, the newest first."""
    return KnownProfiles().profile_and_earlier(connection, dataset, file_id)[1]


class KnownProfiles:
    """Remembers the profiles that were read last: files that are loaded one after the other have the same earlier ones.

    A profile is known by its file and the transaction that has written it. Those of one file and its earlier ones are
    kept, some megabytes at most: none if they have too many columns together.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[int, str], FileProfile] = {}

    def profile_and_earlier(
        self, connection: Connection, dataset: str, file_id: int
    ) -> tuple[FileProfile, list[FileProfile]]:
        """The profile of a file of a dataset, empty if it has none, and the `earlier_profiles`."""
        rows = connection.execute(
            "SELECT file_id, profile.xmin::text, CASE WHEN (file_id, profile.xmin::text) IN "
            "(SELECT * FROM unnest(%s::integer[], %s::text[])) THEN NULL ELSE profile.fields::text END "
            "FROM ingest.files AS file JOIN ingest.file_profiles AS profile USING (file_id) "
            f"WHERE dataset = %s AND file_id <= %s AND (state = '{FileState.LOADED}' OR file_id = %s) "
            "ORDER BY file_id DESC LIMIT %s",
            (
                [other_id for other_id, _ in self._known],
                [written_by for _, written_by in self._known],
                dataset,
                file_id,
                file_id,
                MOST_EARLIER_FILES + 1,
            ),
        ).fetchall()
        self._known = {
            (other_id, written_by): self._known[other_id, written_by] if text is None else _PROFILES.decode(text)
            for other_id, written_by, text in rows
        }
        profiles = {other_id: profile for (other_id, _), profile in self._known.items()}
        if sum(map(len, profiles.values())) > MOST_KNOWN_COLUMNS:
            self._known = {}
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
