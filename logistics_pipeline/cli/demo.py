"""The command that shows the system at work on sample data: demo."""

from typing import Annotated

import typer

from logistics_core.settings import Settings
from logistics_pipeline.cli.foreground import file_problems, print_urls, supervise, until_interrupted
from logistics_pipeline.cli.output import console, say
from logistics_pipeline.demo.walkthrough import Walkthrough
from logistics_pipeline.local.environment import open_environment
from logistics_pipeline.local.supervisor import refuse_taken_ports, running_system, stop_signals


def register(app: typer.Typer) -> None:
    """Adds this module's command."""
    app.command()(demo)


def demo(
    once: Annotated[
        bool, typer.Option("--once", help="Exit once the figures are there; exit code 0 only if they are")
    ] = False,
    vehicles: Annotated[int, typer.Option(help="Vehicles in the sample")] = 500,
    logs: Annotated[int, typer.Option(help="Vehicle logs in the sample")] = 100_000,
    shipments: Annotated[int, typer.Option(help="Shipments in the sample")] = 100_000,
) -> None:
    """Shows the whole system at work: writes sample files, waits until they are loaded, prints figures from the API.

    A second run finds the sample loaded, and loads nothing twice.
    """
    settings = Settings()
    refuse_taken_ports(settings)
    with (
        stop_signals(),
        until_interrupted(),
        open_environment(settings, up_to_date=True, starts_stopped=True) as environment,
    ):
        problems = file_problems(environment)
        walkthrough = Walkthrough(environment, say)
        walkthrough.write_sample(vehicles=vehicles, logs=logs, shipments=shipments)
        with running_system(environment, say) as supervisor:
            walkthrough.wait_for_figures(supervisor.refuse_dead)
            console.print(walkthrough.headline(), markup=False)
            console.print(walkthrough.outlook(supervisor.refuse_dead), markup=False)
            print_urls(settings)
            if not once:
                supervise(supervisor, environment, problems)
