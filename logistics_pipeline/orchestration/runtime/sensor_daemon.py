"""Checks that Dagster watches the raw folder: its sensor daemon sends heartbeats, and the sensor is turned on.

Commands that depend on this run `python -m logistics_pipeline.orchestration.runtime.sensor_daemon`, so that they need
not import Dagster themselves. It prints one sentence if the folder is not watched, and nothing if it is.
"""

import time

import dagster as dg

from logistics_pipeline.orchestration.sensor_states import is_turned_off
from logistics_pipeline.orchestration.sensors.raw_files import SENSOR_NAME

DAEMON = "SENSOR"
"""Dagster's name of the daemon that evaluates sensors."""

HEARTBEAT_TIMEOUT_SECONDS = 90
"""The daemon sends a heartbeat every 30 seconds."""


def reason_not_watching(instance: dg.DagsterInstance) -> str | None:
    """Why Dagster does not evaluate the file sensor; None if it does, by what its storage says."""
    heartbeat = instance.get_daemon_heartbeats().get(DAEMON)
    if heartbeat is None or time.time() - heartbeat.timestamp > HEARTBEAT_TIMEOUT_SECONDS:
        return "Dagster's daemon does not run (start it with `logistics up`)"
    if is_turned_off(instance, SENSOR_NAME):
        return f"the sensor {SENSOR_NAME} is turned off in the Dagster UI"
    return None


if __name__ == "__main__":
    with dg.DagsterInstance.get() as found:
        print(reason_not_watching(found) or "", end="")  # noqa: T201
