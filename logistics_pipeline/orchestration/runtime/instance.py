"""Prepares Dagster's own storage before its long-lived processes start: tables, versions, limits of pools.

`logistics up` and `logistics migrate` run `python -m logistics_pipeline.orchestration.runtime.instance`, so that they
need not import Dagster themselves.
"""

import sys

import dagster as dg
from sqlalchemy.exc import DBAPIError

from logistics_core.catalogue import ContractError
from logistics_core.postgres.sessions import SessionError
from logistics_core.settings import Settings
from logistics_pipeline.contracts.versions import read_catalogue
from logistics_pipeline.errors import EXPLAINED_EXIT_CODE
from logistics_pipeline.orchestration.pools import FORECAST_POOL, MODEL_POOL, REFRESH_POOL, load_pool

_INSUFFICIENT_PRIVILEGE = "42501"

NOTHING_RUNS = "--nothing-runs"
"""Argument of this program: the caller knows that no run can be alive."""


def prepare(instance: dg.DagsterInstance, settings: Settings) -> None:
    """Makes and upgrades the tables, and sets how many runs may be in each pool.

    The limits are set one by one: a default alone does not bind the first runs of a pool that was never used.

    Raises:
        ContractError: a stored contract cannot be used by this version of the program.
    """
    instance.upgrade()
    for dataset in read_catalogue(settings):
        instance.event_log_storage.set_concurrency_slots(load_pool(dataset), settings.parallel_loads)
    for pool in (REFRESH_POOL, FORECAST_POOL, MODEL_POOL):
        instance.event_log_storage.set_concurrency_slots(pool, 1)


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


def main(arguments: list[str]) -> int:
    """Prepares the instance of this process; says in a sentence on standard error what PostgreSQL refuses."""
    try:
        with dg.DagsterInstance.get() as found:
            prepare(found, Settings())
            if NOTHING_RUNS in arguments:
                fail_orphaned_runs(found)
    except ContractError as error:
        return _refused(str(error))
    except Exception as error:
        cause = _of_postgresql(error)
        if cause is None:
            raise
        return _refused(_sentence(cause))
    return 0


def _refused(sentence: str) -> int:
    print(sentence, file=sys.stderr)  # noqa: T201 (what the caller shows)
    return EXPLAINED_EXIT_CODE


def _of_postgresql(error: BaseException) -> DBAPIError | SessionError | None:
    """What PostgreSQL or its driver said, behind the errors of Dagster."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, (DBAPIError, SessionError)):
        cause = cause.__cause__ or cause.__context__
    return cause


def _sentence(error: DBAPIError | SessionError) -> str:
    original = error.orig if isinstance(error, DBAPIError) else error
    reason = str(original).strip().partition("\n")[0]
    if getattr(original, "pgcode", None) == _INSUFFICIENT_PRIVILEGE:
        return (
            f"The login may not use Dagster's tables ({reason}). Let an administrator make it the owner of Dagster's "
            "database and of the tables in it: ALTER DATABASE ... OWNER TO ...; REASSIGN OWNED BY ... TO ..."
        )
    return f"PostgreSQL says about Dagster's database: {reason}"


if __name__ == "__main__":
    sys.exit(main(sys.argv))
