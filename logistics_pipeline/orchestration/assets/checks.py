"""The asset checks: shows in Dagster what `checks` finds. One op for the raw tables and one for the analytics.

Not one op per check: what a check asks costs a millisecond, what Dagster does around an op fifty. They are executed
with each refresh, because load runs report their files one by one, and checks beside that are skipped.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg

from logistics_pipeline.analytics.checks import ANALYTICS_CHECKS, RAW_CHECKS, Check, Finding, Severity, run_checks
from logistics_pipeline.orchestration.assets.metadata import markdown_table
from logistics_pipeline.orchestration.resources import Warehouse
from logistics_pipeline.orchestration.retries import TRANSIENT_RETRIES, only_transient_errors_retried

_SEVERITIES = {Severity.WARN: dg.AssetCheckSeverity.WARN, Severity.ERROR: dg.AssetCheckSeverity.ERROR}


class Extent(dg.Config):
    """How much the checks read."""

    everything: bool = False
    """All days and all rows, instead of a sample."""


def check_key(check: Check) -> dg.AssetCheckKey:
    """Dagster's name of a check."""
    return dg.AssetCheckKey(dg.AssetKey([check.schema, check.table]), check.name)


def check_evaluation(check: Check, finding: Finding) -> dg.AssetCheckEvaluation:
    """A finding as an event that needs no run."""
    return dg.AssetCheckEvaluation(**_shown(check, finding))


def _shown(check: Check, finding: Finding) -> dict[str, Any]:
    return {
        "asset_key": check_key(check).asset_key,
        "check_name": check.name,
        "passed": finding.passed,
        "severity": _SEVERITIES[finding.severity],
        "description": finding.sentence,
        "metadata": {name: _figure(value) for name, value in finding.figures.items()},
    }


def _figure(value: Any) -> Any:
    """A list as text or, where each entry has several parts, as a table: Dagster would show it folded up, as JSON."""
    if not isinstance(value, list):
        return value
    if value and isinstance(value[0], dict):
        return dg.MetadataValue.md(markdown_table(list(value[0]), [list(entry.values()) for entry in value]))
    return ", ".join(value)


def _build(name: str, checks: Sequence[Check]) -> dg.AssetChecksDefinition:
    @dg.multi_asset_check(
        name=name,
        specs=[
            dg.AssetCheckSpec(check.name, asset=[check.schema, check.table], description=check.description)
            for check in checks
        ],
        can_subset=True,
        op_tags={"dagster/priority": "-1"},  # the figures are waited for: first they, then the checks
        retry_policy=TRANSIENT_RETRIES,
    )
    def evaluate(
        context: dg.AssetCheckExecutionContext, config: Extent, warehouse: dg.ResourceParam[Warehouse]
    ) -> Iterator[dg.AssetCheckResult]:
        wanted = [check for check in checks if check_key(check) in context.selected_asset_check_keys]
        with only_transient_errors_retried():
            found = run_checks(warehouse.url, wanted, whole=config.everything)
        for check, finding in found:
            if not finding.passed:
                context.log.warning(f"{check.full_name}: {finding.sentence}")
            yield dg.AssetCheckResult(**_shown(check, finding))

    return evaluate


RAW_TABLE_CHECKS = _build("check_raw_tables", RAW_CHECKS)
ANALYTICS_TABLE_CHECKS = _build("check_analytics", ANALYTICS_CHECKS)
ASSET_CHECKS = [RAW_TABLE_CHECKS, ANALYTICS_TABLE_CHECKS]

CHECK_EVERYTHING = dg.RunConfig(
    ops={checks.node_def.name: Extent(everything=True) for checks in ASSET_CHECKS},
)
"""Configuration of a run that compares all days and counts all rows."""
