"""The command that lists the ledger: files."""

from pathlib import Path
from typing import Annotated

import typer

from logistics_core.database_contract.file_states import FileState
from logistics_core.settings import Settings
from logistics_pipeline import ledger
from logistics_pipeline.cli.options import AsJson
from logistics_pipeline.cli.output import load_result, print_json, print_table
from logistics_pipeline.database.connections import connect
from logistics_pipeline.ledger import LedgerFile
from logistics_pipeline.local.environment import open_environment


def register(app: typer.Typer) -> None:
    """Adds this module's command."""
    app.command()(files)


def files(
    state: Annotated[FileState | None, typer.Option(help="Only files in this state", show_default=False)] = None,
    as_json: AsJson = False,
) -> None:
    """Lists all files in the ledger with their state and balance.

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
    """A file in the table: its path, its version if not the first, and below it what is wrong with it and its notes."""
    version = f" (version {file.version})" if file.version > 1 else ""
    return "\n  ".join((f"{file.path}{version}", *([file.error] if file.error else []), *file.notes))
