"""Commands about files and figures: load, refresh, files, generate."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from logistics_core.catalogue import DATASETS
from logistics_core.database_contract.file_states import FileState
from logistics_core.settings import Settings
from logistics_pipeline import ledger
from logistics_pipeline.analytics.refresh import refresh as refresh_analytics
from logistics_pipeline.cli.output import errors, load_result, print_json, print_table, say
from logistics_pipeline.database.connections import connect
from logistics_pipeline.demo.generator import generate as generate_files
from logistics_pipeline.ledger import LedgerFile
from logistics_pipeline.loading.loader import OnProgress, load_file, register_file
from logistics_pipeline.loading.options import LoadOptions, load_options
from logistics_pipeline.local.environment import open_environment
from logistics_pipeline.sources.folder import FoundFile, RawFolder

DatasetName = StrEnum("DatasetName", {name: name for name in DATASETS})  # type: ignore[misc]


class FileFormat(StrEnum):
    """What the generator can write."""

    json = "json"
    ndjson = "ndjson"
    csv = "csv"


class KeyOrder(StrEnum):
    """How the keys follow each other in a generated file."""

    chronological = "chronological"
    random = "random"


AsJson = Annotated[bool, typer.Option("--json", help="One JSON document per line instead of text for people")]
RefreshAfter = Annotated[bool, typer.Option("--refresh/--no-refresh", help="Refresh the figures at the end")]


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    for command in (load, refresh, files, generate):
        app.command()(command)


def load(
    paths: Annotated[list[Path], typer.Argument(help="Files, or folders to be searched for files", show_default=False)],
    dataset: Annotated[
        DatasetName | None, typer.Option(help="What the files hold, where their names do not tell", show_default=False)
    ] = None,
    as_json: AsJson = False,
    refresh_after: RefreshAfter = True,
) -> None:
    """Loads files without Dagster.

    Files are registered in the order given, and where two of them hold the same key the later one wins. A file that
    was loaded before is not loaded again; one whose load was interrupted continues where it stopped.

    Exit code 1 if any file failed.
    """
    settings = Settings()
    options = load_options(settings)
    found = list(_find(paths, options.folder, dataset.value if dataset else None))
    with open_environment(settings) as environment:
        url = environment.database_url
        with connect(url) as connection:
            for file in found:
                if isinstance(file, FoundFile):
                    register_file(connection, file)
        results = [_load_one(url, file, options, as_json) for file in found]
        if refresh_after:  # also after failures: what was good in those files is loaded
            done = refresh_analytics(url)
            if not as_json:
                say(f"Figures refreshed: {done.days:,} days in {done.seconds:.2f} s.")
    if not all(results):
        raise typer.Exit(1)


def _find(paths: list[Path], folder: RawFolder, dataset: str | None) -> Iterator[FoundFile | Path]:
    """The files meant by the arguments; a path where nothing is comes back as it is."""
    for path in paths:
        if path.is_dir():
            inside = ledger.in_registration_order(RawFolder(path, folder.catalogue).find_files())
            yield from (folder.look_at(file.path, dataset) or file.path for file in inside)
        else:
            yield folder.look_at(path, dataset) or path


def _load_one(url: str, file: FoundFile | Path, options: LoadOptions, as_json: bool) -> bool:
    if isinstance(file, Path):
        return _say_missing(file, as_json)
    with _progress(file, show=not as_json) as on_progress:
        report = load_file(url, file, options, on_progress=on_progress)
    if as_json:
        print_json(load_result(report.file, file.path))
    else:
        say(summary(report.file, report.was_loaded_before))
    return report.is_loaded


def _say_missing(path: Path, as_json: bool) -> bool:
    error = "There is no such file"
    if as_json:
        counts = dict.fromkeys(("records_read", "loaded", "superseded", "rejected", "bytes", "seconds"), 0)
        print_json({"file": str(path), "dataset": None, "state": FileState.FAILED, **counts, "error": error})
    else:
        say(f"{path}: {error}.")
    return False


def summary(file: LedgerFile, was_loaded_before: bool = False) -> str:
    """One line about a file after its load: its balance, or why it is not loaded."""
    if file.state is not FileState.LOADED:
        return f"{file.path}: {file.state.upper()}: {file.error}"
    before = ", had been loaded before" if was_loaded_before else ""
    rate = f"{file.records_read / file.seconds:,.0f} records/s" if file.seconds else ""
    warning = f" Warning: {file.warning}" if file.warning else ""
    return (
        f"{file.path}: {file.records_read:,} read = {file.records_loaded:,} loaded + {file.records_superseded:,} "
        f"superseded + {file.records_rejected:,} rejected ({file.format}, {rate}{before}){warning}"
    )


@contextmanager
def _progress(file: FoundFile, *, show: bool) -> Iterator[OnProgress]:
    """A progress bar on a terminal. Of a compressed file the size to come is not known: it counts what was read."""
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
        compressed = file.path.suffix in (".gz", ".zst")
        task = progress.add_task(file.path.name, total=None if compressed else file.size_bytes, records=0)
        yield lambda records, size: progress.update(task, completed=size, records=records)


def refresh(
    full: Annotated[bool, typer.Option(help="Compute every day anew, not only those that changed")] = False,
    as_json: AsJson = False,
) -> None:
    """Refreshes the figures for the days that loads have changed."""
    with open_environment(Settings()) as environment:
        done = refresh_analytics(
            environment.database_url, full=full, on_wait=lambda: say("Another refresh is going on: waiting for it.")
        )
    if as_json:
        print_json(done.__dict__)
    else:
        say(
            f"{done.days:,} days refreshed in {done.seconds:.2f} s; data version {done.data_version}, "
            f"{done.unassigned_shipments:,} shipments wait for their log."
        )


def files(
    state: Annotated[FileState | None, typer.Option(help="Only files in this state", show_default=False)] = None,
    as_json: AsJson = False,
) -> None:
    """Lists the ledger: every file with its state and its balance.

    For every file, records read = loaded + superseded + rejected.
    """
    with open_environment(Settings()) as environment, connect(environment.database_url) as connection:
        found = ledger.files_in_order(connection, state=state)
    if as_json:
        for file in found:
            print_json({"file_id": file.file_id, "path": file.path} | load_result(file, Path(file.path)))
        return
    print_table(
        ("file", "state", "read", "loaded", "superseded", "rejected"),
        [
            (_name(f), f.state, f.records_read, f.records_loaded, f.records_superseded, f.records_rejected)
            for f in found
        ],
        numeric=("read", "loaded", "superseded", "rejected"),
    )


def _name(file: LedgerFile) -> str:
    """A file in the table: its path, its version if there were others, and below it what is wrong with it."""
    version = f" (version {file.version})" if file.version > 1 else ""
    return f"{file.path}{version}\n  {file.error}" if file.error else f"{file.path}{version}"


def generate(
    out: Annotated[Path, typer.Option(help="Folder to write into; made if need be", show_default=False)],
    shipments: Annotated[int, typer.Option(help="Number of shipments")] = 100_000,
    logs: Annotated[int, typer.Option(help="Number of vehicle logs")] = 100_000,
    vehicles: Annotated[int, typer.Option(help="Number of vehicles")] = 500,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes")] = 42,
    file_format: Annotated[FileFormat, typer.Option("--format", help="Format of the files")] = FileFormat.json,
    bad_every: Annotated[int, typer.Option(help="One bad record in so many; 0 for none")] = 5_000,
    order: Annotated[KeyOrder, typer.Option(help="Order of the keys in the files")] = KeyOrder.chronological,
) -> None:
    """Writes sample data: realistic trips and shipments, a few bad records among them."""
    written = generate_files(
        out,
        vehicles=vehicles,
        logs=logs,
        shipments=shipments,
        seed=seed,
        format=file_format.value,
        bad_every=bad_every or None,
        order=order.value,
    )
    for file in written:
        say(f"{file.path}: {file.records:,} records, {file.bad:,} of them bad")
