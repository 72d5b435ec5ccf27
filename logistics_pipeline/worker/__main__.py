"""`python -m logistics_pipeline.worker`: what `logistics work` does, in a process that loads nothing else."""

import signal
import sys
from threading import Event

from logistics_core.settings import Settings
from logistics_pipeline.process_log import log_to_standard_error
from logistics_pipeline.worker.process import run_worker


def main() -> None:
    """Runs until SIGTERM, SIGINT or SIGHUP. The database is that of LOGISTICS_DATABASE_URL."""
    settings = Settings()
    if settings.database_url is None:
        sys.exit("LOGISTICS_DATABASE_URL is not set. With the embedded PostgreSQL, run: logistics work")
    log_to_standard_error("logistics")
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    run_worker(settings, settings.database_url, stop)


if __name__ == "__main__":
    main()
