"""What our code server does beyond Dagster's: it exits when it can no longer do all of its work.

A thread of Dagster's code server fails the runs whose processes have died. It asks PostgreSQL about each run, and if
PostgreSQL is away for more than some ten seconds at that moment, the thread dies of the error (seen on Dagster
1.13.27). The server carries on without it: dead runs stay "started", and a request to stop is never carried out.
"""

import os
import sys
import threading

CLEANUP_THREAD = "grpc-server-cleanup"
"""Dagster's name for that thread."""


def exit_when_cleanup_thread_dies() -> None:
    """Ends this process with exit code 1 when the cleanup thread dies of an error.

    Whatever supervises the server (`logistics up`, the container engine) starts a new one, and `run_launcher` finds
    the runs that the old one had. Does nothing where there is no such thread.
    """
    report = threading.excepthook

    def exit_on_failure(failure: threading.ExceptHookArgs) -> None:
        report(failure)
        if failure.thread is not None and failure.thread.name == CLEANUP_THREAD:
            sys.stderr.write(f"The thread {CLEANUP_THREAD} has died: this server exits, to be started again\n")
            sys.stderr.flush()
            os._exit(1)

    threading.excepthook = exit_on_failure
