"""A process that serves the definitions as they were when it started.

The code server puts one after another into service.

It does what `dagster api grpc` does, but is forked from the template of processes (`process_template`), and so are the
runs that it starts: neither imports anything anew.
"""

import logging
import os
import sys
import threading
from contextlib import suppress
from pathlib import Path

from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.utils import FuturesAwareThreadPoolExecutor
from dagster._grpc.server import DagsterApiServer, DagsterGrpcServer
from dagster._utils.interrupts import setup_interrupt_handlers
from dagster._utils.log import configure_loggers

from logistics_pipeline.orchestration.runtime.process_template import process_context

PROCESS_NAME = "definitions"

_log = logging.getLogger("dagster.code_server")


def serve_definitions(target: LoadableTargetOrigin, socket: str, heartbeat_seconds: int) -> None:
    """Loads the definitions and serves them at this socket, until it is told to stop and its runs have ended.

    If they cannot be loaded, it serves the reason. It ends by itself when it gets no heartbeat for so long.
    """
    _name_process()
    setup_interrupt_handlers()
    configure_loggers()
    termination = threading.Event()
    executor = FuturesAwareThreadPoolExecutor()
    servicer = DagsterApiServer(
        server_termination_event=termination,
        logger=_log,
        server_threadpool_executor=executor,
        loadable_target_origin=target,
        heartbeat=True,
        heartbeat_timeout=heartbeat_seconds,
        lazy_load_user_code=True,
        container_image=os.getenv("DAGSTER_CURRENT_IMAGE"),
    )
    servicer._mp_ctx = process_context()  # type: ignore[assignment]  # Dagster's would import everything for each run
    server = DagsterGrpcServer(
        server_termination_event=termination,
        dagster_api_servicer=servicer,
        socket=socket,
        logger=_log,
        threadpool_executor=executor,
    )
    with suppress(KeyboardInterrupt):
        server.serve()  # type: ignore[no-untyped-call]


def _name_process() -> None:
    """Lets `ps -o comm` tell it from the template and from runs, which have the same command line."""
    if sys.platform == "linux":
        Path("/proc/self/comm").write_text(PROCESS_NAME)
