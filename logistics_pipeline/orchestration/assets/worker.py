"""What the worker does beside Dagster, as assets that are observed, and the check that one runs."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from logistics_core.sql_files import read_sql
from logistics_pipeline.orchestration.resources import DatabaseResource

_GROUP = "worker"
LATEST_HEARTBEAT_SECONDS = 60.0
"""A worker says every 15 seconds that it is there."""
ALERTS = dg.AssetSpec(
    ["worker", "alerts_evaluated"],
    group_name=_GROUP,
    kinds={"postgres"},
    owners=["team:logistics"],
    description="Rules of alerts, evaluated by the worker (`logistics work`) beside Dagster. Each observation says how "
    "many were, and what is open.",
    metadata={"dagster/table_name": "alert.incidents"},
)
MESSAGES = dg.AssetSpec(
    ["worker", "messages_delivered"],
    group_name=_GROUP,
    kinds={"postgres"},
    owners=["team:logistics"],
    deps=[ALERTS],
    description="Messages of the last day, sent by the worker (`logistics work`) beside Dagster. Each observation says "
    "what became of them.",
    metadata={"dagster/table_name": "notify.messages"},
)
HEARTBEAT = dg.AssetCheckSpec(
    "heartbeat",
    asset=ALERTS.key,
    description=f"A worker has evaluated alerts within the last {LATEST_HEARTBEAT_SECONDS:.0f} seconds.",
)

Activity = Mapping[str, Any]
"""What `sql/describing/worker_activity.sql` says."""


@dg.multi_asset_check(name="check_worker", specs=[HEARTBEAT])
def check_worker(database: dg.ResourceParam[DatabaseResource]) -> dg.AssetCheckResult:
    """The check as people run it; the sensor repeats it without a run."""
    return dg.AssetCheckResult(**finding_of(activity_of(database)))


def activity_of(database: DatabaseResource) -> Activity:
    """What the worker has done, and when it was last there."""
    with database.connect() as connection:
        row = connection.execute(read_sql("describing/worker_activity").encode()).fetchone()
    assert row is not None
    found: Activity = row[0]
    return found


def finding_of(activity: Activity) -> dict[str, Any]:
    """The result of the check, as arguments of an evaluation."""
    seconds, problem = activity["seconds_since_heartbeat"], activity["problem"]
    passed = seconds is not None and seconds < LATEST_HEARTBEAT_SECONDS
    if passed:
        words = f"A worker evaluates alerts, with a problem: {problem}" if problem else "A worker evaluates alerts."
    else:
        since = "has ever run" if seconds is None else f"has evaluated alerts for {seconds:,.0f} seconds"
        words = f"No worker {since}: nobody is told when something is wrong. Start one: logistics work"
    return {
        "passed": passed,
        "severity": dg.AssetCheckSeverity.WARN,
        "description": words,
        "metadata": {} if seconds is None else {"seconds_since_heartbeat": round(seconds, 1)},
    }
