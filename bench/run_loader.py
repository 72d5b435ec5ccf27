"""Loads files in a process of its own and prints one JSON document with what it took. Started by `bench.loading`."""

import argparse
import json
import resource
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from logistics_core.settings import Settings
from logistics_pipeline import ledger
from logistics_pipeline.database.connections import connect
from logistics_pipeline.database.contracts import catalogue_in_force
from logistics_pipeline.files.folder import FoundFile, RawFolder
from logistics_pipeline.files.places import is_url
from logistics_pipeline.loading.loader import LoadReport, load_file, load_files
from logistics_pipeline.loading.options import LoadOptions, load_options


def main() -> None:
    """Loads a file, or all files of a folder in one call."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("path")
    parser.add_argument("--reference-parser", action="store_true")
    arguments = parser.parse_args()

    with connect(arguments.url) as connection:
        catalogue = catalogue_in_force(connection)
    options = load_options(Settings(data_dir=arguments.data_dir), catalogue)
    if arguments.reference_parser:
        options = replace(options, reference_parser=True)
    path = Path(arguments.path)
    found = _at_place(arguments.path, options) if is_url(arguments.path) else _find(path, options)
    first_batch = _FirstCall()
    cpu_before, since = _cpu_seconds(), time.perf_counter()
    if path.is_dir():
        reports = list(load_files(arguments.url, found, options))
    else:
        reports = [load_file(arguments.url, found[0], options, on_progress=first_batch)]
    ended, cpu_seconds = time.perf_counter(), _cpu_seconds() - cpu_before
    first = first_batch.at - since if first_batch.at is not None else None
    clock = {"began": since, "ended": ended, "seconds": ended - since}  # the clock is the system's, for all processes
    print(json.dumps({**_account(reports), **clock, "cpu_seconds": cpu_seconds, "first_batch_seconds": first}))


class _FirstCall:
    """Remembers when the first batch was committed."""

    at: float | None = None

    def __call__(self, records: int, size: int) -> None:
        if self.at is None:
            self.at = time.perf_counter()


def _find(path: Path, options: LoadOptions) -> list[FoundFile]:
    folder = RawFolder(path, options.catalogue)
    paths = [file.path for file in ledger.in_registration_order(folder.find_files())] if path.is_dir() else [path]
    return [found for each in paths if (found := options.folder.look_at(Path(str(each)))) is not None]


def _at_place(url: str, options: LoadOptions) -> list[FoundFile]:
    found = options.folder.look_at_key(url)
    return [] if found is None else [found]


def _account(reports: Sequence[LoadReport]) -> dict[str, object]:
    files = [report.file for report in reports]
    return {
        "files": len(files),
        "read": sum(file.records_read for file in files),
        "loaded": sum(file.records_loaded for file in files),
        "rejected": sum(file.records_rejected for file in files),
        "format": files[0].format,
        "error": next((report.file.error or "not loaded" for report in reports if not report.is_loaded), None),
    }


def _cpu_seconds() -> float:
    """CPU time of this process and of its children that have ended."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


if __name__ == "__main__":
    main()
