"""The command that brings the database up to date: migrate."""

from typing import Annotated

import typer

from logistics_core.settings import Settings
from logistics_pipeline.cli.output import say, say_synced
from logistics_pipeline.contracts.folder import SyncReport
from logistics_pipeline.local.environment import open_environment
from logistics_pipeline.local.supervisor import prepare_dagster
from logistics_pipeline.migrations import head_version
from logistics_pipeline.migrations.distribution import distribute


def register(app: typer.Typer) -> None:
    """Adds this module's command."""
    app.command()(migrate)


def migrate(
    distributed: Annotated[
        bool,
        typer.Option("--distributed", help="Also distribute the tables of records over the nodes of a Citus cluster."),
    ] = False,
) -> None:
    """Brings the database up to date: schemas, roles, the tables of all contracts, and Dagster's own storage.

    New and edited contracts in `data/contracts` are accepted. Safe to run at any time; `logistics up` does it too.

    Exit code 1 if a contract in the folder cannot be accepted.
    """
    reports = list[SyncReport]()
    with open_environment(Settings(), up_to_date=True, on_sync=reports.append) as environment:
        prepare_dagster(environment.variables())
        say(f"The database is at schema version {head_version()}.")
        if distributed:
            for placed in distribute(environment.database_url):
                say(placed.sentence)
    for report in reports:
        say_synced(report)
    if any(report.problems for report in reports):
        raise typer.Exit(1)
