"""A worker (`logistics work`) in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def running_worker(url: str, **variables: str) -> Iterator[int]:
    """Runs a worker on a database, with further variables of its environment; yields the number of its process."""
    with subprocess.Popen(
        [sys.executable, "-m", "logistics_pipeline.worker"],
        env=os.environ | {"LOGISTICS_DATABASE_URL": url} | variables,
        stderr=subprocess.DEVNULL,
    ) as worker:
        try:
            yield worker.pid
        finally:
            worker.terminate()
