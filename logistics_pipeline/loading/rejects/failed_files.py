"""Writes the rejects of a file as a file under `data/failed/`: a person corrects it and moves it to `data/raw/`.

The table `ingest.rejects` is the source of truth. These files are a copy for people, written when a load ends. Beside
the records, a file `….reasons.csv` says what is wrong with each.
"""

import os
from hashlib import sha256
from pathlib import Path
from typing import IO

from logistics_pipeline import ledger
from logistics_pipeline.atomic_files import replacing
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.loading.layouts import CsvLayout, ElementsLayout, Layout
from logistics_pipeline.sources.folder import path_of

_COMPRESSIONS = (".gz", ".zst")

LONGEST_STEM = 200
"""Bytes, of the 255 that a name may have: suffixes follow, and the name is longer still while the file is written."""


def export_rejects(connection: Connection, file: ledger.LedgerFile, layout: Layout | None, failed_dir: Path) -> None:
    """Writes the rejects of a file in the file's own layout, or removes an older export if there are none now.

    Raises:
        OSError: the folder cannot be written to. The rejects are safe in the database.
    """
    records_path, reasons_path = export_paths(file.path, failed_dir)
    if file.records_rejected == 0 or layout is None:
        records_path.unlink(missing_ok=True)
        reasons_path.unlink(missing_ok=True)
        return
    with replacing(records_path) as records, replacing(reasons_path) as reasons:
        _write(connection, file.file_id, layout, records, reasons)


def export_or_warn(connection: Connection, file: ledger.LedgerFile, layout: Layout | None, failed_dir: Path) -> None:
    """As `export_rejects`, but if the folder cannot be written to, notes that as the file's warning."""
    try:
        export_rejects(connection, file, layout, failed_dir)
    except OSError as error:
        ledger.warn(
            connection,
            file.file_id,
            f"Its rejects could not be written to {failed_dir} ({error.strerror}); "
            "they are safe in the database: see `logistics rejects`.",
        )


def export_paths(key: str, failed_dir: Path) -> tuple[Path, Path]:
    """Returns the paths of a file's rejects and of their reasons.

    For `shipments.json`: `shipments.rejected.json` and `shipments.rejected.json.reasons.csv`.

    The name still belongs to the same dataset, and no two files of a folder share it: the rejects of
    `shipments.json.gz`, written uncompressed, go to `shipments.gz.rejected.json`.
    """
    name = path_of(key.lstrip("/"), failed_dir)  # the key of a file loaded from elsewhere is an absolute path
    compression = name.suffix if name.suffix.lower() in _COMPRESSIONS else ""
    plain = name.with_suffix("") if compression else name
    records = plain.with_name(f"{_shorten(plain.stem)}{compression}.rejected{plain.suffix}")
    return records, records.with_name(f"{records.name}.reasons.csv")


def _shorten(stem: str) -> str:
    """Returns a name that leaves room for suffixes: if too long, its beginning and a hash that keeps it unique."""
    whole = os.fsencode(stem)
    if len(whole) <= LONGEST_STEM:
        return stem
    return os.fsdecode(whole[: LONGEST_STEM - 9]).encode(errors="ignore").decode() + "~" + sha256(whole).hexdigest()[:8]


def _write(connection: Connection, file_id: int, layout: Layout, records: IO[bytes], reasons: IO[bytes]) -> None:
    before, between, after = _frame(layout)
    records.write(before)
    reasons.write(b"record_no,byte_offset,field,reason\n")
    separator = b""
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")  # both files hold the same rejects
        with cursor.copy(_REASONS, (file_id,)) as copy:
            for data in copy:
                reasons.write(data)
        with cursor.copy(_RAW_RECORDS, (file_id,)) as copy:
            copy.set_types(["bytea"])
            for (raw,) in copy.rows():
                records.write(separator + raw)
                separator = between
    records.write(after)


def _frame(layout: Layout) -> tuple[bytes, bytes, bytes]:
    """What is written before, between and after the records of a layout."""
    match layout:
        case ElementsLayout():
            return b"[\n", b",\n", b"\n]\n"
        case CsvLayout():
            return layout.header_text, layout.newline, layout.newline
        case _:
            return b"", b"\n", b"\n"


_REASONS = (
    "COPY (SELECT record_no, byte_offset, field, reason FROM ingest.rejects "
    "WHERE file_id = %s AND resolved_at IS NULL ORDER BY record_no) TO STDOUT (FORMAT CSV)"
)
_RAW_RECORDS = (
    "COPY (SELECT raw FROM ingest.rejects WHERE file_id = %s AND resolved_at IS NULL ORDER BY record_no) "
    "TO STDOUT (FORMAT BINARY)"
)
