"""The sensor of sources: requests runs of what is due, of what people ask for, and of pulls that have waited.

`pull_plan` decides; this module asks Dagster and the database, and does it. Nothing waits in a process: a pull that its
source has asked to wait has ended its run, and is due again when its time has come.
"""

from collections.abc import Iterator, Mapping, Sequence
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
from logistics_pipeline.orchestration.sensors.job_runs import UNFINISHED
from logistics_pipeline.sources.definitions.definition import RestSource
from logistics_pipeline.sources.ledger.pull_requests import (
    RequestedPull,
    end_request,
    newest_pulls,
    note_due,
    pending_requests,
)
from logistics_pipeline.sources.ledger.pulls import Pull

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
        with database.kept_connection() as connection:
            evaluation = _Evaluation(context.instance, connection, database)
            requests = evaluation.run_requests()
        if not requests:
            return dg.SkipReason("no source is due")
        return dg.SensorResult(run_requests=requests)

    return source_pulls


def _limit_new_pools(instance: dg.DagsterInstance, sources: Mapping[str, RestSource]) -> set[str]:
    """One run at a time for each resource: a default does not bind the first runs of a pool."""
    limited = {pool.name for pool in instance.event_log_storage.get_pool_limits() if not pool.from_default}
    pools = {pull_pool(source.name, name) for source in sources.values() for name in source.names}
    for pool in pools - limited:
        instance.event_log_storage.set_concurrency_slots(pool, 1)
    return pools


Name = tuple[str, str]
"""Source, resource."""


class _Evaluation:
    """One evaluation of the sensor."""

    def __init__(self, instance: dg.DagsterInstance, connection: Connection, database: DatabaseResource) -> None:
        self._instance = instance
        self._connection = connection
        self._sources = database.sources
        self._attempts = database.settings.load_attempts
        self._now = datetime.now(UTC)
        self._wanted: dict[Name, str] = {}
        """Since when a resource is due, or which request asks for it."""
        self._requests: dict[Name, set[int]] = {}
        """The requests of people that each resource serves."""

    def run_requests(self) -> list[dg.RunRequest]:
        """The runs to request; ends the requests of people that runs serve, and notes when everything is due."""
        for name, state in self._states().items():
            since = due_since(state, self._now, attempts=self._attempts)
            if since is not None:
                self._wanted[name] = since.isoformat()
        for request in pending_requests(self._connection):
            self._take(request)
        return list(self._runs())[:RUNS_PER_TICK]

    def _states(self) -> dict[Name, ResourceState]:
        """Of all resources. Notes when each is due."""
        schedules = {
            (source.name, each.name): each.schedule for source in self._sources.values() for each in source.resources
        }
        newest = newest_pulls(self._connection, schedules)
        states = {
            name: ResourceState(schedule, pull, pull is not None and self._was_interrupted(pull))
            for name, schedule in schedules.items()
            for pull in [newest.get(name)]
        }
        times = {name: next_pull_at(state, self._now, attempts=self._attempts) for name, state in states.items()}
        note_due(self._connection, {name: at for name, at in times.items() if at is not None})
        return states

    def _was_interrupted(self, pull: Pull) -> bool:
        """Whether the run of a pull has died. One that a person terminated is left alone, until it is due again."""
        if pull.state is not PullState.RUNNING or pull.run_id is None:
            return False
        run = self._instance.get_run_by_id(pull.run_id)
        return run is None or run.status is dg.DagsterRunStatus.FAILURE

    def _take(self, request: RequestedPull) -> None:
        """Adds what a request asks for and no run has yet, or ends it: runs have it all, or it cannot be served."""
        names = self._names(request)
        if not names:
            end_request(self._connection, request.request_id, error=self._refusal(request))
            return
        tags = {_request_tag(request.request_id): "true"}
        runs = self._instance.get_runs(dg.RunsFilter(tags=tags))
        missing = [name for name in names if not any(pulled_key(*name) in (run.asset_selection or ()) for run in runs)]
        if not missing:
            end_request(self._connection, request.request_id, outcome=_outcome(request, runs))
        for name in missing:
            self._wanted[name] = f"request {request.request_id}"
            self._requests.setdefault(name, set()).add(request.request_id)

    def _names(self, request: RequestedPull) -> list[Name]:
        source = self._sources.get(request.source)
        names = () if source is None else source.names
        return [(request.source, name) for name in names if request.resource in (None, name)]

    def _refusal(self, request: RequestedPull) -> str:
        if request.source not in self._sources:
            return f"There is no definition of the source {request.source} in force any more."
        return f"The source {request.source} has no resource {request.resource} any more."

    def _runs(self) -> Iterator[dg.RunRequest]:
        """A run for each resource, but one for all that descend from the same one: parents come first.

        What a run has already is looked at again when that has ended.
        """
        for source in self._sources.values():
            if not any(owner == source.name for owner, _ in self._wanted):
                continue
            busy = self._being_pulled(source)
            for family in families(source):
                names = [(source.name, name) for name in family if (source.name, name) in self._wanted]
                if names and not any(name in busy for name in names):
                    yield self._run_request(source, names)

    def _being_pulled(self, source: RestSource) -> set[Name]:
        """The resources that a run has which is queued or started."""
        runs = self._instance.get_runs(dg.RunsFilter(job_name=pull_job_name(source.name), statuses=UNFINISHED))
        keys = {key for run in runs for key in run.asset_selection or ()}
        has_all = any(not run.asset_selection for run in runs)
        return {(source.name, name) for name in source.names if has_all or pulled_key(source.name, name) in keys}

    def _run_request(self, source: RestSource, names: Sequence[Name]) -> dg.RunRequest:
        """A run. Its key keeps one that died before its pull began from being requested for ever."""
        reasons = "\n".join(f"{owner} {name} {self._wanted[owner, name]}" for owner, name in names)
        requests = {request for name in names for request in self._requests.get(name, ())}
        return dg.RunRequest(
            job_name=pull_job_name(source.name),
            run_key=sha256(reasons.encode()).hexdigest(),
            asset_selection=[pulled_key(*name) for name in names],
            tags={_request_tag(request): "true" for request in sorted(requests)},
        )


def families(source: RestSource) -> list[list[str]]:
    """The resources of a source with those that descend from them, parents first."""
    parents = {each.name: each.parent.resource for each in source.resources if each.parent is not None}
    found: dict[str, list[str]] = {}
    for name in source.names:
        eldest = name
        while eldest in parents:
            eldest = parents[eldest]
        found.setdefault(eldest, []).append(name)
    return list(found.values())


def _outcome(request: RequestedPull, runs: Sequence[dg.DagsterRun]) -> str:
    what = request.source if request.resource is None else f"{request.source}, {request.resource}"
    names = ", ".join(sorted(run.run_id for run in runs))
    return f"The run {names} pulls {what}." if len(runs) == 1 else f"The runs {names} pull {what}."


def _request_tag(request_id: int) -> str:
    return f"{_REQUEST_TAG}{request_id}"
