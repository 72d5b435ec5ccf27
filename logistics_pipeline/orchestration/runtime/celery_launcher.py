"""The run launcher of `deploy/celery`: runs go to workers on any machine. Needs the extra `celery`; nothing else does.

Dagster's own launcher for Celery has two faults (seen on dagster-celery 0.29.27). The run of a worker that was killed
as a whole stays "started" forever, as Celery's result still says so. And a run terminated in the UI continues, or is
taken for a crash. Private names are used as in `run_launcher`; `tests/orchestration/test_celery.py` holds them to it.
"""

from typing import Any

import dagster as dg
from celery.exceptions import CeleryError
from dagster._core.launcher import CheckRunHealthResult, WorkerStatus
from dagster_celery.launcher import CeleryRunLauncher
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG
from kombu.exceptions import OperationalError

INSPECT_TIMEOUT_SECONDS = 5.0
"""How long workers may take to report what they run; a busy one reports too, as its pool does the work."""

MAX_MISSES = 2
"""How often in a row a run may be missing: a single report may be lost, or the worker may be finishing the run."""


class SupervisedCeleryRunLauncher(CeleryRunLauncher):
    """Launches runs as Celery tasks, and finds those that no worker has any more."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self._missing: dict[str, int] = {}
        """How often in a row no worker had a run."""

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Asks Celery for the state of a run's task and, if it should be running, the workers whether they have it."""
        try:
            known = super().check_run_worker_health(run)
            is_held = known.status is not WorkerStatus.RUNNING or self._is_held(run.tags[DAGSTER_CELERY_TASK_ID_TAG])
        except (CeleryError, OperationalError, *self.celery.connection().recoverable_connection_errors) as error:
            message = f"The broker {self._broker_name()} does not respond ({error}): checking again"
            return CheckRunHealthResult(WorkerStatus.RUNNING, message, transient=True)
        if known.status is WorkerStatus.UNKNOWN:
            return CheckRunHealthResult(WorkerStatus.RUNNING, "The task waits in the broker")
        if is_held:
            self._missing.pop(run.run_id, None)
            return known
        return self._count_miss(run.run_id)

    def _is_held(self, task_id: str) -> bool:
        workers = self.celery.control.inspect(timeout=INSPECT_TIMEOUT_SECONDS).active() or {}
        return any(task["id"] == task_id for tasks in workers.values() for task in tasks)

    def _count_miss(self, run_id: str) -> CheckRunHealthResult:
        missing = self._missing[run_id] = self._missing.get(run_id, 0) + 1
        if missing < MAX_MISSES:
            return CheckRunHealthResult(WorkerStatus.RUNNING, "No Celery worker reports the run: checking again")
        del self._missing[run_id]
        return CheckRunHealthResult(WorkerStatus.NOT_FOUND, "No live Celery worker has this run: its worker was killed")

    def _broker_name(self) -> str:
        return str(self.celery.connection().as_uri())  # without its password

    def terminate(self, run_id: str) -> bool:
        """Stops a run for good, at once: it ends as cancelled, does not count as a crash, and is not resumed.

        It is killed by SIGKILL, which loads survive like any other crash. On SIGTERM, Dagster would retry the step in
        the same process, as after any other error.
        """
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        self._instance.report_run_canceling(run)
        task_id = run.tags.get(DAGSTER_CELERY_TASK_ID_TAG)
        if task_id is not None:
            self.celery.control.revoke(task_id, terminate=True, signal="SIGKILL")
        self._instance.report_run_canceled(run, "Its process was killed, or its task revoked in the broker.")
        return True
