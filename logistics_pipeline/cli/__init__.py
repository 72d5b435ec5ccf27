"""The command `logistics`: thin commands over plain modules, one module per command or group, registered here."""

import os
import sys
from importlib.metadata import version
from io import TextIOWrapper
from typing import Annotated

import psycopg
import typer
from psycopg import errors
from pydantic import ValidationError

from logistics_core.catalogue import ContractError
from logistics_core.models.artefacts import ArtefactError
from logistics_core.settings import Settings
from logistics_pipeline.cli import (
    alerts,
    api,
    audit,
    check,
    contracts,
    db,
    demo,
    export,
    files,
    forecasts,
    forget,
    generate,
    history,
    identities,
    keys,
    load,
    migrate,
    models,
    notifications,
    people,
    quality,
    refresh,
    rejects,
    reports,
    reset,
    retry,
    source_proposals,
    sources,
    status,
    unload,
    up,
    work,
)
from logistics_pipeline.cli.user import user_name
from logistics_pipeline.database.acting import acting_as_user
from logistics_pipeline.database.connections import reason_of
from logistics_pipeline.errors import DISK_FULL_ERRNOS, PipelineError, disk_full_sentence

app = typer.Typer(
    name="logistics",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help=(
        "Loads files of vehicles, vehicle logs, shipments and your own datasets into PostgreSQL, exactly once, and "
        "keeps the figures computed from them up to date.\n\n"
        "**Start with** `logistics up`, then drop files into `data/raw`: `vehicles.json`, "
        "`vehicle_logs-2024-06.ndjson.gz`, `shipments/june/part-1.csv`. The name of the file or of a folder names the "
        "dataset; the format is detected from the content.\n\n"
        "Settings are environment variables named `LOGISTICS_...`; docs/settings.md lists them. Without "
        "`LOGISTICS_DATABASE_URL`, an embedded PostgreSQL is used, and nothing has to be installed."
    ),
)


def _print_version(is_wanted: bool) -> None:
    if is_wanted:
        print(version("logistics-analytics-platform"))
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    _: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version")
    ] = False,
) -> None:
    """Takes the options that precede a command; what it changes is changed in the name of its user."""
    context.with_resource(acting_as_user(user_name()))


COMMANDS = (
    up,
    demo,
    status,
    api,
    load,
    refresh,
    files,
    generate,
    export,
    unload,
    retry,
    forget,
    rejects,
    check,
    quality,
    forecasts,
    alerts,
    work,
    history,
    identities,
    models,
    reset,
    keys,
    people,
    audit,
    contracts,
    sources,
    source_proposals,
    notifications,
    reports,
    migrate,
    db,
)
for module in COMMANDS:
    module.register(app)


def main() -> None:
    """Runs the command line. Every expected error is a sentence on standard error and exit code 1."""
    _print_any_character()
    _warn_of_unknown_variables()
    try:
        app()
    except (PipelineError, ContractError, ArtefactError) as error:
        sys.exit(f"Error: {error}")
    except (errors.UndefinedTable, errors.UndefinedColumn, errors.InvalidSchemaName) as error:
        reason = str(error).splitlines()[0]
        sys.exit(f"Error: The database is not at this version ({reason}): run `logistics migrate` first.")
    except psycopg.Error as error:
        sys.exit(f"Error: PostgreSQL says: {reason_of(error)}")
    except ValidationError as error:
        sys.exit("\n".join(f"Error: {_describe(problem)}" for problem in error.errors()))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # as in `logistics files | head`
    except OSError as error:
        if error.errno not in DISK_FULL_ERRNOS:
            raise
        sys.exit(f"Error: {disk_full_sentence(error)}")


def _print_any_character() -> None:
    """Prints what the terminal's encoding lacks, such as a letter of a file's name under `LC_ALL=C`, as an escape."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _describe(problem: object) -> str:
    assert isinstance(problem, dict)
    name = "LOGISTICS_" + "_".join(map(str, problem["loc"])).upper()
    if name.endswith(("DATABASE_URL", "WORKER_WATCHER")):
        return f"{name}: {problem['msg']}"  # its text may hold a password
    return f"{name} is {problem['input']!r}: {problem['msg']}"


def _warn_of_unknown_variables() -> None:
    for name in sorted(os.environ):
        if name.startswith("LOGISTICS_") and name not in Settings.variables():
            print(
                f"Warning: {name} is set, but there is no such setting; docs/settings.md lists them.", file=sys.stderr
            )
