"""Writes the rejects of a file as a file under `data/failed/`: a person corrects it and moves it to `data/raw/`.

The table `ingest.rejects` is the source of truth. These files are a copy for people, written when a load ends. Beside
the records, a file `….reasons.csv` says what is wrong with each. Values that only their whole file explains are written
plainly (`plain_values`): the copy is read as a file of its own.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import IO

from logistics_core.catalogue import Catalogue
from logistics_pipeline import ledger
from logistics_pipeline.atomic_files import replacing
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.files.folder import path_of, shortened
from logistics_pipeline.files.places import is_url, path_of_url
from logistics_pipeline.loading.contract.file_formats import stored_formats
from logistics_pipeline.loading.layouts import CsvLayout, ElementsLayout, Layout
from logistics_pipeline.loading.rejects.plain_values import PlainValues

_COMPRESSIONS = (".gz", ".zst")
_PAGE_RECORDS = 10_000
_PAGE_BYTES = 1 << 20
"""Of rejects that are in memory at a time. A larger one is there by itself."""

LONGEST_STEM = 200
"""Bytes, of the 255 that a name may have: suffixes follow, and the name is longer still while the file is written."""


def export_rejects(
    connection: Connection, file: ledger.LedgerFile, layout: Layout | None, failed_dir: Path, catalogue: Catalogue
) -> None:
    """Writes the rejects of a file in the file's own layout, or removes an older export if there are none now.

    Raises:
        OSError: the folder cannot be written to. The rejects are safe in the database.
    """
    records_path, reasons_path = export_paths(file.path, failed_dir, _dataset_to_name(file, catalogue))
    if file.records_rejected == 0 or layout is None:
        records_path.unlink(missing_ok=True)
        reasons_path.unlink(missing_ok=True)
        return
    with replacing(records_path) as records, replacing(reasons_path) as reasons:
        _write(connection, file.file_id, layout, _rewriting(file, layout, catalogue), records, reasons)


def _rewriting(file: ledger.LedgerFile, layout: Layout, catalogue: Catalogue) -> PlainValues | None:
    """What makes the records mean the same without the rest of their file; None if they do as they are."""
    if file.dataset is None or file.dataset not in catalogue:
        return None
    values = PlainValues(catalogue[file.dataset], layout, stored_formats(file.layout))
    return None if values.changes_nothing else values


def export_or_warn(
    connection: Connection, file: ledger.LedgerFile, layout: Layout | None, failed_dir: Path, catalogue: Catalogue
) -> None:
    """As `export_rejects`, but if the folder cannot be written to, notes that as the file's warning."""
    try:
        export_rejects(connection, file, layout, failed_dir, catalogue)
    except OSError as error:
        ledger.warn(
            connection,
            file.file_id,
            f"Its rejects could not be written to {failed_dir} ({error.strerror}); "
            "they are safe in the database: see `logistics rejects`.",
        )


def _dataset_to_name(file: ledger.LedgerFile, catalogue: Catalogue) -> str | None:
    """The dataset of a file whose own name does not tell it: its folder does, or whoever loaded it."""
    return None if catalogue.dataset_of_path(Path(file.place_path).name) == file.dataset else file.dataset


def export_paths(key: str, failed_dir: Path, dataset: str | None = None) -> tuple[Path, Path]:
    """Returns the paths of a file's rejects and of their reasons. `dataset` is to be named if the file's name does not.

    For `shipments.json`: `shipments.rejected.json` and `shipments.rejected.json.reasons.csv`.

    The name alone belongs to the same dataset, so the file may be moved to any place in the raw folder: the rejects of
    `shipments/2024/part-1.csv` go to `shipments.rejected.part-1.records.csv`. No two files of a folder share a name:
    the rejects of `shipments.json.gz`, written uncompressed, go to `shipments.gz.rejected.json`.
    """
    # the key of a file loaded from elsewhere is an absolute path
    name = failed_dir / path_of_url(key) if is_url(key) else path_of(key.lstrip("/"), failed_dir)
    compression = name.suffix if name.suffix.lower() in _COMPRESSIONS else ""
    plain = name.with_suffix("") if compression else name
    if dataset is None:
        records = plain.with_name(f"{shortened(plain.stem, LONGEST_STEM)}{compression}.rejected{plain.suffix}")
    else:
        before, after = f"{dataset}.rejected.", f"{compression}.records{plain.suffix}"
        records = plain.with_name(f"{before}{shortened(plain.stem, LONGEST_STEM - len(before) - 8)}{after}")
    return records, records.with_name(f"{records.name}.reasons.csv")


def _write(
    connection: Connection,
    file_id: int,
    layout: Layout,
    rewriting: PlainValues | None,
    records: IO[bytes],
    reasons: IO[bytes],
) -> None:
    before, between, after = _frame(layout)
    records.write(before)
    reasons.write(b"record_no,byte_offset,field,reason\n")
    separator = b""
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")  # all pages are of one moment
        reasons.writelines(ledger.unresolved_reasons(connection, file_id))
        for page in _pages(connection, file_id, between, rewriting):
            records.write(separator)
            records.write(page)
            separator = between
    records.write(after)


def _pages(connection: Connection, file_id: int, between: bytes, rewriting: PlainValues | None) -> Iterator[bytes]:
    """The records, joined page by page: by the database, unless they are rewritten."""
    last = 0
    if rewriting is None:
        while joined := ledger.joined_raws(connection, file_id, last, _PAGE_RECORDS, _PAGE_BYTES, between):
            last = joined.record_no
            yield joined.raw
        return
    while page := ledger.unresolved_raws(connection, file_id, last, _PAGE_RECORDS, _PAGE_BYTES):
        last = page[-1].record_no
        yield between.join([rewriting.rewrite(reject.raw) for reject in page])
        page.clear()  # before the next one is in memory


def _frame(layout: Layout) -> tuple[bytes, bytes, bytes]:
    """What is written before, between and after the records of a layout."""
    match layout:
        case ElementsLayout():
            return b"[\n", b",\n", b"\n]\n"
        case CsvLayout():
            return layout.header_text, layout.newline, layout.newline
        case _:
            return b"", b"\n", b"\n"
