"""The command `logistics`: thin commands over plain modules. One module per group of commands, registered here."""

import os
import sys
from importlib.metadata import version
from typing import Annotated

import psycopg
import typer
from psycopg import errors
from pydantic import ValidationError

from logistics_core.settings import Settings
from logistics_pipeline.cli import checks, data, database, files, keys, rejects, system
from logistics_pipeline.errors import PipelineError

app = typer.Typer(
    name="logistics",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help=(
        "Loads files of vehicles, vehicle logs and shipments into PostgreSQL, exactly once, and keeps the figures "
        "computed from them fresh.\n\n"
        "**Begin with** `logistics up`, then drop files into `data/raw`: `vehicles.json`, "
        "`vehicle_logs-2024-06.ndjson.gz`, `shipments/june/part-1.csv`. The name or a folder tells the dataset; the "
        "content tells the format.\n\n"
        "Settings come from environment variables named `LOGISTICS_...`; docs/settings.md lists them. Without "
        "`LOGISTICS_DATABASE_URL` an embedded PostgreSQL is used, and nothing has to be installed."
    ),
)


def _print_version(is_wanted: bool) -> None:
    if is_wanted:
        print(version("logistics-analytics-platform"))
        raise typer.Exit


@app.callback()
def _options(
    _: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version")
    ] = False,
) -> None:
    """Takes the options that stand before a command."""


system.register(app)
data.register(app)
files.register(app)
rejects.register(app)
checks.register(app)
keys.register(app)
database.register(app)


def main() -> None:
    """Runs the command line. Every expected trouble is a sentence on standard error and exit code 1."""
    _warn_of_unknown_variables()
    try:
        app()
    except PipelineError as error:
        sys.exit(f"Error: {error}")
    except (errors.UndefinedTable, errors.UndefinedColumn, errors.InvalidSchemaName) as error:
        reason = str(error).splitlines()[0]
        sys.exit(f"Error: The database is not at this version ({reason}): run `logistics migrate` first.")
    except psycopg.Error as error:
        sys.exit(f"Error: PostgreSQL says: {str(error).strip() or type(error).__name__}")
    except ValidationError as error:
        sys.exit("\n".join(f"Error: {_describe(problem)}" for problem in error.errors()))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # `logistics files | head`: nothing to say


def _describe(problem: object) -> str:
    assert isinstance(problem, dict)
    name = "LOGISTICS_" + "_".join(map(str, problem["loc"])).upper()
    return f"{name} is {problem['input']!r}: {problem['msg']}"


def _warn_of_unknown_variables() -> None:
    for name in sorted(os.environ):
        if name.startswith("LOGISTICS_") and name not in Settings.variables():
            print(f"Warning: {name} is set but there is no such setting; docs/settings.md lists them.", file=sys.stderr)
