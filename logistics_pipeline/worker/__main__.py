"""`python -m logistics_pipeline.worker`: what `logistics work` does, in a process that loads nothing else."""

import logging
import signal
import sys
import time
from threading import Event

from logistics_core.settings import Settings
from logistics_pipeline.worker.process import run_worker


def main() -> None:
    """Runs until SIGTERM, SIGINT or SIGHUP. The database is that of LOGISTICS_DATABASE_URL."""
    settings = Settings()
    if settings.database_url is None:
        sys.exit("LOGISTICS_DATABASE_URL is not set. With the embedded PostgreSQL, run: logistics work")
    log_to_standard_error()
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    run_worker(settings, settings.database_url, stop)


def log_to_standard_error() -> None:
    """Logs with times in UTC."""
    handler = logging.StreamHandler(sys.stderr)
    formatter = logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%SZ")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    log = logging.getLogger("logistics")
    log.handlers, log.propagate = [handler], False
    log.setLevel(logging.INFO)


if __name__ == "__main__":
    main()
