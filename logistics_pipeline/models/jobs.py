"""Jobs: predictions that were asked for through the API, each result stored exactly once.

A worker leases a job for some seconds, and longer with each part that it stores. A worker that dies stores nothing
more, and its lease ends: another one goes on after the last result. Results and the lease are checked in one
transaction, so a worker that was only slow, and lost its lease, stores nothing either.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter, process_time
from typing import Any
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from logistics_core.database_contract.models import JobState
from logistics_core.models.answers import answer, read_document
from logistics_core.models.artefacts import ArtefactError, ArtefactFormat
from logistics_core.sql_files import read_sql
from logistics_pipeline.database.connections import TRANSIENT, Connection
from logistics_pipeline.errors import PipelineError
from logistics_pipeline.models import registry
from logistics_pipeline.models.registry import RegistryError
from logistics_pipeline.models.training import highest_memory

LEASE_SECONDS = 30.0
PART_ROWS = 500
MOST_ATTEMPTS = 5
"""A job that ends its worker so often is not tried again."""

logger = logging.getLogger("logistics.models")

Answers = Callable[[Sequence[dict[str, Any]]], list[dict[str, Any]]]


@dataclass(frozen=True)
class Job:
    """A job that this worker has leased."""

    job_id: UUID
    model: str
    version: int | None
    lease: UUID
    rows: int
    rows_done: int
    attempts: int
    kind: str
    queue_seconds: float


class LeaseLost(Exception):
    """Another worker has the job, or it was cancelled."""


def serve_next(connection: Connection, *, lease_seconds: float = LEASE_SECONDS, part_rows: int = PART_ROWS) -> bool:
    """Serves the job that has waited longest, or whose worker has died; False if there is none."""
    job = _lease(connection, lease_seconds)
    if job is None:
        return False
    try:
        if job.attempts > MOST_ATTEMPTS:
            raise RegistryError(f"It has ended its worker {MOST_ATTEMPTS} times, and is not tried again.")
        _serve(connection, job, lease_seconds, part_rows)
        logger.info("Job %s of %s: %d rows.", job.job_id, job.model, job.rows)
    except LeaseLost:
        logger.info("Job %s of %s was cancelled, or another worker has it.", job.job_id, job.model)
    except TRANSIENT:
        raise
    except Exception as error:  # noqa: BLE001 - no job may stop the worker, which would serve it again for ever
        _fail(connection, job, error)
    return True


def _lease(connection: Connection, seconds: float) -> Job | None:
    with connection.cursor(row_factory=class_row(Job)) as cursor:
        return cursor.execute(read_sql("models/lease_job").encode(), {"seconds": seconds}).fetchone()


def _serve(connection: Connection, job: Job, lease_seconds: float, part_rows: int) -> None:
    started, cpu = perf_counter(), process_time()
    version, answers = _answers(connection, job)
    done = job.rows_done
    while done < job.rows:
        row = connection.execute(
            "SELECT jsonb_path_query_array(input, %s::jsonpath) FROM models.jobs WHERE job_id = %s",
            (f"$[{done} to {min(job.rows, done + part_rows) - 1}]", job.job_id),
        ).fetchone()
        if row is None:
            raise LeaseLost
        outputs = answers(row[0])
        with connection.transaction():
            done += len(outputs)
            _store(connection, job, version, outputs, done, lease_seconds)
            if done == job.rows:
                _end(connection, job, version, perf_counter() - started, process_time() - cpu)


def _answers(connection: Connection, job: Job) -> tuple[int, Answers]:
    """The version that answers, and what it says of rows.

    Raises:
        RegistryError: there is no such version, or its format cannot be used here.
        ArtefactError: its artefact was changed.
    """
    if job.version is None:
        found = registry.in_production(connection, job.model)
        if found is None:
            raise RegistryError(f"No version of {job.model} is in production any more.")
    else:
        found = registry.find_version(connection, job.model, job.version)
    content = registry.read_artefact(connection, found)
    if found.format == ArtefactFormat.JSON:
        model = read_document(job.kind, found.format, content)
        return found.version, lambda rows: [answer(model, row) for row in rows]
    raise RegistryError(f"The format {found.format} of {found.name} answers no single rows: it predicts new records.")


def _store(
    connection: Connection, job: Job, version: int, outputs: Sequence[dict[str, Any]], done: int, lease_seconds: float
) -> None:
    leased = connection.execute(
        "UPDATE models.jobs SET rows_done = %s, version = %s, "
        "lease_until = clock_timestamp() + make_interval(secs => %s) "
        "WHERE job_id = %s AND lease = %s AND state = 'running'",
        (done, version, lease_seconds, job.job_id, job.lease),
    ).rowcount
    if not leased:
        raise LeaseLost
    first = done - len(outputs)
    with connection.cursor().copy("COPY models.job_results (job_id, number, output) FROM STDIN") as copy:
        for number, output in enumerate(outputs, first):
            copy.write_row((job.job_id, number, Jsonb(output)))


def _end(connection: Connection, job: Job, version: int, seconds: float, cpu_seconds: float) -> None:
    connection.execute(
        "UPDATE models.jobs SET state = 'done', finished_at = clock_timestamp(), lease = NULL, lease_until = NULL, "
        "seconds = coalesce(seconds, 0) + %s, memory_bytes = %s WHERE job_id = %s",
        (seconds, highest_memory(), job.job_id),
    )
    connection.execute(
        "INSERT INTO models.executions (model, version, kind, rows, seconds, cpu_seconds, queue_seconds, memory_bytes) "
        "VALUES (%s, %s, 'job', %s, %s, %s, %s, %s)",
        (job.model, version, job.rows, seconds, cpu_seconds, job.queue_seconds, highest_memory()),
    )


def _fail(connection: Connection, job: Job, error: Exception) -> None:
    if isinstance(error, PipelineError | ArtefactError):
        reason = str(error)
    else:
        logger.error("Job %s of %s failed unexpectedly", job.job_id, job.model, exc_info=error)
        reason = "It failed because of an error in the program: the log of the worker has the details."
    connection.execute(
        "UPDATE models.jobs SET state = %s, finished_at = clock_timestamp(), lease = NULL, lease_until = NULL, error "
        "= %s "
        "WHERE job_id = %s AND lease = %s",
        (JobState.FAILED.value, reason[:2000], job.job_id, job.lease),
    )
