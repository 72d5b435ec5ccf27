"""Real processes without the second that it takes to import everything: forked from one that has done so."""

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.context import ForkServerContext
from pathlib import Path


def forkserver() -> ForkServerContext:
    """Makes processes that have the loader and the command line imported, and nothing else of this one's state."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["logistics_pipeline.cli", "tests.database.forking"])
    return context


def run_command(
    arguments: Sequence[str], environment: Mapping[str, str], folder: Path, timeout: float = 240
) -> "subprocess.CompletedProcess[str]":
    """Runs `logistics` with exactly this environment; its output goes through files in `folder`."""
    out, err = folder / ".stdout", folder / ".stderr"
    process = forkserver().Process(target=_main, args=(arguments, dict(environment), folder, out, err))
    process.start()
    process.join(timeout)
    if process.exitcode is None:
        process.kill()
        process.join()
        raise AssertionError(f"logistics {' '.join(arguments)} did not end in {timeout} s: {err.read_text()}")
    return subprocess.CompletedProcess(arguments, process.exitcode, out.read_text(), err.read_text())


def _main(arguments: Sequence[str], environment: dict[str, str], folder: Path, out: Path, err: Path) -> None:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["logistics", *arguments]
    for path, descriptor in ((out, 1), (err, 2)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), descriptor)
    from logistics_pipeline.cli import main

    main()
