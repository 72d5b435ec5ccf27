"""The command that runs the API alone: api."""

import os
import subprocess
import sys

import typer

from logistics_core.settings import Settings
from logistics_pipeline.cli.foreground import until_interrupted
from logistics_pipeline.local.environment import open_environment
from logistics_pipeline.local.supervisor import stop_signals


def register(app: typer.Typer) -> None:
    """Adds this module's command."""
    app.command()(api)


def api() -> None:
    """Starts only the API, on a migrated database."""
    with stop_signals(), until_interrupted(), open_environment(Settings()) as environment:
        process = subprocess.Popen([sys.executable, "-m", "logistics_api"], env=os.environ | environment.variables())
        try:
            code = process.wait()
        except KeyboardInterrupt:
            process.terminate()
            process.wait()
            raise
        if code:
            raise typer.Exit(code)
