"""The asset checks of resources: show in Dagster what `sources.findings` finds. One op for all, as for the tables.

They run after the pulls that a run makes, and after each refresh.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from logging import Logger
from typing import Any

import dagster as dg

from logistics_pipeline.database.connections import transient_errors
from logistics_pipeline.orchestration.assets.pulled import PREFIX, pulled_key
from logistics_pipeline.orchestration.resources import DatabaseResource
from logistics_pipeline.orchestration.retries import TRANSIENT_RETRIES, only_transient_errors_retried
from logistics_pipeline.sources.definitions.definition import RestSource
from logistics_pipeline.sources.ledger.findings import DESCRIPTIONS, PullFinding, checks_of, examine_pulls

CHECKS_OP = "check_pulls"


def build_pull_checks(sources: Mapping[str, RestSource]) -> list[dg.AssetChecksDefinition]:
    """Makes the checks of all resources; none without sources."""
    specs = list(_specs(sources.values()))
    return [_build(specs)] if specs else []


def _specs(sources: Iterable[RestSource]) -> Iterator[dg.AssetCheckSpec]:
    for source in sources:
        for resource in source.resources:
            for check in checks_of(resource):
                asset = pulled_key(source.name, resource.name)
                yield dg.AssetCheckSpec(str(check), asset=asset, description=DESCRIPTIONS[check])


def _build(specs: list[dg.AssetCheckSpec]) -> dg.AssetChecksDefinition:
    @dg.multi_asset_check(name=CHECKS_OP, specs=specs, can_subset=True, retry_policy=TRANSIENT_RETRIES)
    def check_pulls(
        context: dg.AssetCheckExecutionContext, database: dg.ResourceParam[DatabaseResource]
    ) -> Iterator[dg.AssetCheckResult]:
        with only_transient_errors_retried():
            results = _results(database, context.selected_asset_check_keys, context.log)
        for fields in results:
            yield dg.AssetCheckResult(**fields)

    return check_pulls


def evaluate_pulls(database: DatabaseResource, log: Logger) -> Iterator[dg.AssetCheckEvaluation]:
    """The results of all checks, as events that need no step of their own."""
    keys = [spec.key for spec in _specs(database.sources.values())]
    for fields in _results(database, keys, log) if keys else ():
        yield dg.AssetCheckEvaluation(**fields)


def _results(database: DatabaseResource, keys: Collection[dg.AssetCheckKey], log: Logger) -> list[dict[str, Any]]:
    """The fields of the results of these checks; what did not pass is logged as well."""
    with transient_errors("checking pulls"), database.connect() as connection:
        findings = examine_pulls(connection, database.sources.values(), {_name(key) for key in keys})
    for finding in findings:
        if not finding.passed:
            log.warning(f"{finding.source}.{finding.resource}, {finding.check}: {finding.sentence}")
    by_name = {(each.source, each.resource, str(each.check)): each for each in findings}
    return [_event_fields(key, by_name.get(_name(key))) for key in keys]


def _name(key: dg.AssetCheckKey) -> tuple[str, str, str]:
    prefix, source, resource = key.asset_key.path
    assert prefix == PREFIX
    return source, resource, key.name


def _event_fields(key: dg.AssetCheckKey, finding: PullFinding | None) -> dict[str, Any]:
    """What was never pulled has nothing that could be wrong."""
    is_error = finding is not None and finding.is_error
    return {
        "asset_key": key.asset_key,
        "check_name": key.name,
        "passed": finding is None or finding.passed,
        "severity": dg.AssetCheckSeverity.ERROR if is_error else dg.AssetCheckSeverity.WARN,
        "description": "It was never pulled completely." if finding is None else finding.sentence,
    }
