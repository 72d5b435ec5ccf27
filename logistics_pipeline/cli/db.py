"""Commands about the database server: db url|start|stop, and env."""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from logistics_core.settings import Settings
from logistics_pipeline.cli.output import say
from logistics_pipeline.database.connections import describe
from logistics_pipeline.local.embedded_postgres import EmbeddedPostgres
from logistics_pipeline.local.environment import Environment, open_environment

db = typer.Typer(no_args_is_help=True, help="The database: prints its URL; starts and stops the embedded server.")


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    app.command()(env)
    app.add_typer(db, name="db")


def env() -> None:
    """Prints the variables that Dagster's own commands need: `eval "$(logistics env)"`, then `dagster-webserver` etc.

    Starts the embedded server if it is used, and leaves it running; `logistics db stop` stops it.
    """
    with _left_running(Settings()) as environment:
        for name, value in environment.variables().items():
            print(f"export {name}={shlex.quote(value)}")


@db.command()
def url(
    reader: Annotated[bool, typer.Option("--reader", help="The read-only URL that the API uses")] = False,
) -> None:
    """Prints the database's URL: `psql "$(logistics db url)"`.

    Starts the embedded server if it is used, and leaves it running; `logistics db stop` stops it.
    """
    with _left_running(Settings()) as environment:
        print(environment.api_database_url if reader else environment.database_url)


@db.command()
def start() -> None:
    """Starts the embedded server and leaves it running."""
    with _left_running(Settings(), starts_stopped=True) as environment:
        say(f"PostgreSQL runs at {describe(environment.database_url)}")


@db.command()
def stop() -> None:
    """Stops the embedded server, even if it is in use. Only `db start`, `up` and `demo` start it again."""
    settings = Settings()
    if settings.database_url is not None:
        say("LOGISTICS_DATABASE_URL is set: only an embedded server can be stopped.")
        raise typer.Exit(1)
    stopped = EmbeddedPostgres(settings.postgres_dir).stop()
    say("PostgreSQL stopped." if stopped else "PostgreSQL was not running.")


@contextmanager
def _left_running(settings: Settings, *, starts_stopped: bool = False) -> Iterator[Environment]:
    with open_environment(settings, starts_stopped=starts_stopped) as environment:
        if settings.database_url is None:
            EmbeddedPostgres(settings.postgres_dir).keep()
        yield environment
