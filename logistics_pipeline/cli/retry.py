"""The command that has Dagster load files again: retry."""

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from logistics_core.database_contract.file_states import FileState
from logistics_core.reject_threshold import RejectThreshold
from logistics_core.resource_files import RESOURCES
from logistics_core.settings import Settings
from logistics_pipeline.cli.ledger_names import ledger_path
from logistics_pipeline.cli.options import AsJson, dataset_option
from logistics_pipeline.cli.output import file_summary, load_result, print_json, say
from logistics_pipeline.database.connections import Connection, connect
from logistics_pipeline.errors import PipelineError
from logistics_pipeline.local.environment import Environment, open_environment
from logistics_pipeline.orchestration.retry_requests import (
    REFUSED,
    Outcome,
    RetryRequest,
    failed_paths,
    request_retries,
    wait_for_results,
)

NOTICE_SECONDS = 60
"""If no load ends for this long, a waiting person gets a hint where to look."""


def register(app: typer.Typer) -> None:
    """Adds this module's command."""
    app.command()(retry)


def retry(
    files: Annotated[
        list[str] | None,
        typer.Argument(help="Files by their paths, as `logistics files` shows them", show_default=False),
    ] = None,
    failed: Annotated[bool, typer.Option("--failed", help="All files that failed")] = False,
    dataset: Annotated[str | None, dataset_option("With --failed: only of this dataset")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the loads and print their results")] = False,
    as_json: AsJson = False,
) -> None:
    """Makes Dagster load files again: failed or unloaded ones, and those that have rows to bring back.

    This is the same as materialising their partitions in the Dagster UI, for any number of files. A load that stopped
    in the middle of a file resumes there. Without Dagster, use `logistics load`.

    Exit code 1 if a file cannot be loaded again, or, with `--wait`, was not loaded.
    """
    if bool(files) == failed or (dataset is not None and not failed):
        raise typer.BadParameter("Give either files or --failed; --dataset goes with --failed.")
    settings = Settings()
    with open_environment(settings) as environment, connect(environment.database_url) as connection:
        paths = failed_paths(connection, dataset) if failed else None
        if paths is None:
            paths = [ledger_path(connection, name, settings) for name in files or ()]
        requests = list(request_retries(connection, dict.fromkeys(paths), settings))
        if not requests:
            say("No file has failed.")
        _print_outcomes(requests, as_json=as_json, wait=wait)
        due = [request.path for request in requests if request.outcome in (Outcome.REQUESTED, Outcome.UNDER_WAY)]
        problem = _reason_not_watching(environment) if due else ""
        loaded = _follow(connection, due, problem, settings.warn_threshold, as_json) if wait and due else _warn(problem)
    if not loaded or any(request.outcome in REFUSED for request in requests):
        raise typer.Exit(1)


def _print_outcomes(requests: Iterable[RetryRequest], *, as_json: bool, wait: bool) -> None:
    """One document per file; with `wait` only for files whose load nobody waits for, as the others follow later."""
    for request in requests:
        if not as_json:
            say(f"{request.path}: {_SENTENCES[request.outcome]}")
        elif not (wait and request.outcome in (Outcome.REQUESTED, Outcome.UNDER_WAY)):
            found = load_result(request.file, Path(request.path)) if request.file else {"file": request.path}
            print_json({**found, "answer": request.outcome.value})


_SENTENCES = {
    Outcome.REQUESTED: "requested: Dagster starts it when it next checks the raw folder.",
    Outcome.UNDER_WAY: "is being loaded or waits for its load: there is nothing to request.",
    Outcome.LOADED: "is loaded: there is nothing to retry. To load it again, run `logistics unload` first.",
    Outcome.UNKNOWN: "the ledger has no such file; `logistics files` lists those it has.",
    Outcome.ELSEWHERE: "is outside the raw folder, which Dagster watches: `logistics load` loads it.",
    Outcome.MISSING: "is no longer in the raw folder: put it back, then try again.",
    Outcome.UNRECOGNISED: "its path names no dataset, so it is not loaded: decide on the contract that is "
    "proposed for it (`logistics contracts list`), or load it as one of a dataset (`logistics load --dataset`).",
}


def _warn(problem: str) -> bool:
    if problem:
        say(f"Warning: {problem}. The request is kept until Dagster checks the folder.")
    return True


def _follow(connection: Connection, paths: list[str], problem: str, threshold: RejectThreshold, as_json: bool) -> bool:
    """Waits for the loads, prints the result of each, and returns whether all are loaded."""
    if problem:
        raise PipelineError(
            f"There is nothing to wait for: {problem}. The request is kept until Dagster checks the folder."
        )
    has_printed = False

    def on_wait(seconds: float) -> None:
        nonlocal has_printed
        if seconds > NOTICE_SECONDS and not has_printed:
            has_printed = True
            say("No load has ended for a minute: the Dagster UI shows what runs and what waits. Ctrl-C stops waiting.")

    all_loaded = True
    for file in wait_for_results(connection, paths, on_wait):
        if as_json:
            print_json({**load_result(file, Path(file.path)), "answer": "ended"})
        else:
            say(file_summary(file, threshold))
        all_loaded &= file.state is FileState.LOADED
    return all_loaded


def _reason_not_watching(environment: Environment) -> str:
    """Why Dagster does not watch the raw folder; empty if it does. Checked in a separate process."""
    done = subprocess.run(
        [sys.executable, "-m", "logistics_pipeline.orchestration.runtime.sensor_daemon"],
        env={**os.environ, **environment.variables()},
        cwd=RESOURCES,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout if done.returncode == 0 else "Dagster's database cannot be queried (run `logistics migrate`)"
