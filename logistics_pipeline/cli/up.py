"""The command that runs the whole system: up."""

import typer

from logistics_core.settings import Settings
from logistics_pipeline.cli.foreground import file_problems, print_urls, supervise, until_interrupted
from logistics_pipeline.cli.output import say, say_synced
from logistics_pipeline.local.environment import open_environment
from logistics_pipeline.local.supervisor import refuse_taken_ports, running_system, stop_signals


def register(app: typer.Typer) -> None:
    """Adds this module's command."""
    app.command()(up)


def up() -> None:
    """Starts everything: database, Dagster with its web UI and sensor, the worker of alerts and messages, and the API.

    Ctrl-C stops it all.

    Then drop files into `data/raw`. A contract put into `data/contracts` takes effect at once.
    """
    settings = Settings()
    refuse_taken_ports(settings)
    with (
        stop_signals(),
        until_interrupted(),
        open_environment(settings, up_to_date=True, starts_stopped=True, on_sync=say_synced) as environment,
    ):
        problems = file_problems(environment)
        with running_system(environment, say) as supervisor:
            print_urls(settings)
            supervise(supervisor, environment, problems)
