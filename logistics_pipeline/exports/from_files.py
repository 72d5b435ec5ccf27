"""Makes a database again from the files themselves: those of the raw folder, and those at declared places.

What only the lost database knew is not in it: earlier versions of replaced files, corrections, and the order in which
files were found, in place of which they are registered by modification time, as files found together always are.
"""

from collections.abc import Callable
from dataclasses import dataclass

from logistics_pipeline import ledger
from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.exports.backup import refuse_filled
from logistics_pipeline.files.folder import FoundFile
from logistics_pipeline.files.places import WatchedPlaces
from logistics_pipeline.loading.loader import Loader, LoadReport
from logistics_pipeline.loading.options import LoadOptions


@dataclass(frozen=True)
class Rebuilt:
    """What was loaded."""

    files: int
    failed: int
    """Files that were not loaded; the ledger says why."""
    records: int


def rebuild(url: str, options: LoadOptions, on_file: Callable[[LoadReport], None] = lambda report: None) -> Rebuilt:
    """Loads all files there are into an empty, migrated database, and computes its figures.

    Raises:
        UnfitExportError: the database holds files.
        PlaceError, TransientError: a place cannot be looked at.
    """
    refuse_filled(url)
    found = ledger.in_registration_order(_all_files(options.folder))
    reports = []
    with Loader(url, options) as loader:
        loader.register(found)
        for file in found:
            if file.dataset is not None:
                reports.append(loader.load(file))
                on_file(reports[-1])
    refresh(url, full=True)
    failed = sum(not report.is_loaded for report in reports) + sum(file.dataset is None for file in found)
    return Rebuilt(len(found), failed, sum(report.file.records_loaded for report in reports))


def _all_files(folder: WatchedPlaces) -> list[FoundFile]:
    found = list(folder.find_files())
    for place in folder.places:
        for file in folder.files_below(place.root):
            found += folder.with_nested(file)
    return found
