"""The asset checks: show in Dagster what `analytics`, `forecasting` and `models` check. One op per kind of table.

There is no op per check: a check's queries take a millisecond, Dagster's work around an op takes fifty. The checks run
after each refresh, and not with each load: loads report their files one by one, and Dagster skips checks in such runs.
"""

from collections.abc import Iterator, Sequence
from logging import Logger
from typing import Any

import dagster as dg

from logistics_core.catalogue import Catalogue
from logistics_core.settings import Settings
from logistics_pipeline.analytics.checks import (
    ANALYTICS_CHECKS,
    Check,
    Finding,
    Severity,
    all_checks,
    raw_checks,
    run_checks,
)
from logistics_pipeline.forecasting.checks import forecast_checks
from logistics_pipeline.models.checks import model_checks
from logistics_pipeline.orchestration.assets.metadata import markdown_table
from logistics_pipeline.orchestration.resources import DatabaseResource
from logistics_pipeline.orchestration.retries import TRANSIENT_RETRIES, only_transient_errors_retried

RAW_CHECKS_OP = "check_raw_tables"
ANALYTICS_CHECKS_OP = "check_analytics"
FORECAST_CHECKS_OP = "check_forecasts"
MODEL_CHECKS_OP = "check_models"

_SEVERITIES = {Severity.WARN: dg.AssetCheckSeverity.WARN, Severity.ERROR: dg.AssetCheckSeverity.ERROR}


class Extent(dg.Config):
    """How much the checks read."""

    everything: bool = False
    """All days and all rows, instead of a sample."""


CHECK_EVERYTHING = dg.RunConfig(
    ops={name: Extent(everything=True) for name in (RAW_CHECKS_OP, ANALYTICS_CHECKS_OP)},
)
"""Configuration of a run that compares all days and counts all rows."""


def build_asset_checks(catalogue: Catalogue, settings: Settings) -> list[dg.AssetChecksDefinition]:
    """Makes the checks of the raw tables of the catalogue, of the analytics tables, the forecasts and the models."""
    of_ops = {
        RAW_CHECKS_OP: raw_checks(catalogue, settings.warn_threshold),
        ANALYTICS_CHECKS_OP: ANALYTICS_CHECKS,
        FORECAST_CHECKS_OP: forecast_checks(catalogue, settings),
        MODEL_CHECKS_OP: model_checks(catalogue, settings),
    }
    return [_build(name, checks) for name, checks in of_ops.items() if checks]


def check_key(check: Check) -> dg.AssetCheckKey:
    """Dagster's key for a check."""
    return dg.AssetCheckKey(dg.AssetKey([check.schema, check.table]), check.name)


def check_evaluation(check: Check, finding: Finding) -> dg.AssetCheckEvaluation:
    """A finding as an event that needs no step of its own."""
    return dg.AssetCheckEvaluation(**_event_fields(check, finding))


def _event_fields(check: Check, finding: Finding) -> dict[str, Any]:
    return {
        "asset_key": check_key(check).asset_key,
        "check_name": check.name,
        "passed": finding.passed,
        "severity": _SEVERITIES[finding.severity],
        "description": finding.sentence,
        "metadata": {name: _metadata_value(value) for name, value in finding.figures.items()},
    }


def _metadata_value(value: Any) -> Any:
    """A list as text or, if its entries have several parts, as a table: Dagster would show it folded up, as JSON."""
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
        op_tags={"dagster/priority": "-1"},  # people wait for the figures: first the refresh, then the checks
        retry_policy=TRANSIENT_RETRIES,
    )
    def evaluate(
        context: dg.AssetCheckExecutionContext, config: Extent, database: dg.ResourceParam[DatabaseResource]
    ) -> Iterator[dg.AssetCheckResult]:
        wanted = [check for check in checks if check_key(check) in context.selected_asset_check_keys]
        with only_transient_errors_retried():
            results = _results(database, wanted, context.log, whole=config.everything)
        for fields in results:
            yield dg.AssetCheckResult(**fields)

    return evaluate


def evaluate_tables(database: DatabaseResource, log: Logger) -> Iterator[dg.AssetCheckEvaluation]:
    """The results of the checks of all tables, as events that need no step of their own."""
    checks = all_checks(database.catalogue, database.settings.warn_threshold)
    for fields in _results(database, checks, log):
        yield dg.AssetCheckEvaluation(**fields)


def _results(
    database: DatabaseResource, checks: Sequence[Check], log: Logger, *, whole: bool = False
) -> list[dict[str, Any]]:
    """The fields of the results of these checks; what did not pass is logged as well."""
    results = run_checks(database.url, checks, whole=whole)
    for check, finding in results:
        if not finding.passed:
            log.warning(f"{check.full_name}: {finding.sentence}")
    return [_event_fields(check, finding) for check, finding in results]
