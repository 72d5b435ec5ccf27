"""Checks of a dataset's files, by the ledger: files that do not balance, files that failed, fields that change."""

from typing import Any

from psycopg import sql

from logistics_core.catalogue import Dataset
from logistics_core.reject_threshold import RejectThreshold
from logistics_pipeline.analytics.checks.model import Finding
from logistics_pipeline.analytics.checks.queries import fetch_all, fetch_one
from logistics_pipeline.analytics.checks.wording import count, percent
from logistics_pipeline.database.connections import Connection

MAX_LISTED = 20
"""A finding names at most this many files; it counts them all."""

MAX_FILES = 1_000
"""The newest files are checked, at most this many."""
MAX_FILES_WITH_REJECTS = 20
MAX_REJECTS = 10_000
"""The rejects of at most this many files are counted, unless a file has more."""

DRIFT_FILES = 1_000
"""This many of the newest files are compared."""
DRIFT_DAYS = 3
"""A change is reported for this long after the first file with it was loaded, however many files arrive meanwhile."""


def balance_per_file(dataset: Dataset, connection: Connection, whole: bool) -> Finding:
    """For every file, read = loaded + superseded + rejected, and the ledger keeps every record counted as rejected.

    Cost: reads the ledger's newest 1,000 rows of the dataset, and the keys of the rejects of 20 files. Asked to check
    everything, it reads all of them, and counts each file's rows in the raw table.
    """
    most = None if whole else MAX_FILES
    files, read, loaded, superseded, rejected, unbalanced, example = fetch_one(
        connection, "balance", dataset=dataset.name, most=most
    )
    wrong = [f"{count(unbalanced, 'file does', 'files do')} not balance, {example} among them"] if unbalanced else []
    wrong += [
        f"{path}: {expected:,} rejected by its account, {kept:,} kept"
        for path, expected, kept in fetch_all(
            connection,
            "rejects_kept",
            dataset=dataset.name,
            most=None if whole else MAX_FILES_WITH_REJECTS,
            most_rejects=None if whole else MAX_REJECTS,
        )
    ]
    wrong += _rows_that_differ(dataset, connection) if whole else []
    figures = {
        "files": files,
        "records_read": read,
        "records_loaded": loaded,
        "records_superseded": superseded,
        "records_rejected": rejected,
        "rejected_percent": percent(rejected, read),
        "files_out_of_balance": len(wrong),
    }
    if wrong:
        return Finding.error(f"Records are not accounted for: {'; '.join(wrong[:MAX_LISTED])}.", figures)
    extent = "every row counted" if whole else f"the newest {files:,} files" if files == most else "all files"
    return Finding.passing(f"{read:,} records read are all accounted for ({extent}).", figures)


def _rows_that_differ(dataset: Dataset, connection: Connection) -> list[str]:
    table = sql.Identifier("raw", dataset.name)
    return [
        f"{path or 'a file the ledger does not know'}: {expected:,} loaded by its account, {kept:,} in {dataset.table}"
        for path, expected, kept in fetch_all(connection, "rows_kept", table=table, dataset=dataset.name)
    ]


def no_failed_files(dataset: Dataset, connection: Connection, whole: bool) -> Finding:
    """No file has failed for good. Cost: reads one entry of an index of the ledger per failed file."""
    found = fetch_all(connection, "failed_files", dataset=dataset.name, most=MAX_LISTED)
    number = found[0][-1] if found else 0
    figures: dict[str, Any] = {"failed_files": number}
    if not found:
        return Finding.passing("No file is failed.", figures)
    figures["files"] = [{"file": path, "version": version, "error": error} for path, version, error, _ in found]
    first, _, error, _ = found[0]
    more = f" and {number - 1:,} more" if number > 1 else ""
    return Finding.error(
        f"{count(number, 'file is', 'files are')} failed and not loaded again: {first}{more}. "
        f"{error.rstrip('.')}. Replace faulty files, or materialise them again.",
        figures,
    )


