"""Real processes without the second that it takes to import everything: forked from one that has done so."""

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path


def forkserver() -> ForkServerContext:
    """Makes processes that have the loader, the command line and the API imported, and nothing else of this one's."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["logistics_pipeline.cli", "logistics_api.__main__", "tests.database.forking"])
    return context


def run_command(
    arguments: Sequence[str], environment: Mapping[str, str], folder: Path, timeout: float = 240
) -> "subprocess.CompletedProcess[str]":
    """Runs `logistics` with exactly this environment; its output goes through files in `folder`."""
    out, err = folder / ".stdout", folder / ".stderr"
    for path in (out, err):
        path.unlink(missing_ok=True)
    process = forkserver().Process(target=_main, args=(arguments, dict(environment), folder, out, err))
    process.start()
    process.join(timeout)
    if process.exitcode is None:
        process.kill()
        process.join()
        raise AssertionError(f"logistics {' '.join(arguments)} did not end in {timeout} s: {err.read_text()}")
    return subprocess.CompletedProcess(arguments, process.exitcode, out.read_text(), err.read_text())


def start_api(environment: Mapping[str, str], log: Path) -> ForkServerProcess:
    """Runs `python -m logistics_api` with exactly this environment; its output is appended to a file."""
    process = forkserver().Process(target=_serve, args=(dict(environment), log))
    process.start()
    return process


def start_command(arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> ForkServerProcess:
    """Runs `logistics` with exactly this environment, until it is stopped; its output is appended to a file."""
    process = forkserver().Process(target=_main, args=(arguments, dict(environment), log.parent, log, log))
    process.start()
    return process


def stop(process: ForkServerProcess, seconds: float) -> None:
    """Asks a process to end, and makes it end after a time."""
    process.terminate()
    process.join(seconds)
    process.kill()
    process.join()


def _main(arguments: Sequence[str], environment: dict[str, str], folder: Path, out: Path, err: Path) -> None:
    become(environment, folder, out, err)
    sys.argv = ["logistics", *arguments]
    from logistics_pipeline.cli import main

    main()


def _serve(environment: dict[str, str], log: Path) -> None:
    become(environment, log.parent, log, log)
    from logistics_api.__main__ import main

    sys.exit(main())


def become(environment: dict[str, str], folder: Path, out: Path, err: Path) -> None:
    """Gives this process its environment, folder and output."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for path, descriptor in ((out, 1), (err, 2)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), descriptor)
