"""Commands about single files that Dagster knows: unload, retry."""

import os
import shlex
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from logistics_core.database_contract.file_states import FileState
from logistics_core.settings import PROJECT_ROOT, Settings
from logistics_pipeline import ledger
from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.cli.data import AsJson, DatasetName, RefreshAfter, summary
from logistics_pipeline.cli.output import load_result, print_json, say
from logistics_pipeline.database.connections import Connection, connect
from logistics_pipeline.errors import PipelineError
from logistics_pipeline.ledger import LedgerFile
from logistics_pipeline.loading.options import load_options
from logistics_pipeline.loading.unload import Unloaded, unload_file
from logistics_pipeline.local.environment import Environment, open_environment
from logistics_pipeline.orchestration.retry_requests import (
    REFUSED,
    Answer,
    Request,
    failed_paths,
    request_retries,
    wait_for_results,
)
from logistics_pipeline.sources.folder import key_of

PATIENCE_SECONDS = 60
"""So long nothing may end before somebody who waits is told where to look."""


def register(app: typer.Typer) -> None:
    """Adds this module's commands."""
    app.command()(unload)
    app.command()(retry)


# -- unload --------------------------------------------------------------------------------------------------------


def unload(
    file: Annotated[str, typer.Argument(help="A file by its path, as `logistics files` shows it", show_default=False)],
    version: Annotated[
        int | None,
        typer.Option(help="An older version of it; without it, the newest that was loaded", min=1, show_default=False),
    ] = None,
    as_json: AsJson = False,
    refresh_after: RefreshAfter = True,
) -> None:
    """Takes a file's rows and rejects out of the database again. The file itself is not touched.

    Dagster does not load it again by itself as long as it lies unchanged in `data/raw`. `logistics retry FILE` has it
    loaded again, and so does materialising its partition.

    Rows of older files that it had superseded do not come back by themselves: load those files again. The command says
    which they are.
    """
    settings = Settings()
    with open_environment(settings) as environment:
        url = environment.database_url
        with connect(url) as connection:
            path = _path(connection, file, settings)
        done = unload_file(url, path, load_options(settings), version=version, on_wait=_say_wait)
        if refresh_after:  # also where it had been unloaded before: perhaps that one did not come to it
            refresh(url)
        newest = _newest_version(url, path)
    if as_json:
        print_json(_as_document(done, settings))
    else:
        for line in _describe(done, newest):
            say(line)


def _path(connection: Connection, name: str, settings: Settings) -> str:
    """The ledger's name of a file given by that name or by its path on disk."""
    key = key_of(Path(name), settings.raw_dir)
    return key if ledger.latest_file(connection, name) is None and ledger.latest_file(connection, key) else name


def _newest_version(url: str, path: str) -> int:
    with connect(url) as connection:
        newest = ledger.latest_file(connection, path)
    return newest.version if newest else 0


def _say_wait(path: str) -> None:
    say(f"{path} is being loaded: it is unloaded when that has ended.")


def _as_document(done: Unloaded, settings: Settings) -> dict[str, Any]:
    return {
        **load_result(done.file, Path(done.file.path)),
        "rows_taken_out": done.taken_out.rows,
        "rejects_taken_out": done.taken_out.rejects,
        "was_unloaded_before": done.was_unloaded_before,
        "to_reload": [{"file": each.path, "version": each.version} for each in done.to_reload],
        "out_of_reach": [{"file": each.path, "version": each.version} for each in done.out_of_reach],
    }


def _describe(done: Unloaded, newest_version: int) -> Iterable[str]:
    file, taken_out = done.file, done.taken_out
    name = f"{file.path} (version {file.version})" if file.version > 1 or newest_version > 1 else file.path
    if done.was_unloaded_before:
        yield f"{name}: had been unloaded before."
    else:
        yield f"{name}: {taken_out.rows:,} rows and {taken_out.rejects:,} rejects taken out."
    if taken_out.mends:
        yield f"{taken_out.mends:,} of the rejects had been mended: the next load of the file puts them back."
    if file.version == newest_version:
        yield f"It is not loaded again by itself while it does not change; to load it again: {_load_command([file])}"
    if done.to_reload:
        yield (
            "Older files may have had rows under the same keys, which are gone now. To bring them back, load these "
            f"again: {_load_command(done.to_reload)}"
        )
    for each in done.out_of_reach:
        yield (
            f"So may version {each.version} of {each.path}, which was replaced since: for its rows, drop its content "
            "once more."
        )


