"""Commands that run the system: up, api, demo."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, NoReturn

import typer

from logistics_core.settings import Settings
from logistics_pipeline.cli.output import console, say
from logistics_pipeline.demo.walkthrough import Showcase
from logistics_pipeline.local.environment import Environment, open_environment
from logistics_pipeline.local.supervisor import (
    DatabaseWatch,
    Supervisor,
    refuse_taken_ports,
    running_system,
    stop_signals,
    web_urls,
)


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    for command in (up, demo, api):
        app.command()(command)


def up() -> None:
    """Starts everything: database, Dagster with its web UI and sensor, and the API. Ctrl-C stops it all.

    Then drop files into `data/raw`.
    """
    settings = Settings()
    refuse_taken_ports(settings)
    with (
        stop_signals(),
        _until_interrupted(),
        open_environment(settings, up_to_date=True) as environment,
        running_system(environment, say) as supervisor,
    ):
        _print_urls(settings)
        _watch(supervisor, environment)


def demo(
    once: Annotated[bool, typer.Option("--once", help="Exit when the figures are there: 0 only if they are")] = False,
    vehicles: Annotated[int, typer.Option(help="Vehicles in the sample")] = 500,
    logs: Annotated[int, typer.Option(help="Vehicle logs in the sample")] = 100_000,
    shipments: Annotated[int, typer.Option(help="Shipments in the sample")] = 100_000,
) -> None:
    """Shows the whole line: writes sample files, lets the sensor load them, prints the figures from the API.

    A second run finds the sample loaded and loads nothing twice.
    """
    settings = Settings()
    refuse_taken_ports(settings)
    with stop_signals(), _until_interrupted(), open_environment(settings, up_to_date=True) as environment:
        showcase = Showcase(environment, say)
        showcase.write_sample(vehicles=vehicles, logs=logs, shipments=shipments)
        with running_system(environment, say) as supervisor:
            showcase.wait_for_figures(supervisor.refuse_dead)
            console.print(showcase.headline(), markup=False)
            _print_urls(settings)
            if not once:
                _watch(supervisor, environment)


def api() -> None:
    """Starts the API alone, on a database that is migrated."""
    with stop_signals(), _until_interrupted(), open_environment(Settings()) as environment:
        process = subprocess.Popen([sys.executable, "-m", "logistics_api"], env=os.environ | environment.variables())
        try:
            code = process.wait()
        except KeyboardInterrupt:
            process.terminate()
            process.wait()
            raise
        if code:
            raise typer.Exit(code)


def _watch(supervisor: Supervisor, environment: Environment) -> NoReturn:
    """Until Ctrl-C. A process that ends by itself is started again; the embedded server first: the others need it."""
    database = DatabaseWatch(environment.embedded, say)
    while True:
        time.sleep(1)
        database.look()
        supervisor.revive_dead(say)
        supervisor.turn_logs_over()


def _print_urls(settings: Settings) -> None:
    dagster_url, api_url = web_urls(settings)
    console.print(
        f"Dashboard   {api_url}\nAPI         {api_url}/docs\nDagster UI  {dagster_url}\n"
        f"Drop files  {settings.raw_dir}\nLogs        {settings.logs_dir}",
        markup=False,
    )


@contextmanager
def _until_interrupted() -> Iterator[None]:
    """Ends a command that was told to stop, with a word and exit code 0, once everything inside has been stopped."""
    try:
        yield
    except KeyboardInterrupt:
        say("Stopped.")
