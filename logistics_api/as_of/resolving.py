"""Finds the file that `as_of` means, and refuses what cannot be told any more: nothing is answered by guesswork."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from logistics_api.as_of.parameter import EXPECTED, read_as_of
from logistics_api.database.pool import Database
from logistics_api.errors import refused_parameter
from logistics_core.catalogue import Dataset
from logistics_core.catalogue.contract_files import BUILT_IN

RESOLVE = """
-- Finds the file that a number, a path or a moment means, and what is known about the histories of datasets.
-- One row: the file as JSON, or NULL; by dataset what ingest.histories and ingest.history_gaps say, as JSON.
-- Reads ingest.files, .histories, .history_gaps.
SELECT
    (
        SELECT json_build_object(
            'file_id', file_id, 'path', path, 'version', version, 'registered_at', registered_at
        )
        FROM ingest.files
        WHERE
            file_id = %(file_id)s::int
            OR path = %(path)s::text
            OR registered_at <= %(moment)s::timestamptz
        ORDER BY file_id DESC
        LIMIT 1
    ),
    (
        SELECT coalesce(json_object_agg(dataset, json_build_object(
            'since_file_id', since_file_id,
            'since_path', (SELECT path FROM ingest.files WHERE file_id = since_file_id),
            'ended_at', ended_at,
            'gaps', (SELECT count(*) FROM ingest.history_gaps AS gap WHERE gap.dataset = history.dataset)
        )), '{}')
        FROM ingest.histories AS history
        WHERE dataset = ANY(%(datasets)s)
    )
"""


@dataclass(frozen=True)
class AsOf:
    """The last file that counts."""

    file_id: int
    """0 before the first file."""
    path: str | None
    """None before the first file."""
    version: int | None
    registered_at: datetime | str | None

    @property
    def document(self) -> dict[str, Any]:
        """It as JSON has it."""
        return {
            "file_id": self.file_id,
            "path": self.path,
            "version": self.version,
            "registered_at": self.registered_at,
        }

    @property
    def headers(self) -> dict[str, str]:
        """What responses say that hold nothing but rows."""
        return {"As-Of-File": str(self.file_id)}


async def resolve(database: Database, text: str, datasets: Iterable[Dataset], parameter: str = "as_of") -> AsOf:
    """The file that a text means, if the records of the datasets as of that file are all known.

    Raises:
        Problem: 422, there is no such file, or a dataset does not keep its history, or not since then; whatever
            `Database.fetch_row` raises.
    """
    asked = read_as_of(text)
    if asked is None:
        raise refused_parameter(parameter, EXPECTED, text)
    wanted = {each.name: each for each in datasets if each.key}
    parameters = {**vars(asked), "datasets": list(wanted)}
    file, histories = await database.fetch_row(RESOLVE, parameters)
    if file is None and asked.moment is None:
        raise refused_parameter(parameter, f"{EXPECTED}; the ledger has no such file", text)
    found = AsOf(0, None, None, None) if file is None else AsOf(**file)
    for dataset in wanted.values():
        why = _unknown(dataset, histories.get(dataset.name), found.file_id)
        if why is not None:
            raise refused_parameter(parameter, why, text)
    return found


def _unknown(dataset: Dataset, history: Mapping[str, Any] | None, file_id: int) -> str | None:
    """Why the records of a dataset as of a file are not known; None if they are."""
    how = (
        f"logistics history keep {dataset.name}"
        if _is_built_in(dataset)
        else f"`history: true` in the contract of {dataset.name}"
    )
    if history is None or history["ended_at"] is not None:
        until = "" if history is None else " any more"
        return f"nothing: {dataset.name} does not keep earlier versions of its records{until}. It needs {how}"
    if history["gaps"] and file_id < history["since_file_id"]:
        return (
            f"file {history['since_file_id']} ({history['since_path']}) or a later one: the history of {dataset.name} "
            f"began after that file. Earlier versions of {history['gaps']:,} files before it are not known; load these "
            f"files again to have them (`logistics history show` lists them)"
        )
    return None


def _is_built_in(dataset: Dataset) -> bool:
    return dataset.name in BUILT_IN
