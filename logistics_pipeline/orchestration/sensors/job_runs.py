"""What sensors ask Dagster about the runs of a job."""

import time

import dagster as dg

UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def has_unfinished_run(instance: dg.DagsterInstance, job_name: str) -> bool:
    """Whether a run of the job waits or is under way."""
    return bool(instance.get_runs(dg.RunsFilter(job_name=job_name, statuses=UNFINISHED), limit=1))


def last_run_if_failed(instance: dg.DagsterInstance, job_name: str) -> dg.RunRecord | None:
    """The newest run of the job, if it has failed."""
    records = instance.get_run_records(dg.RunsFilter(job_name=job_name), limit=1)
    if not records or records[0].dagster_run.status is not dg.DagsterRunStatus.FAILURE:
        return None
    return records[0]


def seconds_since(record: dg.RunRecord) -> float:
    """Since the run ended."""
    return time.time() - (record.end_time or 0)


def failed_lately(instance: dg.DagsterInstance, job_name: str, pause_seconds: float) -> bool:
    """Whether the newest run of the job has failed less than `pause_seconds` ago."""
    failed = last_run_if_failed(instance, job_name)
    return failed is not None and seconds_since(failed) < pause_seconds
