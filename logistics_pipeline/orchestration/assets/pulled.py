"""The resources of sources: one asset each, upstream of the raw table that its records go to.

What a pull does is in `sources.pulling`; when one is due, in `pull_plan`. A pull that fails turns its asset red and is
gone on with by the next run; one that its source asks to wait ends its run, and is taken up when the time has come.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from time import monotonic

import dagster as dg

from logistics_core.database_contract.pull_states import PullState
from logistics_core.settings import Settings
from logistics_pipeline.errors import ConfigurationError
from logistics_pipeline.orchestration.assets.api_links import pulls_link
from logistics_pipeline.orchestration.assets.pull_metadata import pull_metadata, resource_metadata
from logistics_pipeline.orchestration.pools import pull_pool
from logistics_pipeline.orchestration.pull_times import longest_pause
from logistics_pipeline.orchestration.resources import DatabaseResource
from logistics_pipeline.orchestration.retries import TRANSIENT_RETRIES, only_transient_errors_retried
from logistics_pipeline.sources.definitions.definition import Resource, RestSource, Schedule
from logistics_pipeline.sources.definitions.times import parse_start
from logistics_pipeline.sources.ledger.pulls import Pull, PullReport
from logistics_pipeline.sources.pulls.pulling import OnPage, PullBusyError, PullOptions, PullRequest, pull

GROUP = "sources"
PREFIX = "pulled"
SECONDS_BETWEEN_MESSAGES = 10.0
LEAST_WARN = timedelta(minutes=15)
"""A resource that is pulled every minute is not out of date after three."""


class PullConfig(dg.Config):
    """What a run pulls, beyond what is new."""

    since: str | None = None
    """Begin here instead of where the last pull ended: a date or a time in UTC."""
    until: str | None = None
    backfill: bool = False
    """It fills a gap: the next pull begins where it would have begun without."""


def pulled_key(source: str, resource: str) -> dg.AssetKey:
    """The asset of a resource."""
    return dg.AssetKey([PREFIX, source, resource])


def upstream_of(sources: Mapping[str, RestSource]) -> dict[str, list[dg.AssetKey]]:
    """The resources whose records each dataset takes, by dataset."""
    found: dict[str, list[dg.AssetKey]] = {}
    for source in sources.values():
        for resource in source.resources:
            if resource.dataset is not None:
                found.setdefault(resource.dataset, []).append(pulled_key(source.name, resource.name))
    return found


def build_pulled_assets(
    sources: Mapping[str, RestSource], settings: Settings, now: datetime
) -> list[dg.AssetsDefinition]:
    """Makes the assets of all resources."""
    return [_build(source, each, settings, now) for source in sources.values() for each in source.resources]


def _build(source: RestSource, resource: Resource, settings: Settings, now: datetime) -> dg.AssetsDefinition:
    @dg.asset(
        key=pulled_key(source.name, resource.name),
        deps=[] if resource.parent is None else [pulled_key(source.name, resource.parent.resource)],
        description=_describe(source, resource),
        group_name=GROUP,
        kinds={"rest"},
        owners=["team:logistics"],
        metadata=resource_metadata(source, resource) | pulls_link(settings, source.name, resource.name),
        tags={"source": source.name},
        freshness_policy=_freshness(resource.schedule, now),
        retry_policy=TRANSIENT_RETRIES,
        pool=pull_pool(source.name, resource.name),
        output_required=False,  # a pull that has to wait has made nothing
    )
    def pulled(
        context: dg.AssetExecutionContext, config: PullConfig, database: dg.ResourceParam[DatabaseResource]
    ) -> Iterator[dg.MaterializeResult[None]]:
        with only_transient_errors_retried():
            result = _pull(context, config, database, source, resource)
        if result is not None:
            yield result

    return pulled


def _describe(source: RestSource, resource: Resource) -> str:
    """What it is, for people who look at the graph."""
    where = f"`{resource.method} {source.base_url}{resource.path}`"
    title = resource.title or f"{resource.name} of {source.title or source.name}"
    goes_to = (
        f"Its records are landed for the dataset {resource.dataset}, in one file per pull."
        if resource.dataset is not None
        else "Its records are only what other resources are asked about."
    )
    when = f"Pulled {_when(resource.schedule)}." if resource.schedule else "Pulled on request: it has no schedule."
    return (
        f"{title}\n\n{where}. {goes_to} Every page is archived as received. {when} A failed pull goes on at its page."
    )


def _when(schedule: Schedule) -> str:
    return schedule.text if schedule.every is not None else f"at the times of `{schedule.text}` (UTC)"


def _freshness(schedule: Schedule | None, now: datetime) -> dg.FreshnessPolicy | None:
    """A pull that brings nothing new counts: what is watched is whether pulls succeed."""
    if schedule is None:
        return None
    pause = longest_pause(schedule, now)
    warn = max(2 * pause, LEAST_WARN)
    return dg.FreshnessPolicy.time_window(warn_window=warn, fail_window=2 * warn)


def _pull(
    context: dg.AssetExecutionContext,
    config: PullConfig,
    database: DatabaseResource,
    source: RestSource,
    resource: Resource,
) -> dg.MaterializeResult[None] | None:
    options = PullOptions.of(database.settings)
    request = _request(config, context.run.run_id)
    try:
        report = pull(database.url, source, resource.name, options, request, _progress(context))
    except PullBusyError as busy:
        _observe(context, str(busy), {})
        return None
    for warning in report.pull.warnings:
        context.log.warning(warning)
    match report.pull.state:
        case PullState.COMPLETE | PullState.UNCHANGED:
            return _result(report)
        case PullState.PAUSED:
            _observe(context, _waits(report.pull), pull_metadata(report))
            return None
        case _:
            raise _failure(report)


def _request(config: PullConfig, run_id: str) -> PullRequest:
    try:
        since, until = (None if text is None else parse_start(text) for text in (config.since, config.until))
    except ValueError as error:
        raise ConfigurationError(f"The configuration of the run: a time {error}") from error
    return PullRequest(since=since, until=until, is_backfill=config.backfill, run_id=run_id)


def _progress(context: dg.AssetExecutionContext) -> OnPage:
    """Says in the run's log how far the pull is, now and then."""
    said_at = monotonic()

    def say(pages: int, records: int) -> None:
        nonlocal said_at
        if monotonic() - said_at >= SECONDS_BETWEEN_MESSAGES:
            said_at = monotonic()
            context.log.info(f"{pages:,} pages with {records:,} records so far")

    return say


