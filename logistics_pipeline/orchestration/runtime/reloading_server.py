"""The code server: serves the definitions to Dagster, and reloads them without a restart.

Dagster's `code-server start` runs the definitions in a child process and forwards every request to it. A reload starts
another child, which reads the contracts anew, and lets the earlier one end once its runs have ended: a run is a child
of the process that started it, so no reload touches it. This is that server (Dagster 1.13.27) with four faults mended,
each of which would end a load or the service:

- definitions that cannot be loaded take the place of those in service;
- it does not say which runs it has, so `run_launcher` would fail every load of more than five minutes;
- a run that is launched at the moment of a reload fails;
- it does not notice that its child has ended.

Dagster has no public interface for this. `tests/orchestration/test_reloading_server.py` checks that the private names
used here still do what they are used for, and pyproject.toml limits Dagster's version.
"""

import argparse
import logging
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import grpc
from dagster._api.list_repositories import sync_list_repositories_grpc
from dagster._core.errors import DagsterUserCodeProcessError, DagsterUserCodeUnreachableError
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.utils import FuturesAwareThreadPoolExecutor
from dagster._grpc.__generated__ import dagster_api_pb2 as api
from dagster._grpc.client import DEFAULT_GRPC_TIMEOUT, DagsterGrpcClient, client_heartbeat_thread
from dagster._grpc.proxy_server import DagsterProxyApiServicer
from dagster._grpc.server import DagsterGrpcServer
from dagster._grpc.types import ExecuteExternalJobArgs, GetCurrentRunsResult
from dagster._utils import safe_tempfile_path_unmanaged
from dagster._utils.interrupts import setup_interrupt_handlers
from dagster._utils.log import configure_loggers
from dagster_shared.error import DagsterError, SerializableErrorInfo
from dagster_shared.serdes import deserialize_value, serialize_value

from logistics_pipeline.orchestration.runtime.definitions_process import serve_definitions
from logistics_pipeline.orchestration.runtime.process_template import process_context, start_template

DEFINITIONS = "logistics_pipeline.orchestration.definitions"
START_SECONDS = 300
"""How long a child may take to load the definitions; an idle machine needs 2."""
REQUEST_SECONDS = 90
"""Longer than Dagster lets any request take, such as an evaluation of a sensor."""
DRAIN_SECONDS = 75
"""How long a server that is stopped waits for its runs: they stop after their batch. Containers have 90 seconds."""
HEARTBEAT_SECONDS = 60
"""A child without a heartbeat for so long ends by itself: its server was killed."""
LOOK_SECONDS = 1
PING_SECONDS = 0.02
"""How often a child that is starting is asked whether it serves."""
NOTICE_SECONDS = 2.0
"""How long Dagster's daemon takes to notice that the definitions were reloaded: it asks every second."""
SENSOR_EVALUATIONS = ("ExternalSensorExecution", "SyncExternalSensorExecution")
THREADS = 64
"""They only forward requests and wait. With Dagster's few, slow sensors would keep runs from being launched."""

_log = logging.getLogger("dagster.code_server")


_process_lock = threading.Lock()
"""Starting a process and asking how one ended both read exit codes, each of which can be read only once."""


