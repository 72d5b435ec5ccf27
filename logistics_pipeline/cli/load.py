"""The command that loads files without Dagster: load."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from psycopg import errors as psycopg_errors
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from logistics_core.catalogue import ContractError
from logistics_core.database_contract.file_states import FileState
from logistics_core.settings import Settings
from logistics_pipeline import ledger
from logistics_pipeline.analytics.refresh import refresh as refresh_analytics
from logistics_pipeline.cli.options import AsJson, RefreshAfter, dataset_option
from logistics_pipeline.cli.output import errors, file_summary, load_result, print_json, say, say_synced
from logistics_pipeline.contracts.drift_proposals import Followed, follow_file
from logistics_pipeline.contracts.proposing import Outcome, propose_unrecognised
from logistics_pipeline.database.connections import Connection, connect
from logistics_pipeline.errors import DISK_FULL_ERRNOS, PipelineError, TransientError
from logistics_pipeline.files.folder import FoundFile, RawFolder, nested_key, split_key
from logistics_pipeline.files.places import WatchedPlaces, is_url
from logistics_pipeline.files.stores import PlaceError
from logistics_pipeline.loading.loader import Loader, OnProgress
from logistics_pipeline.local.environment import Environment, open_environment

INTERRUPTED = 130
"""The exit code that shells use for a program that Ctrl-C ended."""


def register(app: typer.Typer) -> None:
    """Adds this module's command."""
    app.command()(load)


def load(
    paths: Annotated[
        list[str],
        typer.Argument(
            help="Files, folders to search for files, or URLs of files and folders at declared places",
            show_default=False,
        ),
    ],
    dataset: Annotated[str | None, dataset_option("What the files hold, if their names do not say")] = None,
    as_json: AsJson = False,
    refresh_after: RefreshAfter = True,
) -> None:
    """Loads files without Dagster.

    Files are registered in the given order; if two of them hold the same key, the later one wins. A file that was
    loaded before is not loaded again, and one whose load was interrupted resumes where it stopped.

    An error in one file ends its own load alone. Exit code 1 if any file failed, 130 if Ctrl-C stopped it.
    """
    settings = Settings()
    with open_environment(settings) as environment:
        options = environment.load_options()
        found = list(_find(paths, options.folder, dataset))
        with Loader(environment.database_url, options) as loader:
            loader.register(file for file in found if isinstance(file, FoundFile))
        if _propose_contracts(environment, found, as_json):
            options = environment.load_options()
            found = list(_find(paths, options.folder, dataset))
        with Loader(environment.database_url, options) as loader:
            results = list[bool]()
            for file in found:
                with _saying_where_it_stopped(environment.database_url, file, len(found) - len(results) - 1):
                    results.append(_load_if_possible(loader, file, as_json, settings))
        if refresh_after:  # also after failures: the valid records before them are loaded
            done = refresh_analytics(environment.database_url)
            if not as_json:
                say(f"Figures refreshed: {done.days:,} days in {done.seconds:.2f} s.")
    if not all(results):
        if len(results) > 1 and not as_json:
            say(f"{results.count(False):,} of {len(results):,} files are not loaded: see above.")
        raise typer.Exit(1)


def _propose_contracts(environment: Environment, found: list[FoundFile | Path], as_json: bool) -> bool:
    """Proposes contracts for files that belong to no dataset; says whether one was accepted by itself."""
    unknown = [file for file in found if isinstance(file, FoundFile) and file.dataset is None and not file.is_too_long]
    accepted = False
    with connect(environment.database_url, application_name="logistics contracts") as connection:
        for file in unknown:
            outcome = _propose(connection, file, environment.settings)
            if outcome is None:
                continue
            accepted = accepted or outcome.is_accepted
            if not as_json:
                say(f"{file.key}: {outcome.sentence}")
    if accepted:
        say_synced(environment.sync_contracts())
    return accepted


def _propose(connection: Connection, file: FoundFile, settings: Settings) -> Outcome | None:
    """Proposes a contract for one file; None if an error in the program prevents it, which is said."""
    try:
        return propose_unrecognised(connection, file, settings, created_by="logistics load")
    except (PipelineError, psycopg_errors.Error):
        raise
    except Exception as error:  # noqa: BLE001
        details = _log(settings, file.key, error)
        say(f"{file.key}: An error in the program ended the proposal of a contract: {details}.")
        return None


def _find(names: list[str], folder: WatchedPlaces, dataset: str | None) -> Iterator[FoundFile | Path]:
    """The files that the arguments mean; a path at which there is no file is returned as it is."""
    for name in names:
        path = Path(name)
        if is_url(name):
            yield from _at_place(name, folder, dataset)
        elif path.is_dir():
            inside = {file.key: file for file in RawFolder(path, folder.catalogue).find_files() if not file.is_nested}
            for file in ledger.in_registration_order(inside.values()):
                yield from _look_at(Path(str(file.path)), folder, dataset)
        else:
            yield from _look_at(path, folder, dataset)


def _at_place(url: str, folder: WatchedPlaces, dataset: str | None) -> Iterator[FoundFile | Path]:
    """The file of a URL, or the files below it, in the order in which the sensor would register them."""
    found = folder.look_at_key(url, dataset)
    if found is not None:
        yield from [found] if found.is_nested else folder.with_nested(found)
        return
    below = ledger.in_registration_order(folder.files_below(url, dataset))
    for file in below:
        yield from folder.with_nested(file)
    if not below:
        raise PlaceError(f"{url}: there is no such file, and there are no files below it.")


