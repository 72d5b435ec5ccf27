"""Finds the file that `as_of` means, and refuses what cannot be told any more: nothing is answered by guesswork."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from logistics_api.database.pool import Database
from logistics_api.errors import refused_parameter
from logistics_core.as_of import EXPECTED, Asked, read_as_of
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


Histories = Mapping[str, Mapping[str, Any]]
"""What the ledger says about the histories of datasets, by name."""


async def resolve(database: Database, text: str, datasets: Iterable[Dataset], parameter: str = "as_of") -> AsOf:
    """The file that a text means, if the records of the datasets as of that file are all known.

    Raises:
        Problem: 422, there is no such file, or a dataset does not keep its history, or not since then; whatever
            `Database.fetch_row` raises.
    """
    asked = read_as_of(text)
    if asked is None:
        raise refused_parameter(parameter, EXPECTED, text)
    wanted = list(datasets)
    file, histories = await _read(database, asked, wanted)
    if file is None and not asked.may_be_before_all:
        raise refused_parameter(parameter, f"{EXPECTED}; the ledger has no such file", text)
    found = AsOf(0, None, None, None) if file is None else AsOf(**file)
    why = why_unknown(wanted, histories, found.file_id)
    if why is not None:
        raise refused_parameter(parameter, why, text)
    return found


async def known_histories(database: Database, datasets: Iterable[Dataset]) -> Histories:
    """What is known about the histories of datasets.

    Raises:
        Problem: as `Database.fetch_row`.
    """
    _, histories = await _read(database, Asked(), list(datasets))
    return histories


async def _read(database: Database, asked: Asked, datasets: Sequence[Dataset]) -> tuple[Any, Histories]:
    names = [each.name for each in datasets]
    file, histories = await database.fetch_row(RESOLVE, {**vars(asked), "datasets": names})
    return file, histories


def why_unknown(datasets: Iterable[Dataset], histories: Histories, file_id: int) -> str | None:
    """Why the records of one of the datasets as of a file are not known; None if all are.

    Records without a key are never superseded, so they always are.
    """
    found = (_unknown(each, histories.get(each.name), file_id) for each in datasets if each.key)
    return next((why for why in found if why is not None), None)


def _unknown(dataset: Dataset, history: Mapping[str, Any] | None, file_id: int) -> str | None:
    if history is None or history["ended_at"] is not None:
        return (
            f"nothing: {dataset.name} does not keep earlier versions of its records"
            f"{'' if history is None else ' any more'}. It needs {how_to_keep(dataset)}"
        )
    if history["gaps"] and file_id < history["since_file_id"]:
        return (
            f"file {history['since_file_id']} ({history['since_path']}) or a later one: the history of {dataset.name} "
            f"began after it. Of {history['gaps']:,} earlier files some records are not known any more; "
            "`logistics history show` lists these files: load them again to have them"
        )
    return None


def how_to_keep(dataset: Dataset) -> str:
    """What has a dataset keep its history."""
    if dataset.name in BUILT_IN:
        return f"the command `logistics history keep {dataset.name}`"
    return f"`history: true` in the contract of {dataset.name}"
