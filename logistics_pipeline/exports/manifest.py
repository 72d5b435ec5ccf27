"""The manifest of an export, written last: who finds it finds all files, each with its size and SHA-256."""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from logistics_pipeline.database.connections import Connection
from logistics_pipeline.exports.destinations import Destination, UnfitExportError
from logistics_pipeline.files.stores import FileGoneError
from logistics_pipeline.migrations import head_version

NAME = "manifest.json"
_FORMAT = 1
_MOST_BYTES = 64 << 20


@dataclass(frozen=True)
class ExportedFile:
    """One file of an export."""

    name: str
    holds: str
    """A dataset, `ledger` or `rejects`; of an export of everything, a table."""
    rows: int
    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What an export holds, and of which state of the database."""

    kind: str
    """`datasets` or `everything`."""
    created_at: str
    data_version: int
    schema_version: str
    files: tuple[ExportedFile, ...]
    format: int = _FORMAT


def make_manifest(connection: Connection, kind: str, files: tuple[ExportedFile, ...]) -> Manifest:
    """The manifest of files that were written in the transaction of a connection."""
    row = connection.execute("SELECT data_version, clock_timestamp() FROM analytics.status").fetchone()
    assert row is not None
    return Manifest(kind, row[1].astimezone(UTC).isoformat(), row[0], head_version(), files)


def folder_name(connection: Connection) -> str:
    """The name of a new export: time and data version. Exports never overwrite each other."""
    row = connection.execute("SELECT data_version FROM analytics.status").fetchone()
    assert row is not None
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-v{row[0]}"


def write_manifest(to: Destination, manifest: Manifest) -> None:
    """Writes the manifest: from now on the export counts as whole."""
    to.write(NAME, [json.dumps(asdict(manifest), indent=2).encode()])


def read_manifest(of: Destination) -> Manifest:
    """Reads the manifest of an export.

    Raises:
        UnfitExportError: there is none, as of an export that is not whole; or it is not one of ours.
    """
    try:
        with of.open(NAME) as file:
            document = json.loads(file.read(_MOST_BYTES))
        files = tuple(ExportedFile(**each) for each in document.pop("files"))
        manifest = Manifest(files=files, **document)
    except FileGoneError:
        raise UnfitExportError(
            f"{of.url} has no {NAME}: it is no export, or one that did not come to its end. Name the folder of one "
            "export, such as 20240501T033000.000000Z-v42."
        ) from None
    except (ValueError, TypeError, KeyError) as error:
        raise UnfitExportError(f"{of.url}/{NAME} is not the manifest of an export ({error}).") from None
    if manifest.format != _FORMAT:
        raise UnfitExportError(f"{of.url} was exported by a newer version of this program. Restore it with that one.")
    return manifest