class _Child:
    """A process that serves the definitions as they were when it started."""

    def __init__(self, target: LoadableTargetOrigin) -> None:
        """Starts the process."""
        socket = safe_tempfile_path_unmanaged()
        self.client = DagsterGrpcClient(socket=socket)
        self.is_retired = False
        self._process: Any = process_context().Process(  # type: ignore[attr-defined]  # which every context has
            target=serve_definitions, args=(target, socket, HEARTBEAT_SECONDS)
        )
        self._requests = 0
        self._idle = threading.Condition()
        self._no_heartbeat = threading.Event()
        with _process_lock:
            self._process.start()

    def wait_until_serving(self) -> None:
        """Waits until it serves the definitions, or the reason why it has none.

        Raises:
            DagsterUserCodeProcessError: the definitions cannot be loaded.
            DagsterUserCodeUnreachableError: the process has ended, or takes too long.
        """
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self.client.ping("")
                break
            except DagsterUserCodeUnreachableError:
                if self.exit_code is not None or time.monotonic() > deadline:
                    raise
            time.sleep(PING_SECONDS)
        threading.Thread(
            target=client_heartbeat_thread, args=(self.client, self._no_heartbeat), name="heartbeat", daemon=True
        ).start()
        sync_list_repositories_grpc(self.client)

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        with _process_lock:
            code: int | None = self._process.exitcode
            return code

    @contextmanager
    def request(self) -> Iterator[DagsterGrpcClient]:
        """Keeps it from being stopped while it works on a request."""
        with self._idle:
            self._requests += 1
        try:
            yield self.client
        finally:
            with self._idle:
                self._requests -= 1
                self._idle.notify_all()

    def retire(self) -> None:
        """Lets it end once its requests and its runs have ended."""
        with self._idle:
            self._idle.wait_for(lambda: self._requests == 0, REQUEST_SECONDS)
        self.stop()

    def stop(self) -> None:
        """Lets it end once its runs have ended."""
        with suppress(DagsterUserCodeUnreachableError):
            self.client.shutdown_server()
        self._no_heartbeat.set()

    def kill(self) -> None:
        """Ends it at once."""
        self._no_heartbeat.set()
        self._process.kill()
        while self.exit_code is None:
            time.sleep(0.01)

    def current_runs(self) -> list[str]:
        """The runs it has; none if it has ended."""
        try:
            found = deserialize_value(self.client.get_current_runs(), GetCurrentRunsResult)
        except DagsterUserCodeUnreachableError:
            if self.exit_code is None:
                raise
            return []
        return list(found.current_runs)


class ReloadingServer(DagsterProxyApiServicer):
    """Forwards requests to the child in service; each reload puts another one into service."""

    def __init__(self, target: LoadableTargetOrigin, termination: threading.Event) -> None:
        """Loads the definitions.

        Raises:
            DagsterUserCodeProcessError: they cannot be loaded.
        """
        self._children: list[_Child] = []
        self._earlier: _Child | None = None
        super().__init__(
            loadable_target_origin=target,
            fixed_server_id=None,
            container_image=None,
            container_context=None,
            inject_env_vars_from_instance=False,
            location_name=None,
            log_level="INFO",
            startup_timeout=START_SECONDS,
            server_termination_event=termination,
            instance_ref=None,
            logger=_log,
            server_heartbeat=False,
            server_heartbeat_timeout=HEARTBEAT_SECONDS,
            heartbeat_ttl=HEARTBEAT_SECONDS,
            defs_state_info=None,
        )

    def _reload_location(self) -> None:
        """Puts a new child into service. Dagster calls it once, when it starts."""
        child = self._start_child()
        self._children.append(child)
        self._client: Any = child.client

    def _start_child(self) -> _Child:
        """Starts a child and has it load the definitions.

        Raises:
            DagsterUserCodeProcessError: they cannot be loaded.
            DagsterUserCodeUnreachableError: the child does not respond.
        """
        child = _Child(self._loadable_target_origin)
        try:
            child.wait_until_serving()
        except DagsterError:
            child.kill()
            raise
        return child

    @property
    def _in_service(self) -> _Child:
        return self._children[-1]

    def ReloadCode(self, request: Any, context: grpc.ServicerContext) -> api.ReloadCodeReply:
        """Loads the definitions anew. If that fails, those in service stay so, and the caller is told why."""
        with self._reload_lock:
            earlier = self._in_service
            try:
                self._reload_location()
            except DagsterUserCodeProcessError as error:
                reason = why_not_loaded(error)
                _log.error("The definitions were not reloaded, and those in service stay: %s", reason)
                context.abort(grpc.StatusCode.FAILED_PRECONDITION, reason)
        self._earlier = earlier
        earlier.is_retired = True
        threading.Thread(target=self._retire, args=(earlier,), name="retire", daemon=True).start()
        _log.info("The definitions were reloaded")
        return api.ReloadCodeReply()

    def _retire(self, child: _Child) -> None:
        time.sleep(NOTICE_SECONDS)
        if self._earlier is child:
            self._earlier = None
        child.retire()

    def _child_for(self, api_name: str) -> _Child:
        """The child that answers a request.

        Sensors are evaluated by the earlier one until the daemon has noticed the reload: it would not know the job of a
        new dataset, and would report that the sensor has failed.
        """
        earlier = self._earlier
        return earlier if earlier is not None and api_name in SENSOR_EVALUATIONS else self._in_service

    def _query(self, api_name: str, request: Any, _context: Any, timeout: int = DEFAULT_GRPC_TIMEOUT) -> Any:
        with self._child_for(api_name).request() as client:
            return client._get_response(api_name, request, timeout)

    def _streaming_query(
        self, api_name: str, request: Any, _context: Any, timeout: int = DEFAULT_GRPC_TIMEOUT
    ) -> Iterator[Any]:
        with self._child_for(api_name).request() as client:
            yield from client._get_streaming_response(api_name, request, timeout)

    def StartRun(self, request: Any, context: Any) -> Any:
        """Starts a run in the child in service, which is not stopped while it does so."""
        if self._shutdown_once_executions_finish_event.is_set():
            return super().StartRun(request, context)  # type: ignore[no-untyped-call]  # which refuses
        arguments = deserialize_value(request.serialized_execute_run_args, ExecuteExternalJobArgs)
        with self._in_service.request() as client:
            self._run_clients[arguments.run_id] = client
            return client._get_response("StartRun", request)

    def GetCurrentRuns(self, request: Any, context: Any) -> api.GetCurrentRunsReply:
        """The runs of all children, also of those that only wait for their runs to end."""
        runs = [run for child in list(self._children) for run in child.current_runs()]
        found = GetCurrentRunsResult(current_runs=runs, serializable_error_info=None)
        return api.GetCurrentRunsReply(serialized_current_runs=serialize_value(found))

    def ShutdownServer(self, request: Any, context: Any) -> Any:
        """Stops this server once all runs have ended."""
        reply = super().ShutdownServer(request, context)  # type: ignore[no-untyped-call]
        for child in list(self._children):
            child.stop()
        return reply

    def _cleanup_thread(self) -> None:
        """Dagster has a thread do this while the server runs.

        It ends the server when a child ends that should not; whatever supervises the server starts it again.
        """
        while not self._shutdown_once_executions_finish_event.wait(LOOK_SECONDS):
            for child in list(self._children):
                code = child.exit_code
                if code == 0 and child.is_retired:
                    self._children.remove(child)
                elif code is not None:
                    _exit(f"The process that serves the definitions has ended (exit code {code})")
        while any(child.exit_code is None for child in list(self._children)):
            self._server_termination_event.wait(LOOK_SECONDS)
        self._server_termination_event.set()

    def cleanup(self) -> None:
        """Waits for the runs that are under way, within limits."""
        self._shutdown_once_executions_finish_event.set()
        children = list(self._children)
        for child in children:
            child.stop()
        deadline = time.monotonic() + DRAIN_SECONDS
        while time.monotonic() < deadline and any(child.exit_code is None for child in children):
            time.sleep(0.1)
        for child in children:
            if child.exit_code is None:
                child.kill()
        super().cleanup()  # type: ignore[no-untyped-call]


