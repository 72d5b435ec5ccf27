"""Processes that start within a tenth of a second: forks of a template, which has imported Dagster and our modules.

Every reload of the definitions and every run takes a process of its own, and importing takes seconds. So one process
imports everything once, does nothing else, has no threads and no connections, and is forked: Python's `forkserver`.
Forks share the template's memory until they write to it, and they fork the same template for processes of their own.
It ends when all of them have ended.

Elsewhere than on Linux, where libraries of the system must not be forked, each process starts anew.
"""

import gc
import multiprocessing
import os
import signal
import sys
from collections.abc import Sequence
from multiprocessing import forkserver, resource_tracker
from multiprocessing.context import BaseContext

START_METHOD = "forkserver" if sys.platform == "linux" else "spawn"

MODULES = [
    "dagster._grpc.impl",
    "dagster._grpc.server",
    "dagster._core.run_coordinator",
    "dagster._core.storage.local_compute_log_manager",
    "logistics_pipeline.orchestration.runtime.definitions_process",
    "logistics_pipeline.orchestration.runtime.run_launcher",
    "logistics_pipeline.orchestration.runtime.storage",
]
"""What every process of a code server needs."""
LAST_MODULE = "logistics_pipeline.orchestration.runtime.template_setup"


def start_template(modules: Sequence[str]) -> None:
    """Starts the template of this process, which imports these modules besides `MODULES`. Returns at once.

    A module that cannot be imported is left out: whoever needs it is told why.
    """
    if START_METHOD == "forkserver":
        forkserver.set_forkserver_preload([*MODULES, *modules, LAST_MODULE])
        forkserver.ensure_running()


def process_context() -> BaseContext:
    """What `multiprocessing` makes such processes with."""
    return multiprocessing.get_context(START_METHOD)


def become_template() -> None:
    """Prepares the template for being forked, after it has imported everything.

    A request to stop goes to the whole process group. The template ignores it, as it reports to the others how its
    forks ended; the forks heed it.
    """
    template = os.getpid()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)

    def freeze() -> None:
        if os.getpid() == template:
            gc.freeze()  # so that the collector does not write to what is shared

    def become_fork() -> None:
        if os.getppid() == template:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            # Python 3.11 documents that forks use the server that they come from, but has each start one of its own.
            forkserver._forkserver.ensure_running = resource_tracker.ensure_running  # type: ignore[method-assign]

    os.register_at_fork(before=freeze, after_in_child=become_fork)
