"""The command that lists the ledger: files."""

import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from logistics_core.database_contract.file_states import FileState
from logistics_core.reject_threshold import RejectThreshold
from logistics_core.settings import Settings
from logistics_pipeline import ledger
from logistics_pipeline.cli.options import AsJson
from logistics_pipeline.cli.output import load_result, print_json, print_table, state_text
from logistics_pipeline.database.connections import connect
from logistics_pipeline.ledger import LedgerFile
from logistics_pipeline.local.environment import open_environment


def register(app: typer.Typer) -> None:
    """Adds this module's command."""
    app.command()(files)


class ListedState(StrEnum):
    """What `--state` takes: the states of a file, and `warning`."""

    REGISTERED = FileState.REGISTERED
    LOADING = FileState.LOADING
    LOADED = FileState.LOADED
    WARNING = "warning"
    """Loaded, but with many rejects or another problem."""
    FAILED = FileState.FAILED
    UNRECOGNISED = FileState.UNRECOGNISED
    UNLOADED = FileState.UNLOADED


def files(
    state: Annotated[
        ListedState | None,
        typer.Option(
            help="Only files whose newest version is in this state; warning: loaded, but with more rejects than "
            "LOGISTICS_WARN_REJECTS or another problem",
            show_default=False,
        ),
    ] = None,
    dismissed_too: Annotated[bool, typer.Option("--all", help="Also dismissed files")] = False,
    as_json: AsJson = False,
) -> None:
    """Lists the files in the ledger with their state and balance.

    For every file, records read = loaded + superseded + rejected. Without `--state`, replaced versions are listed too.
    """
    settings = Settings()
    threshold = settings.warn_threshold
    with open_environment(settings) as environment, connect(environment.database_url) as connection:
        listed = ledger.files_in_order(connection) if state is None else ledger.latest_files(connection).values()
    found = [
        file
        for file in listed
        if (dismissed_too or file.dismissed_at is None) and (state is None or _is_in(file, state, threshold))
    ]
    if as_json:
        for file in found:
            document = {"file_id": file.file_id, "path": file.path} | load_result(file, Path(file.path))
            print_json(document | {"has_warning": file.has_warning(threshold), "dismissed_at": file.dismissed_at})
        return
    _print_table(found, threshold, remarks_below=sys.stdout.isatty())


def _print_table(files: Sequence[LedgerFile], threshold: RejectThreshold, *, remarks_below: bool) -> None:
    """Prints a row per file. What is to be said about it stands below its name, or else in a column of its own.

    Where no terminal limits the width, long remarks would make the first column as wide.
    """
    counts = ("read", "loaded", "superseded", "rejected")
    rows = [
        (state_text(f, threshold), f.records_read, f.records_loaded, f.records_superseded, f.records_rejected)
        for f in files
    ]
    if remarks_below:
        named = [("\n  ".join((_name(f), *_remarks(f))), *row) for f, row in zip(files, rows, strict=True)]
        print_table(("file", "state", *counts), named, numeric=counts)
    else:
        remarked = [(_name(f), *row, " ".join(_remarks(f))) for f, row in zip(files, rows, strict=True)]
        print_table(("file", "state", *counts, "remarks"), remarked, numeric=counts)


def _is_in(file: LedgerFile, state: ListedState, threshold: RejectThreshold) -> bool:
    return file.has_warning(threshold) if state is ListedState.WARNING else file.state.value == state.value


def _name(file: LedgerFile) -> str:
    """A file in the table: its path, and its version if not the first."""
    return f"{file.path} (version {file.version})" if file.version > 1 else file.path


def _remarks(file: LedgerFile) -> list[str]:
    """What is wrong with a file, and its notes, each as a sentence."""
    return [text if text.endswith(".") else f"{text}." for text in (*([file.error] if file.error else []), *file.notes)]
