"""The sensor of sources: requests runs of what is due, of what people ask for, and of pulls that have waited.

`pull_plan` decides; this module asks Dagster and the database, and does it. Nothing waits in a process: a pull that its
source has asked to wait has ended its run, and is due again when its time has come.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING

import dagster as dg

from logistics_core.database_contract.pull_states import PullState
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.orchestration.assets.pulled import pulled_key
from logistics_pipeline.orchestration.jobs import pull_job_name
from logistics_pipeline.orchestration.pools import pull_pool
from logistics_pipeline.orchestration.pull_plan import ResourceState, due_since, next_pull_at
from logistics_pipeline.orchestration.resources import DatabaseResource
from logistics_pipeline.orchestration.sensors.stale_analytics import UNFINISHED
from logistics_pipeline.sources.definition import RestSource
from logistics_pipeline.sources.pulls import Pull, latest_pulls
from logistics_pipeline.sources.requests import RequestedPull, end_request, note_due, pending_requests

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

SENSOR_NAME = "source_pulls"
RUNS_PER_TICK = 20

_REQUEST_TAG = "logistics/pull_request_"


def build_pull_sensor(
    pull_jobs: "Sequence[UnresolvedAssetJobDefinition]", interval_seconds: int
) -> dg.SensorDefinition:
    """Makes the sensor, which requests runs of these jobs: one per source."""
    pools_with_limit: set[str] = set()  # asked for once per process: another one is started for new sources

    @dg.sensor(
        name=SENSOR_NAME,
        jobs=pull_jobs,
        minimum_interval_seconds=interval_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Pulls sources when they are due or somebody asks for it, and goes on with pulls that were paused "
        "or interrupted.",
    )
    def source_pulls(
        context: dg.SensorEvaluationContext, database: dg.ResourceParam[DatabaseResource]
    ) -> dg.SensorResult | dg.SkipReason:
        if database.sources and not pools_with_limit:
            pools_with_limit.update(_limit_new_pools(context.instance, database.sources))
        with database.connect() as connection:
            evaluation = _Evaluation(context.instance, connection, database)
            requests = evaluation.run_requests()
        if not requests:
            return dg.SkipReason("no source is due")
        return dg.SensorResult(run_requests=requests)

    return source_pulls


def _limit_new_pools(instance: dg.DagsterInstance, sources: Iterable[str]) -> set[str]:
    """One run at a time for each source: a default does not bind the first runs of a pool."""
    limited = {pool.name for pool in instance.event_log_storage.get_pool_limits() if not pool.from_default}
    pools = {pull_pool(source) for source in sources}
    for pool in pools - limited:
        instance.event_log_storage.set_concurrency_slots(pool, 1)
    return pools


@dataclass
class _Wanted:
    """What is to be pulled of one source, and why."""

    resources: dict[str, str]
    """By name: since when it is due, or which request asks for it."""
    requests: list[int]


class _Evaluation:
    """One evaluation of the sensor."""

    def __init__(self, instance: dg.DagsterInstance, connection: Connection, database: DatabaseResource) -> None:
        self._instance = instance
        self._connection = connection
        self._sources = database.sources
        self._attempts = database.settings.load_attempts
        self._now = datetime.now(UTC)

    def run_requests(self) -> list[dg.RunRequest]:
        """The runs to request; ends the requests of people that runs serve, and notes when everything is due."""
        states = self._states()
        self._note_due(states)
        wanted = self._due(states)
        for request in pending_requests(self._connection):
            self._take(request, wanted)
        runs = [
            _run_request(self._sources[name], each)
            for name, each in wanted.items()
            if each.resources and not self._is_being_pulled(name)
        ]
        return runs[:RUNS_PER_TICK]

    def _states(self) -> dict[tuple[str, str], ResourceState]:
        newest = latest_pulls(self._connection)
        return {
            (source.name, resource.name): ResourceState(
                resource.schedule, pull, was_interrupted=pull is not None and self._was_interrupted(pull)
            )
            for source in self._sources.values()
            for resource in source.resources
            for pull in [newest.get((source.name, resource.name))]
        }

    def _was_interrupted(self, pull: Pull) -> bool:
        """Whether the run of a pull has died. One that a person terminated is left alone, until it is due again."""
        if pull.state is not PullState.RUNNING or pull.run_id is None:
            return False
        run = self._instance.get_run_by_id(pull.run_id)
        return run is None or run.status is dg.DagsterRunStatus.FAILURE

    def _note_due(self, states: Mapping[tuple[str, str], ResourceState]) -> None:
        times = {name: next_pull_at(state, self._now, attempts=self._attempts) for name, state in states.items()}
        note_due(self._connection, {name: at for name, at in times.items() if at is not None})

    def _due(self, states: Mapping[tuple[str, str], ResourceState]) -> dict[str, _Wanted]:
        wanted: dict[str, _Wanted] = {}
        for (source, resource), state in states.items():
            since = due_since(state, self._now, attempts=self._attempts)
            if since is not None:
                wanted.setdefault(source, _Wanted({}, [])).resources[resource] = since.isoformat()
        return wanted

    def _take(self, request: RequestedPull, wanted: dict[str, _Wanted]) -> None:
        """Adds what a request asks for, or ends it: a run serves it, or it cannot be served."""
        run = self._run_of(request)
        if run is not None:
            end_request(self._connection, request.request_id, outcome=f"The run {run.run_id} pulls {_what(request)}.")
            return
        names = self._names(request)
        if not names:
            end_request(self._connection, request.request_id, error=self._refusal(request))
            return
        of_source = wanted.setdefault(request.source, _Wanted({}, []))
        of_source.requests.append(request.request_id)
        of_source.resources |= dict.fromkeys(names, f"request {request.request_id}")

    def _run_of(self, request: RequestedPull) -> dg.DagsterRun | None:
        runs = self._instance.get_runs(dg.RunsFilter(tags={_request_tag(request.request_id): "true"}), limit=1)
        return runs[0] if runs else None

    def _names(self, request: RequestedPull) -> list[str]:
        source = self._sources.get(request.source)
        names = [] if source is None else [each.name for each in source.resources]
        return names if request.resource is None else [name for name in names if name == request.resource]

    def _refusal(self, request: RequestedPull) -> str:
        if request.source not in self._sources:
            return f"There is no definition of the source {request.source} in force any more."
        return f"The source {request.source} has no resource {request.resource} any more."

    def _is_being_pulled(self, source: str) -> bool:
        """Whether a run of the source is queued or started: what is due then is looked at again when it has ended."""
        unfinished = dg.RunsFilter(job_name=pull_job_name(source), statuses=UNFINISHED)
        return bool(self._instance.get_runs(unfinished, limit=1))


def _what(request: RequestedPull) -> str:
    return request.source if request.resource is None else f"{request.source}, {request.resource}"


def _request_tag(request_id: int) -> str:
    return f"{_REQUEST_TAG}{request_id}"


def _run_request(source: RestSource, wanted: _Wanted) -> dg.RunRequest:
    """A run of what is wanted. Its key keeps a run that died before its pull began from being requested for ever."""
    names = [name for name in source.names if name in wanted.resources]
    reasons = "\n".join(f"{name} {wanted.resources[name]}" for name in names)
    return dg.RunRequest(
        job_name=pull_job_name(source.name),
        run_key=sha256(f"{source.name}\n{reasons}".encode()).hexdigest(),
        asset_selection=[pulled_key(source.name, name) for name in names],
        tags={_request_tag(request_id): "true" for request_id in wanted.requests},
    )
