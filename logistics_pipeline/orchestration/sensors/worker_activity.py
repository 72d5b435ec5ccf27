"""The sensor that shows in Dagster what the worker does beside it, and whether it does: observations and a check.

The worker evaluates alerts and sends messages without Dagster. Here it is seen when something of that has changed, not
once per message: one observation per look at most. The check is repeated when its result changes, or after an hour.
"""

import json
import time
from collections.abc import Mapping
from typing import Any

import dagster as dg

from logistics_pipeline.orchestration.assets.worker import (
    ALERTS,
    HEARTBEAT,
    MESSAGES,
    Activity,
    activity_of,
    finding_of,
)
from logistics_pipeline.orchestration.resources import DatabaseResource

REPEAT_SECONDS = 3_600


def build_worker_sensor(interval_seconds: int) -> dg.SensorDefinition:
    """Makes the sensor."""

    @dg.sensor(
        name="worker_activity",
        minimum_interval_seconds=max(interval_seconds, 15),
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Shows what the worker does, whenever that has changed, and whether one runs.",
    )
    def worker_activity(
        context: dg.SensorEvaluationContext, database: dg.ResourceParam[DatabaseResource]
    ) -> dg.SensorResult | dg.SkipReason:
        activity, before = activity_of(database), json.loads(context.cursor or "{}")
        events, now = _news(activity, before, time.time())
        if not events:
            return dg.SkipReason("the worker has done nothing new")
        return dg.SensorResult(cursor=json.dumps(now), asset_events=events)

    return worker_activity


def _news(
    activity: Activity, before: Mapping[str, Any], now: float
) -> tuple[list[dg.AssetObservation | dg.AssetMaterialization | dg.AssetCheckEvaluation], dict[str, Any]]:
    """What is told, and what is known afterwards: the cursor."""
    alerts = [activity[name] for name in ("rules", "not_evaluated", "open", "newest_incident")]
    finding = finding_of(activity)
    known = {**before}
    events: list[dg.AssetObservation | dg.AssetMaterialization | dg.AssetCheckEvaluation] = []
    if alerts != before.get("alerts") and activity["rules"]:
        events.append(_alerts_observation(activity))
        known["alerts"] = alerts
    if activity["messages"] != before.get("messages", {}):
        events.append(_messages_observation(activity["messages"]))
        known["messages"] = activity["messages"]
    is_old = now - before.get("checked_at", 0) >= REPEAT_SECONDS
    if finding["passed"] != before.get("passed") or is_old:
        events.append(dg.AssetCheckEvaluation(asset_key=ALERTS.key, check_name=HEARTBEAT.name, **finding))
        known |= {"passed": finding["passed"], "checked_at": now}
    return events, known


def _alerts_observation(activity: Activity) -> dg.AssetObservation:
    incidents = sum(activity["open"].values())
    number = f"{incidents:,} {'incident is' if incidents == 1 else 'incidents are'} open"
    return dg.AssetObservation(
        ALERTS.key,
        description=f"{activity['rules']:,} rules were evaluated for {activity['subjects']:,} subjects; {number}.",
        metadata={
            "rules": activity["rules"],
            "subjects": int(activity["subjects"]),
            "open incidents": incidents,
            **{f"open, {severity}": number for severity, number in activity["open"].items()},
            **{f"not evaluated: {rule}": error for rule, error in activity["not_evaluated"].items()},
        },
    )


def _messages_observation(messages: Mapping[str, int]) -> dg.AssetObservation:
    done = messages.get("sent", 0) + messages.get("delivered", 0)
    return dg.AssetObservation(
        MESSAGES.key,
        description=f"Of the {sum(messages.values()):,} messages of the last day, {done:,} were sent.",
        metadata=dict(messages),
    )