def _load_command(files: Iterable[LedgerFile]) -> str:
    """What loads them again: Dagster does where it looks, the command line elsewhere."""
    paths = [each.path for each in files]
    by_dagster = [path for path in paths if not path.startswith("/")]
    elsewhere = [path for path in paths if path.startswith("/")]
    commands = (("logistics retry", by_dagster), ("logistics load", elsewhere))
    return "; ".join(f"{command} {shlex.join(some)}" for command, some in commands if some)


# -- retry ---------------------------------------------------------------------------------------------------------


def retry(
    files: Annotated[
        list[str] | None,
        typer.Argument(help="Files by their paths, as `logistics files` shows them", show_default=False),
    ] = None,
    failed: Annotated[bool, typer.Option("--failed", help="All files that have failed")] = False,
    dataset: Annotated[
        DatasetName | None, typer.Option(help="With --failed: only of this dataset", show_default=False)
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the loads and tell what became of them")] = False,
    as_json: AsJson = False,
) -> None:
    """Has Dagster load files again: failed ones, unloaded ones, and those that have rows to bring back.

    The same as materialising their partitions in the Dagster UI, for any number of files. A load that stopped in the
    middle of a file goes on there. Without Dagster: `logistics load`.

    Exit code 1 if a file cannot be loaded again, or, with `--wait`, was not loaded.
    """
    if bool(files) == failed or (dataset is not None and not failed):
        raise typer.BadParameter("Give either files or --failed; --dataset goes with --failed.")
    settings = Settings()
    with open_environment(settings) as environment, connect(environment.database_url) as connection:
        paths = failed_paths(connection, dataset.value if dataset else None) if failed else None
        if paths is None:
            paths = [_path(connection, name, settings) for name in files or ()]
        requests = list(request_retries(connection, dict.fromkeys(paths), settings))
        if not requests:
            say("No file has failed.")
        _say_answers(requests, as_json=as_json, wait=wait)
        due = [request.path for request in requests if request.answer in (Answer.REQUESTED, Answer.UNDER_WAY)]
        trouble = _reason_not_to_look(environment) if due else ""
        loaded = _follow(connection, due, trouble, as_json) if wait and due else _say_trouble(trouble)
    if not loaded or any(request.answer in REFUSED for request in requests):
        raise typer.Exit(1)


def _say_answers(requests: Iterable[Request], *, as_json: bool, wait: bool) -> None:
    """One document per file; with `wait` only of those whose load is not waited for, as the others get theirs later."""
    for request in requests:
        if not as_json:
            say(f"{request.path}: {_SENTENCES[request.answer]}")
        elif not (wait and request.answer in (Answer.REQUESTED, Answer.UNDER_WAY)):
            found = load_result(request.file, Path(request.path)) if request.file else {"file": request.path}
            print_json({**found, "answer": request.answer.value})


_SENTENCES = {
    Answer.REQUESTED: "asked for: Dagster takes it up at its next look at the raw folder.",
    Answer.UNDER_WAY: "is being loaded, or waits for it: there is nothing to ask for.",
    Answer.LOADED: "is loaded: there is nothing to retry. To load it anew: `logistics unload` first.",
    Answer.UNKNOWN: "the ledger knows no such file; `logistics files` lists those it knows.",
    Answer.ELSEWHERE: "lies outside the raw folder, where Dagster does not look: `logistics load` loads it.",
    Answer.MISSING: "is not in the raw folder any more: put it back, then try again.",
    Answer.UNRECOGNISED: "its path names no dataset, so it is not loaded: give it another name.",
}


def _say_trouble(trouble: str) -> bool:
    if trouble:
        say(f"Warning: {trouble}. The request stays noted until Dagster looks.")
    return True


def _follow(connection: Connection, paths: list[str], trouble: str, as_json: bool) -> bool:
    """Waits for the loads, tells what became of each, and returns whether all are loaded."""
    if trouble:
        raise PipelineError(f"Nothing to wait for: {trouble}. The request stays noted until Dagster looks.")
    was_told = False

    def on_wait(seconds: float) -> None:
        nonlocal was_told
        if seconds > PATIENCE_SECONDS and not was_told:
            was_told = True
            say("Nothing has ended for a minute: the Dagster UI shows what runs and what waits. Ctrl-C stops waiting.")

    all_loaded = True
    for file in wait_for_results(connection, paths, on_wait):
        if as_json:
            print_json({**load_result(file, Path(file.path)), "answer": "ended"})
        else:
            say(summary(file))
        all_loaded &= file.state is FileState.LOADED
    return all_loaded


def _reason_not_to_look(environment: Environment) -> str:
    """Why Dagster does not look at the raw folder; empty where it does. Asked in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "logistics_pipeline.orchestration.runtime.sensor_daemon"],
        env={**os.environ, **environment.variables()},
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout if done.returncode == 0 else "Dagster's database cannot be asked (run `logistics migrate`)"
