"""Prepares Dagster's own storage before its long-lived processes start: tables, versions, limits of pools.

`logistics up` and `logistics migrate` run `python -m logistics_pipeline.orchestration.runtime.instance`, so that they
need not import Dagster themselves.
"""

import sys

import dagster as dg

from logistics_core.catalogue import load_catalogue
from logistics_core.settings import Settings
from logistics_pipeline.orchestration.pools import REFRESH_POOL, load_pool

NOTHING_RUNS = "--nothing-runs"
"""Argument of this program: the caller knows that no run can be alive."""


def prepare(instance: dg.DagsterInstance, settings: Settings) -> None:
    """Makes and upgrades the tables, and sets how many runs may be in each pool.

    The limits are set one by one: a default alone does not bind the first runs of a pool that was never used.

    Raises:
        ContractError: a contract file cannot be used.
    """
    instance.upgrade()
    for dataset in load_catalogue(settings.contracts_dir):
        instance.event_log_storage.set_concurrency_slots(load_pool(dataset), settings.parallel_loads)
    instance.event_log_storage.set_concurrency_slots(REFRESH_POOL, 1)


def fail_orphaned_runs(instance: dg.DagsterInstance) -> int:
    """Fails the runs that a power cut or a kill left behind as started; returns how many there were.

    Dagster cannot know that their processes are gone, and would show their files as materialising for good. Once they
    have failed, the sensor requests their files again, and the loads resume at their checkpoints.
    """
    alive = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
    orphans = instance.get_runs(dg.RunsFilter(statuses=alive))
    for run in orphans:
        instance.report_run_failed(run, "Its process is gone: the whole system was stopped while it ran.")
    return len(orphans)


if __name__ == "__main__":
    with dg.DagsterInstance.get() as found:
        prepare(found, Settings())
        if NOTHING_RUNS in sys.argv:
            fail_orphaned_runs(found)