def _look_at(path: Path, folder: WatchedPlaces, dataset: str | None) -> Iterator[FoundFile | Path]:
    """The file, also for each dataset whose records are within its own; the path itself if there is no file."""
    found = folder.look_at(path, dataset)
    if found is not None:
        yield from folder.with_nested(found)
    else:
        yield _named_by_key(path, folder) or path


def _named_by_key(path: Path, folder: RawFolder) -> FoundFile | None:
    """The file of a key such as `orders/june.json%#order_lines`, for that dataset alone."""
    file_path, nested = split_key(str(path))
    found = folder.look_at(Path(file_path)) if nested is not None else None
    return next((each for each in folder.with_nested(found) if each.dataset == nested), None) if found else None


_OF_ALL_FILES = (TransientError, psycopg_errors.UndefinedTable, psycopg_errors.UndefinedColumn)
"""Errors that every other file would meet as well: the database is away, or not at this version."""


def _load_if_possible(loader: Loader, file: FoundFile | Path, as_json: bool, settings: Settings) -> bool:
    """Loads a file; an unexpected error is said, with its details, and ends only the load of this file."""
    try:
        return _load_one(loader, file, as_json)
    except (typer.Exit, *_OF_ALL_FILES):
        raise
    except OSError as error:
        if error.errno in DISK_FULL_ERRNOS:
            raise
        return _say_unexpected(loader, file, error, as_json, settings)
    except Exception as error:  # noqa: BLE001
        return _say_unexpected(loader, file, error, as_json, settings)


def _say_unexpected(
    loader: Loader, file: FoundFile | Path, error: Exception, as_json: bool, settings: Settings
) -> bool:
    loader.disconnect()  # in whatever state the error has left it
    name = file.key if isinstance(file, FoundFile) else str(file)
    is_expected = isinstance(error, PipelineError | ContractError)
    reason = str(error) if is_expected else f"An error in the program ended its load: {_log(settings, name, error)}."
    text = f"{reason} The other files are loaded all the same. The same command resumes this one where it stopped."
    if as_json:
        _print_failed(name, text)
    else:
        say(f"{name}: {text}")
    return False


def _log(settings: Settings, name: str, error: Exception) -> str:
    """Writes where an error happened into a log; returns a clause that names it."""
    path = settings.logs_dir / "load.log"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8", errors="backslashreplace") as log:
            log.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {name}\n{''.join(traceback.format_exception(error))}\n")
    except OSError:
        return f"its log {path} cannot be written"
    return f"{path} has the details"


def _load_one(loader: Loader, file: FoundFile | Path, as_json: bool) -> bool:
    if isinstance(file, Path):
        return _say_missing(file, as_json)
    with _progress(file, show=not as_json) as on_progress:
        report = loader.load(file, on_progress)
    followed = Followed() if report.was_loaded_before else follow_file(loader.connection, report.file, file.path)
    if as_json:
        print_json(load_result(report.file, _named(file)))
    else:
        say(file_summary(report.file, loader.options.warn_rejects, report.was_loaded_before))
        for sentence in followed.sentences():
            say(f"  {sentence}")
    return report.is_loaded


def _named(file: FoundFile) -> str:
    """The path on disk, or the URL; of a file for the records within those of another dataset, as commands take it."""
    if file.is_remote:
        return file.key
    return nested_key(str(file.path), str(file.dataset)) if file.is_nested else str(file.path)


@contextmanager
def _saying_where_it_stopped(url: str, file: FoundFile | Path, others: int) -> Iterator[None]:
    """Ends a load that Ctrl-C interrupts with a sentence; `others` is the number of files after this one."""
    try:
        yield
    except KeyboardInterrupt:
        waiting = f" {others:,} more {'file was' if others == 1 else 'files were'} not begun." if others else ""
        say(f"Stopped. {_progress_of(url, file)}{waiting} The same command resumes there.")
        raise typer.Exit(INTERRUPTED) from None


def _progress_of(url: str, file: FoundFile | Path) -> str:
    """How much of an interrupted file is loaded, from the ledger."""
    if isinstance(file, Path):
        return ""
    with connect(url) as connection:
        known = ledger.latest_file(connection, file.key)
    if known is None or known.records_read == 0:
        return f"{file.key}: nothing is committed yet."
    where = f"{known.records_read:,} records, {known.bytes_read:,} bytes"
    return f"{file.key}: {where} are committed, {known.records_loaded:,} of the records loaded."


def _say_missing(path: Path, as_json: bool) -> bool:
    error = "There is no such file"
    if as_json:
        _print_failed(str(path), error)
    else:
        say(f"{path}: {error}.")
    return False


def _print_failed(name: str, error: str) -> None:
    """A file of which the ledger says nothing about this load."""
    counts = dict.fromkeys(("records_read", "loaded", "superseded", "rejected", "bytes", "seconds"), 0)
    print_json({"file": name, "dataset": None, "state": FileState.FAILED, **counts, "error": error})


@contextmanager
def _progress(file: FoundFile, *, show: bool) -> Iterator[OnProgress]:
    """A progress bar on a terminal. A compressed file has no known size: the bar only counts what was read."""
    if not (show and errors.is_terminal):
        yield lambda records, size: None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[records]:,} records"),
    )
    with Progress(*columns, console=errors, transient=True) as progress:
        compressed = file.path.name.endswith((".gz", ".zst"))
        task = progress.add_task(file.path.name, total=None if compressed else file.size_bytes, records=0)
        yield lambda records, size: progress.update(task, completed=size, records=records)
