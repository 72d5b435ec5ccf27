"""What the commands that run until Ctrl-C share."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from logistics_core.settings import Settings
from logistics_pipeline.cli.file_problems import FileProblems
from logistics_pipeline.cli.output import console, say
from logistics_pipeline.local.environment import Environment
from logistics_pipeline.local.supervisor import DatabaseWatch, Supervisor, web_urls


def supervise(supervisor: Supervisor, environment: Environment, problems: FileProblems) -> NoReturn:
    """Restarts what ends unexpectedly, until Ctrl-C; the embedded server first, as the others need it."""
    database = DatabaseWatch(environment.embedded, say)
    while True:
        time.sleep(1)
        database.check()
        supervisor.restart_dead(say)
        supervisor.rotate_logs()
        problems.check()


def file_problems(environment: Environment) -> FileProblems:
    """What is wrong with files from now on. To be made before anything looks for files."""
    return FileProblems(environment.database_url, environment.settings.warn_threshold, say)


def print_urls(settings: Settings) -> None:
    """Says where the web pages are, and where files go."""
    dagster_url, api_url = web_urls(settings)
    console.print(
        f"Dashboard   {api_url}\nAPI         {api_url}/docs\nDagster UI  {dagster_url}\n"
        f"Drop files  {settings.raw_dir}\nLogs        {settings.logs_dir}",
        markup=False,
    )


@contextmanager
def until_interrupted() -> Iterator[None]:
    """Ends an interrupted command with a message and exit code 0, after everything in the block was stopped."""
    try:
        yield
    except KeyboardInterrupt:
        say("Stopped.")
