"""Prepares Dagster's own storage before its long-lived processes start: tables, versions, limits of pools.

Run as a program (`python -m logistics_pipeline.dagster_instance`) by `logistics up` and `logistics migrate`, so that
those need not import Dagster themselves.
"""

import dagster as dg

from logistics_pipeline.datasets import DATASETS
from logistics_settings import Settings


def prepare(instance: dg.DagsterInstance, settings: Settings) -> None:
    """Makes and upgrades the tables, and sets how many runs may be in each pool.

    The limits are set one by one: a default alone does not bind the first runs of a pool nobody has used yet.
    """
    instance.upgrade()
    for dataset in DATASETS:
        instance.event_log_storage.set_concurrency_slots(f"load_{dataset}", settings.parallel_loads)
    instance.event_log_storage.set_concurrency_slots("refresh", 1)


if __name__ == "__main__":
    with dg.DagsterInstance.get() as found:
        prepare(found, Settings())
