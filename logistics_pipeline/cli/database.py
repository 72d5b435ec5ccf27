"""Commands about the database: migrate, env, db url|start|stop."""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from logistics_core.settings import Settings
from logistics_pipeline.cli.output import say
from logistics_pipeline.local.embedded_postgres import EmbeddedPostgres
from logistics_pipeline.local.environment import Environment, open_environment
from logistics_pipeline.local.supervisor import prepare_dagster
from logistics_pipeline.migrations import head_version

db = typer.Typer(no_args_is_help=True, help="The database: its URL; starting and stopping the embedded one.")


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    app.command()(migrate)
    app.command()(env)
    app.add_typer(db, name="db")


def migrate() -> None:
    """Brings the database up to this version: schemas, tables, roles, and Dagster's own storage.

    Safe to run at any time; `logistics up` does it by itself.
    """
    with open_environment(Settings(), up_to_date=True) as environment:
        prepare_dagster(environment.variables())
        say(f"The database is at schema version {head_version()}.")


def env() -> None:
    """Prints the variables that Dagster's own commands need: `eval "$(logistics env)"`, then `dagster-webserver` etc.

    Starts the embedded server if that is what is used, and leaves it running: stop it with `logistics db stop`.
    """
    with _left_running(Settings()) as environment:
        for name, value in environment.variables().items():
            print(f"export {name}={shlex.quote(value)}")


@db.command()
def url(
    reader: Annotated[bool, typer.Option("--reader", help="The read-only URL that the API uses")] = False,
) -> None:
    """Prints the database's URL: `psql "$(logistics db url)"`.

    Starts the embedded server if that is what is used, and leaves it running: stop it with `logistics db stop`.
    """
    with _left_running(Settings()) as environment:
        print(environment.api_database_url if reader else environment.database_url)


@db.command()
def start() -> None:
    """Starts the embedded server and leaves it running."""
    with _left_running(Settings()) as environment:
        say(f"PostgreSQL runs at {environment.database_url}")


@db.command()
def stop() -> None:
    """Stops the embedded server, whoever uses it."""
    settings = Settings()
    if settings.database_url is not None:
        say("LOGISTICS_DATABASE_URL is set: that server is not ours to stop.")
        raise typer.Exit(1)
    stopped = EmbeddedPostgres(settings.postgres_dir).stop()
    say("PostgreSQL stopped." if stopped else "PostgreSQL was not running.")


@contextmanager
def _left_running(settings: Settings) -> Iterator[Environment]:
    with open_environment(settings) as environment:
        if settings.database_url is None:
            EmbeddedPostgres(settings.postgres_dir).keep()
        yield environment
