"""The command that evaluates alerts and sends messages: work."""

from threading import Event
from typing import Annotated, NoReturn

import typer

from logistics_core.settings import Settings
from logistics_pipeline.cli.foreground import until_interrupted
from logistics_pipeline.cli.output import say
from logistics_pipeline.database.acting import acting_by_itself
from logistics_pipeline.local.environment import open_environment
from logistics_pipeline.local.supervisor import does_a_worker_run, stop_signals
from logistics_pipeline.process_log import log_to_standard_error
from logistics_pipeline.worker.process import run_worker


def register(app: typer.Typer) -> None:
    """Adds this module's command."""
    app.command()(work)


def work(
    check: Annotated[
        bool, typer.Option("--check", help="Only tell whether a worker runs: exit code 1 if none does")
    ] = False,
) -> None:
    """Evaluates alerts and sends messages until Ctrl-C. `logistics up` does as well.

    Several may run on one database: one acts, the others take over when it ends.
    """
    settings = Settings()
    if check:
        _check(settings)
    log_to_standard_error("logistics")
    stop = Event()
    with acting_by_itself(), stop_signals(), until_interrupted(), open_environment(settings) as environment:
        try:
            run_worker(settings, environment.database_url, stop)
        finally:
            stop.set()


def _check(settings: Settings) -> NoReturn:
    with open_environment(settings) as environment:
        if does_a_worker_run(environment.database_url):
            raise typer.Exit
    say("No worker runs: alerts are not evaluated. Start one: logistics work")
    raise typer.Exit(1)