def _exit(reason: str) -> None:
    sys.stderr.write(f"{reason}: this server exits, to be started again\n")
    sys.stderr.flush()
    os._exit(1)


def why_not_loaded(error: DagsterUserCodeProcessError) -> str:
    """The innermost cause in one line, without the name of its class."""
    cause: SerializableErrorInfo = error.user_code_process_error_infos[0]
    while cause.cause is not None:
        cause = cause.cause
    lines = [line.strip() for line in cause.message.strip().splitlines() if line.strip()]
    text = " ".join(lines)
    return text.partition(": ")[2] or text


def main() -> None:
    """Serves the definitions until the process is told to stop."""
    parser = argparse.ArgumentParser(description="Serves the definitions to Dagster, and reloads them on request.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--module", default=DEFINITIONS, help="the module that holds the definitions")
    arguments = parser.parse_args()
    setup_interrupt_handlers()
    configure_loggers()
    target = LoadableTargetOrigin(
        executable_path=sys.executable, module_name=arguments.module, working_directory=str(Path.cwd())
    )
    start_template([DEFINITIONS] if arguments.module == DEFINITIONS else [])
    termination = threading.Event()
    try:
        server = ReloadingServer(target, termination)
    except DagsterUserCodeProcessError as error:
        sys.exit(f"The definitions cannot be loaded: {why_not_loaded(error)}")
    grpc_server = DagsterGrpcServer(
        server_termination_event=termination,
        dagster_api_servicer=server,
        port=arguments.port,
        host=arguments.host,
        threadpool_executor=FuturesAwareThreadPoolExecutor(max_workers=THREADS),
        logger=_log,
    )
    _log.info("Started Dagster code server for %s on port %d", arguments.module, arguments.port)
    with suppress(KeyboardInterrupt):
        grpc_server.serve()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main()
