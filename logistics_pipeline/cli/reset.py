"""The command that takes the sample data out again: reset --sample."""

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from logistics_core.settings import Settings
from logistics_pipeline import ledger
from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.cli.output import confirm, say
from logistics_pipeline.database.connections import connect
from logistics_pipeline.demo.walkthrough import SAMPLE_FILES, sample_folder
from logistics_pipeline.files.folder import key_of
from logistics_pipeline.loading.options import LoadOptions
from logistics_pipeline.loading.unload import unload_file
from logistics_pipeline.local.environment import open_environment


def register(app: typer.Typer) -> None:
    """Adds this module's command."""
    app.command()(reset)


def reset(
    sample: Annotated[bool, typer.Option("--sample", help="The sample data of `logistics demo`")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask")] = False,
) -> None:
    """Takes the sample data of `logistics demo` out: deletes its files, unloads them and refreshes the figures.

    Your own files stay. If they hold keys of the sample, load them again: the command says which.
    """
    if not sample:
        raise typer.BadParameter("Say what is to be taken out: --sample.")
    settings = Settings()
    paths = [sample_folder(settings) / name for name in SAMPLE_FILES]
    if not yes:
        confirm(f"Delete the sample's files in {sample_folder(settings)} and remove their rows?")
    with open_environment(settings) as environment:
        options = environment.load_options()
        unloaded = [_take_out(environment.database_url, path, options) for path in paths]
        if any(unloaded):
            refresh(environment.database_url)
    with suppress(OSError):  # somebody else's files are in it
        sample_folder(settings).rmdir()
    if not any(unloaded):
        say("No sample data was loaded.")


def _take_out(url: str, path: Path, options: LoadOptions) -> bool:
    """Deletes one file and removes its rows; returns whether there were any. Can be repeated after an interruption."""
    path.unlink(missing_ok=True)  # first: Dagster would register it again
    key = key_of(path, options.folder.path)
    with connect(url) as connection:
        known = ledger.newest_loaded_version(connection, key)
    if known is None:
        return False
    done = unload_file(url, key, options)
    say(f"{key}: {done.removed.rows:,} rows and {done.removed.rejects:,} rejects removed.")
    for each in done.to_reload:
        say(f"{each.path} may have held some of the same keys: `logistics retry {each.path}` brings its rows back.")
    return True
