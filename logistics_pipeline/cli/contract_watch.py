"""The command that watches contracts, and has Dagster follow: contracts watch."""

import logging
import sys
import time
from functools import partial

from logistics_core.settings import Settings
from logistics_pipeline.cli.foreground import until_interrupted
from logistics_pipeline.contracts.code_location import Reloader, reload_definitions
from logistics_pipeline.contracts.watching import watch_contracts
from logistics_pipeline.local.environment import code_server_port, open_environment
from logistics_pipeline.local.supervisor import stop_signals


def watch() -> None:
    """Watches contracts until Ctrl-C: edited files, requests, files of no dataset. `logistics up` does so as well.

    What changes takes effect in Dagster at once; running loads go on.
    """
    log = _log()
    settings = Settings()
    reload = partial(reload_definitions, settings.code_server_host, code_server_port(settings))
    with stop_signals(), until_interrupted(), open_environment(settings) as environment:
        reloader = Reloader(reload, log)
        try:
            watch_contracts(settings, environment.database_url, reloader.request, log)
        finally:
            reloader.stop()


def _log() -> logging.Logger:
    handler = logging.StreamHandler(sys.stderr)
    formatter = logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%SZ")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    log = logging.getLogger("logistics.contracts")
    log.handlers, log.propagate = [handler], False
    log.setLevel(logging.INFO)
    return log
