"""The command that watches contracts and sources, and has Dagster follow: contracts watch."""

from functools import partial
from typing import Annotated, NoReturn

import typer

from logistics_core.settings import Settings
from logistics_pipeline.cli.foreground import until_interrupted
from logistics_pipeline.cli.output import say
from logistics_pipeline.contracts.code_location import Reloader, reload_definitions
from logistics_pipeline.contracts.watching import watch_contracts
from logistics_pipeline.database.acting import acting_by_itself
from logistics_pipeline.local.environment import code_server_port, open_environment
from logistics_pipeline.local.supervisor import are_contracts_watched, stop_signals
from logistics_pipeline.process_log import log_to_standard_error
from logistics_pipeline.sources.definitions.in_force import SourcesFolder


def watch(
    check: Annotated[
        bool, typer.Option("--check", help="Only tell whether a process watches them: exit code 1 if none does")
    ] = False,
) -> None:
    """Watches contracts and sources until Ctrl-C: edited files, and files of no dataset. `logistics up` does as well.

    What changes takes effect in Dagster at once; running loads go on.
    """
    settings = Settings()
    if check:
        _check(settings)
    log = log_to_standard_error("logistics.contracts")
    reload = partial(reload_definitions, settings.code_server_host, code_server_port(settings))
    with acting_by_itself(), stop_signals(), until_interrupted(), open_environment(settings) as environment:
        reloader = Reloader(reload, log)
        try:
            followed = [SourcesFolder(settings.sources_dir)]
            watch_contracts(settings, environment.database_url, reloader.request, log, followed)
        finally:
            reloader.stop()


def _check(settings: Settings) -> NoReturn:
    with open_environment(settings) as environment:
        if are_contracts_watched(environment.database_url):
            raise typer.Exit
    say("No process watches contracts. Start one: logistics contracts watch")
    raise typer.Exit(1)
