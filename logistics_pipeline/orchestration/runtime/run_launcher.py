"""The run launcher that `dagster.yaml` names: Dagster's default one, which also knows whether a run's process lives.

Without it a run that died together with its code server (a restarted container, out of memory, kill -9) stays "started"
for ever: it keeps its place in its pool, and its files are never asked for again. Every process of Dagster imports this
module, so it imports nothing of ours. What happens to a failed run stands in `retries` and `dagster.yaml`.

Dagster 1.13 has no public door to this. The private names used here are held to what they are used for by
`tests/orchestration/test_run_launcher.py`, and pyproject.toml bounds Dagster's version.
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

SILENCE_SECONDS = 300
"""So long a code server may not answer before its runs are given up: time enough to restart it, and not for ever."""


class SupervisedRunLauncher(DefaultRunLauncher):
    """Launches runs in the code server, and finds those that it no longer has.

    A run is a child of its code server and ends with it: `logistics up` kills what a dead one left behind, an engine
    its container, systemd its unit. So a server that does not know a run has been started again since.
    """

    def __init__(self, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(inst_data)
        self._silent_since: dict[str, float] = {}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]) -> Self:
        """How Dagster makes it from `dagster.yaml`; there is nothing to configure."""
        return cls(inst_data)

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Makes Dagster's monitoring ask about every started run, each `run_monitoring.poll_interval_seconds`."""
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Asks the code server in which the run was started whether it still has it. Dagster fails runs not found."""
        client: DagsterGrpcClient | None = self._get_grpc_client_for_termination(run.run_id)  # type: ignore[no-untyped-call]
        if client is None:
            return CheckRunHealthResult(WorkerStatus.RUNNING, "It has just ended, or was started without a code server")
        try:
            answer = deserialize_value(client.get_current_runs(), GetCurrentRunsResult)
        except DagsterUserCodeUnreachableError:
            return self._judge_silence(run.run_id, client)
        self._silent_since.pop(run.run_id, None)
        if run.run_id in answer.current_runs:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(
            WorkerStatus.NOT_FOUND, f"The code server {_name(client)} was started again and no longer has this run"
        )

    def _judge_silence(self, run_id: str, client: DagsterGrpcClient) -> CheckRunHealthResult:
        """A server that does not answer may be busy, or be coming back with news; but it is not waited for for ever."""
        silent = monotonic() - self._silent_since.setdefault(run_id, monotonic())
        if silent < SILENCE_SECONDS:
            message = f"The code server {_name(client)} does not answer: asking again"
            return CheckRunHealthResult(WorkerStatus.RUNNING, message, transient=True)
        del self._silent_since[run_id]
        message = f"The code server {_name(client)}, in which this run was started, has not answered for {silent:.0f} s"
        return CheckRunHealthResult(WorkerStatus.NOT_FOUND, message)


def _name(client: DagsterGrpcClient) -> str:
    return f"{client.host}:{client.port}"
