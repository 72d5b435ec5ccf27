"""Tells whether Dagster looks at the raw folder: its sensor daemon gives signs of life, and the sensor is turned on.

Run as a program (`python -m logistics_pipeline.dagster_watching`) by commands that depend on it, so that those need not
import Dagster themselves: prints one sentence where it does not look, nothing where it does.
"""

import time

import dagster as dg

from logistics_pipeline.sensors import SENSOR_NAME

DAEMON = "SENSOR"
"""Dagster's name of the daemon that evaluates sensors."""

SILENCE_SECONDS = 90
"""It gives a sign of life every 30 seconds."""


def reason_not_to_look(instance: dg.DagsterInstance) -> str | None:
    """Why the file sensor is not evaluated now; None where it is, as far as Dagster's storage tells."""
    heartbeat = instance.get_daemon_heartbeats().get(DAEMON)
    if heartbeat is None or time.time() - heartbeat.timestamp > SILENCE_SECONDS:
        return "Dagster's daemon does not run (start it with `logistics up`)"
    states = [each for each in instance.all_instigator_state() if each.instigator_name == SENSOR_NAME]
    if any(each.status.value == "STOPPED" for each in states):
        return f"the sensor {SENSOR_NAME} is turned off in the Dagster UI"
    return None


if __name__ == "__main__":
    with dg.DagsterInstance.get() as found:
        print(reason_not_to_look(found) or "", end="")  # noqa: T201