def _result(report: PullReport) -> dg.MaterializeResult[None]:
    has_content = report.pull.path is not None or report.pull.state is PullState.UNCHANGED
    content = report.pull.content_sha256 if has_content else None
    return dg.MaterializeResult(
        metadata=pull_metadata(report), data_version=None if content is None else dg.DataVersion(content)
    )


def _observe(context: dg.AssetExecutionContext, sentence: str, metadata: Mapping[str, dg.MetadataValue]) -> None:
    """Says on the page of the asset why this run has brought nothing."""
    context.log.warning(sentence)
    context.log_event(dg.AssetObservation(context.asset_key, description=sentence, metadata=dict(metadata)))


def _waits(pull: Pull) -> str:
    assert pull.paused_until is not None
    reason = pull.error or "The source asks to be asked later."
    return f"{reason} The pull goes on by itself after {pull.paused_until:%Y-%m-%d %H:%M:%S} UTC."


def _failure(report: PullReport) -> dg.Failure:
    """A failure that is not retried here: the pull itself has retried what may pass."""
    error = report.pull.error or f"The pull is {report.pull.state}."
    sentence = f"{error} {report.pull.advice}" if report.pull.advice else error
    return dg.Failure(sentence, metadata=dict(pull_metadata(report)), allow_retries=False)
