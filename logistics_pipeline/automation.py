"""When the analytics are refreshed: as soon as loads have settled, and every five minutes while they go on and on."""

from typing import Any

import dagster as dg

_condition: Any = dg.AutomationCondition  # its self types do not fit together under mypy

LOADS_SETTLED: dg.AutomationCondition[dg.AssetKey] = (
    _condition.any_deps_updated().since_last_handled()
    & ~_condition.in_progress()
    & (~_condition.any_deps_in_progress() | _condition.cron_tick_passed("*/5 * * * *").since_last_handled())
).with_label("loads have settled, or five minutes have passed")
"""Many loads make one refresh. Not `eager()`, which waits for ever while a single file is failed or missing."""


def build_refresh_sensor(interval_seconds: int) -> dg.AutomationConditionSensorDefinition:
    """The sensor that evaluates the condition for everything that has one."""
    return dg.AutomationConditionSensorDefinition(
        "refresh_analytics_when_loaded",
        target=dg.AssetSelection.groups("analytics"),
        minimum_interval_seconds=interval_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Refreshes the analytics once loads have settled; many loads make one refresh.",
    )
