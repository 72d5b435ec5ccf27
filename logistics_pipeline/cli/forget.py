"""The command that dismisses failed and unrecognised files: forget."""

from pathlib import Path
from typing import Annotated

import typer

from logistics_core.database_contract.file_states import DISMISSIBLE_STATES
from logistics_core.settings import Settings
from logistics_pipeline import ledger
from logistics_pipeline.cli.ledger_names import find_file
from logistics_pipeline.cli.options import AsJson
from logistics_pipeline.cli.output import confirm, load_result, print_json, say
from logistics_pipeline.database.connections import Connection, connect
from logistics_pipeline.errors import PipelineError
from logistics_pipeline.ledger import LedgerFile
from logistics_pipeline.local.environment import open_environment


def register(app: typer.Typer) -> None:
    """Adds this module's command."""
    app.command()(forget)


def forget(
    files: Annotated[
        list[str],
        typer.Argument(help="Files by their paths, as `logistics files` shows them", show_default=False),
    ],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation")] = False,
    as_json: AsJson = False,
) -> None:
    """Dismisses failed or unrecognised files: they leave checks, metrics, `retry --failed` and the list of files.

    The files on disk are not touched, and the ledger keeps its entries (`logistics files --all`). A file that changes,
    or is loaded again with `logistics retry` or `logistics load`, is shown again. A failed or unrecognised file that is
    deleted from the raw folder is dismissed without this command.

    Exit code 1 if a file cannot be dismissed.
    """
    settings = Settings()
    with open_environment(settings) as environment, connect(environment.database_url) as connection:
        found = [_find(connection, name, settings) for name in files]
        if not yes:
            confirm(f"Dismiss {', '.join(file.path for file in found)}?")
        for file in found:
            _dismiss(connection, file, as_json=as_json)


def _find(connection: Connection, name: str, settings: Settings) -> LedgerFile:
    """The newest version of a file that can be dismissed.

    Raises:
        PipelineError: the ledger has no such file, or it is in another state, or it has rows.
    """
    file = find_file(connection, name, settings)
    if file is None:
        raise PipelineError(f"The ledger has no file {name!r}; `logistics files` lists those it has.")
    if file.state not in DISMISSIBLE_STATES:
        raise PipelineError(f"{file.path} is {file.state}: only failed and unrecognised files can be dismissed.")
    if file.records_loaded:
        raise PipelineError(
            f"{file.path} has {file.records_loaded:,} rows in the database. Remove them first: "
            f"`logistics unload {file.path}`. An unloaded file needs no dismissal."
        )
    return file


def _dismiss(connection: Connection, file: LedgerFile, *, as_json: bool) -> None:
    if not ledger.dismiss(connection, file.file_id) and file.dismissed_at is None:
        raise PipelineError(f"{file.path} has changed just now; `logistics files` shows its state.")
    now = ledger.file_by_id(connection, file.file_id)
    if as_json:
        print_json({**load_result(now, Path(now.path)), "dismissed_at": now.dismissed_at})
    else:
        say(f"{now.path}: dismissed.")
