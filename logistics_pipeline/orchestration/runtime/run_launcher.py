"""The run launcher named in `dagster.yaml`: Dagster's default one, which also knows whether a run's process is alive.

Without it, a run that died together with its code server (a restarted container, out of memory, kill -9) stays
"started" forever: it keeps its place in its pool, and its files are never requested again. Every process of Dagster
imports this module, so it imports nothing of ours. `retries` and `dagster.yaml` say what happens to a failed run.

Dagster 1.13 has no public interface for this. `tests/orchestration/test_run_launcher.py` checks that the private names
used here still do what they are used for, and pyproject.toml limits Dagster's version.
"""

from collections.abc import Mapping
from time import monotonic
from typing import Any, Self

import dagster as dg
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.launcher import CheckRunHealthResult, DefaultRunLauncher, WorkerStatus
from dagster._grpc.client import DagsterGrpcClient
from dagster._grpc.types import GetCurrentRunsResult
from dagster._serdes import ConfigurableClassData
from dagster_shared.serdes import deserialize_value

UNREACHABLE_SECONDS = 300
"""How long a code server may be unreachable before its runs are failed: time enough to restart it."""


class SupervisedRunLauncher(DefaultRunLauncher):
    """Launches runs in the code server, and finds those that it no longer has.

    A run is a child of its code server and ends with it: `logistics up` kills what a dead one left behind, an engine
    its container, systemd its unit. So a server that does not know a run has been started again since.
    """

    def __init__(self, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(inst_data)
        self._unreachable_since: dict[str, float] = {}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]) -> Self:
        """Makes the launcher from `dagster.yaml`; there is nothing to configure."""
        return cls(inst_data)

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Makes Dagster's monitoring check every started run, each `run_monitoring.poll_interval_seconds`."""
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Asks the code server that started the run whether it still has it. Dagster fails runs that are not found."""
        client: DagsterGrpcClient | None = self._get_grpc_client_for_termination(run.run_id)  # type: ignore[no-untyped-call]
        if client is None:
            return CheckRunHealthResult(WorkerStatus.RUNNING, "It has just ended, or was started without a code server")
        try:
            response = deserialize_value(client.get_current_runs(), GetCurrentRunsResult)
        except DagsterUserCodeUnreachableError:
            return self._check_unreachable(run.run_id, client)
        self._unreachable_since.pop(run.run_id, None)
        if run.run_id in response.current_runs:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(
            WorkerStatus.NOT_FOUND, f"The code server {_name(client)} was started again and no longer has this run"
        )

    def _check_unreachable(self, run_id: str, client: DagsterGrpcClient) -> CheckRunHealthResult:
        """A server that does not respond may be busy or be restarting, so its runs fail only after a while."""
        seconds = monotonic() - self._unreachable_since.setdefault(run_id, monotonic())
        if seconds < UNREACHABLE_SECONDS:
            message = f"The code server {_name(client)} does not respond: checking again"
            return CheckRunHealthResult(WorkerStatus.RUNNING, message, transient=True)
        del self._unreachable_since[run_id]
        message = (
            f"The code server {_name(client)}, in which this run was started, has not responded for {seconds:.0f} s"
        )
        return CheckRunHealthResult(WorkerStatus.NOT_FOUND, message)


def _name(client: DagsterGrpcClient) -> str:
    return f"{client.host}:{client.port}"