def no_unrecognised_files(connection: Connection, whole: bool) -> Finding:
    """Every file in the raw folder belongs to a dataset. Cost: reads one entry of an index per unrecognised file."""
    found = fetch_all(connection, "unrecognised_files", most=MAX_LISTED)
    number = found[0][-1] if found else 0
    figures: dict[str, Any] = {"unrecognised_files": number}
    if not found:
        return Finding.passing("Every file belongs to a dataset.", figures)
    figures["files"] = [{"file": path, "error": error} for path, error, _ in found]
    first, error, _ = found[0]
    more = f" and {number - 1:,} more" if number > 1 else ""
    return Finding.warning(
        f"{count(number, 'file belongs', 'files belong')} to no dataset and so to no figure: {first}{more}. "
        f"{error.rstrip('.')}. Or delete it, or dismiss it with `logistics forget`.",
        figures,
    )


def few_rejects(threshold: RejectThreshold, dataset: Dataset, connection: Connection, whole: bool) -> Finding:
    """No loaded file has more rejects than `LOGISTICS_WARN_REJECTS` allows. Cost: reads the dataset's ledger rows."""
    found = fetch_all(
        connection,
        "rejected_shares",
        dataset=dataset.name,
        most=MAX_LISTED,
        **threshold.parameters(),
    )
    first, read, rejected, number, all_read, all_rejected = found[0]
    figures: dict[str, Any] = {
        "files_with_many_rejects": number,
        "records_rejected": all_rejected,
        "rejected_percent": percent(all_rejected, all_read),
    }
    if first is None:
        return Finding.passing(f"No loaded file has more rejects than {threshold}.", figures)
    figures["files"] = [{"file": path, "read": n, "rejected": bad} for path, n, bad, *_ in found]
    return Finding.warning(
        f"{count(number, 'loaded file has', 'loaded files have')} more rejects than {threshold}; the most in {first}: "
        f"{rejected:,} of {read:,} records. The figures lack them: `logistics rejects` gives the reasons; deliver a "
        "corrected file, or correct and replay the records.",
        figures,
    )


def schema_drift(dataset: Dataset, connection: Connection, whole: bool) -> Finding:
    """No field outside the contract has appeared or vanished recently. Cost: reads 1,000 rows of the ledger.

    A field of the contract that vanishes shows in its values: if it is required, its records are rejected; if not,
    `null_share` fails.
    """
    files = fetch_all(connection, "unknown_fields", dataset=dataset.name, most=DRIFT_FILES, days=DRIFT_DAYS)
    fields = sorted({field for _, unknown, _ in files for field in unknown})
    presence = {field: [field in unknown for _, unknown, _ in files] for field in fields}
    appeared = {field: found for field, has in presence.items() if (found := _first_change(has, to=True)) is not None}
    vanished = {
        field: found
        for field, has in presence.items()
        if (found := _first_change(has, to=False)) is not None and not any(has[found:])
    }
    appeared, vanished = (
        {field: files[found][0] for field, found in positions.items() if files[found][2]}
        for positions in (appeared, vanished)
    )
    figures = {
        "unknown_fields": fields,
        "appeared": sorted(appeared),
        "vanished": sorted(vanished),
        "files_compared": len(files),
    }
    changes = [f"{field} appeared in {path}" for field, path in appeared.items()]
    changes += [f"{field} is missing since {path}" for field, path in vanished.items()]
    if changes:
        return Finding.warning(f"Fields outside the contract have changed: {'; '.join(changes)}.", figures)
    return Finding.passing("The newest files have the same fields as those before them.", figures)


def _first_change(presence: list[bool], *, to: bool) -> int | None:
    """The position of the first file, oldest first, at which a field appears (`to` True) or disappears (`to` False).

    That is the first file that has a field where none before it had it, or that lacks a field that all before it had.
    None if there is none, or if it is the first of all.
    """
    if presence[0] is to or to not in presence:
        return None
    return presence.index(to)
