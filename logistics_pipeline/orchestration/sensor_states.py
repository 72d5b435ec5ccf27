"""Whether people have turned a sensor off."""

import dagster as dg


def is_turned_off(instance: dg.DagsterInstance, sensor: str) -> bool:
    """Whether a sensor that runs by default was turned off in the Dagster UI."""
    return any(
        state.instigator_name == sensor and state.status.value == "STOPPED" for state in instance.all_instigator_state()
    )
