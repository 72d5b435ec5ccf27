"""What our code server does beyond Dagster's: it does not live on as half a server.

A thread of Dagster's code server fails the runs whose processes have died. It asks PostgreSQL about each, and where
that has been away for more than some ten seconds just then, the thread dies of the error (seen on Dagster 1.13.27).
The server serves on without it: dead runs stay "started", and a request to stop is never carried out.
"""

import os
import sys
import threading

JANITOR = "grpc-server-cleanup"
"""Dagster's name for that thread."""


def end_with_its_janitor() -> None:
    """Ends this process with exit code 1 when the janitor thread dies of an error.

    Whoever supervises the server (`logistics up`, the container engine) starts a new one, and `run_launcher` finds the
    runs that the old one had. Does nothing where there is no such thread.
    """
    report = threading.excepthook

    def end(failure: threading.ExceptHookArgs) -> None:
        report(failure)
        if failure.thread is not None and failure.thread.name == JANITOR:
            sys.stderr.write(f"The thread {JANITOR} has died: this server ends, to be started again\n")
            sys.stderr.flush()
            os._exit(1)

    threading.excepthook = end
