"""Checks that Dagster watches the raw folder: its sensor daemon sends heartbeats, and the sensor is turned on.

Commands that depend on it run `python -m logistics_pipeline.orchestration.runtime.sensor_daemon`, so that they need not
import Dagster themselves. It prints one sentence if the folder is not watched, nothing if it is.
"""

import time

import dagster as dg

from logistics_pipeline.orchestration.sensors.raw_files import SENSOR_NAME

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
