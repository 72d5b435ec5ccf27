"""Checks of a dataset's files, by the ledger: accounts that balance, files that are given up, fields that change."""

from typing import Any

from psycopg import sql

from logistics_core.catalogue import Dataset
from logistics_pipeline.analytics.checks.findings import Finding
from logistics_pipeline.analytics.checks.queries import ask, ask_one, count, percent
from logistics_pipeline.database.connections import Connection

MOST_LISTED = 20
"""So many files a finding names; it counts them all."""

MOST_ACCOUNTS = 1_000
MOST_REJECT_ACCOUNTS = 20
MOST_REJECTS = 10_000
"""Accounts that are looked at each time: of all, and with their rejects counted, if there are not more of those."""

DRIFT_FILES = 1_000
"""So many of the newest files are compared."""
DRIFT_DAYS = 3
"""So long a change is told, however many files arrive meanwhile, from the load of the first file that has it."""


def balance_per_file(dataset: Dataset, connection: Connection, whole: bool) -> Finding:
    """Of every file, read = loaded + superseded + rejected, and what counts as rejected is kept.

    Cost: the ledger's newest 1,000 rows of the dataset, and the keys of the rejects of 20 files. Asked for everything:
    all of them, and each file's rows are counted in the raw table.
    """
    most = None if whole else MOST_ACCOUNTS
    files, read, loaded, superseded, rejected, unbalanced, example = ask_one(
        connection, "balance", dataset=dataset.name, most=most
    )
    wrong = [f"{count(unbalanced, 'file does', 'files do')} not balance, {example} among them"] if unbalanced else []
    wrong += [
        f"{path}: {expected:,} rejected by its account, {kept:,} kept"
        for path, expected, kept in ask(
            connection,
            "rejects_kept",
            dataset=dataset.name,
            most=None if whole else MOST_REJECT_ACCOUNTS,
            most_rejects=None if whole else MOST_REJECTS,
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
        return Finding.error(f"Records are not accounted for: {'; '.join(wrong[:MOST_LISTED])}.", figures)
    extent = "every row counted" if whole else f"the newest {files:,} files" if files == most else "all files"
    return Finding.passing(f"{read:,} records read are all accounted for ({extent}).", figures)


def _rows_that_differ(dataset: Dataset, connection: Connection) -> list[str]:
    table = sql.Identifier("raw", dataset.name)
    return [
        f"{path or 'a file the ledger does not know'}: {expected:,} loaded by its account, {kept:,} in {dataset.table}"
        for path, expected, kept in ask(connection, "rows_kept", table=table, dataset=dataset.name)
    ]


def no_failed_files(dataset: Dataset, connection: Connection, whole: bool) -> Finding:
    """No file is given up. Cost: as many entries of an index of the ledger as files are failed."""
    found = ask(connection, "failed_files", dataset=dataset.name, most=MOST_LISTED)
    number = found[0][-1] if found else 0
    figures: dict[str, Any] = {"failed_files": number}
    if not found:
        return Finding.passing("No file is failed.", figures)
    figures["files"] = [{"file": path, "version": version, "error": error} for path, version, error, _ in found]
    first, _, error, _ = found[0]
    more = f" and {number - 1:,} more" if number > 1 else ""
    return Finding.error(
        f"{count(number, 'file is', 'files are')} failed and not asked for again: {first}{more}. "
        f"{error.rstrip('.')}. Replace what is at fault, or materialise it once more.",
        figures,
    )


def schema_drift(dataset: Dataset, connection: Connection, whole: bool) -> Finding:
    """No field that the contract does not know has appeared or vanished these days. Cost: 1,000 rows of the ledger.

    A field of the contract that vanishes is seen by its values: if it is required its records are rejected, if not
    `null_share` tells.
    """
    files = ask(connection, "unknown_fields", dataset=dataset.name, most=DRIFT_FILES, days=DRIFT_DAYS)
    fields = sorted({field for _, unknown, _ in files for field in unknown})
    presence = {field: [field in unknown for _, unknown, _ in files] for field in fields}
    appeared = {field: found for field, has in presence.items() if (found := _first_change(has, to=True)) is not None}
    vanished = {
        field: found
        for field, has in presence.items()
        if (found := _first_change(has, to=False)) is not None and not any(has[found:])
    }
    appeared, vanished = (
        {field: files[found][0] for field, found in changes.items() if files[found][2]}
        for changes in (appeared, vanished)
    )
    figures = {
        "unknown_fields": fields,
        "appeared": sorted(appeared),
        "vanished": sorted(vanished),
        "files_compared": len(files),
    }
    told = [f"{field} appeared in {path}" for field, path in appeared.items()]
    told += [f"{field} is missing since {path}" for field, path in vanished.items()]
    if told:
        return Finding.warning(f"Fields that the contract does not know have changed: {'; '.join(told)}.", figures)
    return Finding.passing("The newest files have the fields that those before them had.", figures)


def _first_change(presence: list[bool], *, to: bool) -> int | None:
    """Where the files, oldest first, change for the first time: from all without a field to one with it, or back.

    None if they do not change, or began like that.
    """
    if presence[0] is to or to not in presence:
        return None
    return presence.index(to)
