"""POST /api/models/{model}/jobs; GET and DELETE of a job; its results. A worker of the pipeline serves them."""

import json
import re
from typing import Annotated, Any
from uuid import UUID

from fastapi import Header, Path, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from logistics_api.contracts.bodies import read_json
from logistics_api.database.pool import Database, Reader
from logistics_api.errors import Problem, refused_parameter, too_many_pending
from logistics_api.http.changes import CHANGES, json_body, requester, schema_of, uncached
from logistics_api.http.context import context_of
from logistics_api.http.responses import FIGURE_PROBLEMS, Responses, problem_response
from logistics_api.http.routing import Router
from logistics_api.models import queries
from logistics_api.models.endpoints import ModelName, find_version
from logistics_api.models.schemas import ModelJob, ModelJobRequest, ModelJobResult
from logistics_api.parameters.date_range import NoParameters
from logistics_api.parameters.types import Integer
from logistics_core.database_contract.models import JobState

ENDED = frozenset({JobState.DONE, JobState.FAILED, JobState.CANCELLED})

_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
"""U+0000 in JSON, which a jsonb cannot hold."""

router = Router(tags=["models"])

JobId = Annotated[UUID, Path(description="ID of a job", examples=["0d2b2c5e-6f2d-4b6e-9a43-3a1f3a0f3f52"])]
IdempotencyKey = Annotated[
    str | None,
    Header(
        max_length=200,
        pattern="^[\\x21-\\x7e]+$",
        description="Sent again with the same key, a request gives the same job instead of another. With other rows "
        "it is refused",
        examples=["nightly-2026-05-01"],
    ),
]
LOCATION = {"Location": {"description": "Address of the job", "schema": {"type": "string"}}}
JOB_PROBLEMS: Responses = CHANGES | {404: problem_response("The model or the version does not exist")}
UNKNOWN_JOB: Responses = {404: problem_response("The job does not exist")}
BODY = json_body(schema_of(ModelJobRequest))


class ResultParameters(BaseModel):
    """Query parameters of results."""

    model_config = ConfigDict(extra="forbid")

    first: Integer = Field(0, ge=0, le=100_000, description="Number of the first result, from 0")
    limit: Integer = Field(1000, ge=1, le=10_000, description="Maximum number of results")


@router.post(
    "/api/models/{model}/jobs",
    status_code=202,
    response_model=ModelJob,
    responses=JOB_PROBLEMS | {202: {"description": "The job waits for a worker", "headers": LOCATION}},
    openapi_extra=BODY,
    summary="Ask for predictions of many rows",
)
async def request_model_job(
    model: ModelName, _: NoParameters, request: Request, database: Reader, idempotency_key: IdempotencyKey = None
) -> Response:
    """Asks for predictions of up to 100,000 rows in 1 MiB. A worker (`logistics work`) makes them.

    Each result is stored exactly once, whatever happens to workers. Other systems that may send a request twice name
    an `Idempotency-Key`; with other rows, the same key is refused.
    """
    document = await read_json(request, ModelJobRequest)
    await find_version(database, model, document.version)
    rows = json.dumps(document.rows)
    if _NUL.search(rows):
        raise refused_parameter("rows", "text without the character U+0000", "U+0000", "body")
    parameters = {
        "model": model,
        "version": document.version,
        "input": rows,
        "idempotency_key": idempotency_key,
        "requested_by": requester(request),
    }
    (job_id,) = await database.write(queries.MAKE_JOB, parameters)
    if job_id is None:
        raise _too_many()
    job = await _read(database, model, job_id, request, rows=rows, version=document.version)
    return JSONResponse(job, 202, {"Location": job["status_url"]})


@router.get(
    "/api/models/{model}/jobs/{job_id}",
    response_model=ModelJob,
    responses=FIGURE_PROBLEMS | UNKNOWN_JOB,
    summary="State of a job",
)
async def read_model_job(
    model: ModelName, job_id: JobId, _: NoParameters, request: Request, database: Reader
) -> Response:
    """Returns the state of a job. Until it has ended, `Retry-After` says when to ask again."""
    job = await _read(database, model, job_id, request)
    headers = {"Cache-Control": "no-store"} | ({} if job["is_final"] else {"Retry-After": "1"})
    return JSONResponse(job, headers=headers)


@router.delete(
    "/api/models/{model}/jobs/{job_id}",
    response_model=ModelJob,
    responses=JOB_PROBLEMS | UNKNOWN_JOB | {409: problem_response("The job has ended already")},
    summary="Cancel a job",
)
async def cancel_model_job(
    model: ModelName, job_id: JobId, _: NoParameters, request: Request, database: Reader
) -> Response:
    """Cancels a job that has not ended. Results that are stored already stay."""
    await _read(database, model, job_id, request)
    (is_cancelled,) = await database.write(queries.CANCEL, {"job_id": job_id})
    job = await _read(database, model, job_id, request)
    if not is_cancelled and job["state"] != JobState.CANCELLED:
        raise Problem(409, "job-ended", "Job ended", f"The job {job_id} has ended already: it is {job['state']}.")
    return uncached(job)


@router.get(
    "/api/models/{model}/jobs/{job_id}/result",
    response_model=ModelJobResult,
    responses=FIGURE_PROBLEMS | UNKNOWN_JOB | {409: problem_response("The job is not done")},
    summary="Results of a job",
)
async def read_model_job_result(
    model: ModelName, job_id: JobId, parameters: Annotated[ResultParameters, Query()], database: Reader
) -> Response:
    """Returns results in the order of the rows. Where an input was wrong, `error` says why in place of a result."""
    given = {"model": model, "job_id": job_id, "start": parameters.first, "limit": parameters.limit}
    state, rows, results = await database.fetch_row(queries.RESULTS, given)
    if state is None:
        raise _unknown_job(model, job_id)
    if state != JobState.DONE:
        detail = f"The job {job_id} is {state}. Its results are there when it is done."
        raise Problem(409, "job-not-done", "Job not done", detail)
    document = {"model": model, "rows": rows, "first": parameters.first, "results": results}
    return uncached(document)


async def _read(
    database: Database,
    model: str,
    job_id: UUID,
    request: Request,
    *,
    rows: str | None = None,
    version: int | None = None,
) -> dict[str, Any]:
    """A job, if it was asked for with these rows and this version where they are given."""
    asked = {"model": model, "job_id": job_id, "input": rows, "version": version}
    found = await database.fetch_value(queries.ONE_JOB, asked)
    if found is None:
        raise _unknown_job(model, job_id)
    if not found.pop("is_same"):
        raise _other_job(job_id)
    address = f"{context_of(request.scope).prefix}/api/models/{model}/jobs/{job_id}"
    return {
        **found,
        "is_final": found["state"] in ENDED,
        "status_url": address,
        "result_url": f"{address}/result" if found["state"] == JobState.DONE else None,
    }


def _unknown_job(model: str, job_id: UUID) -> Problem:
    detail = f"The model {model} has no job {job_id}. Use the address in `Location` of the response that made it."
    return Problem(404, "unknown-job", "Unknown job", detail)


def _other_job(job_id: UUID) -> Problem:
    return Problem(
        422,
        "idempotency-key-reused",
        "Idempotency key reused",
        f"The Idempotency-Key belongs to the job {job_id}, which was asked for with other rows or another version. "
        "Send another key; nothing was made.",
    )


def _too_many() -> Problem:
    return too_many_pending(
        "A thousand jobs wait for a worker. Does one run? `logistics up` or `logistics work` starts it. Try again "
        "when it has served them."
    )
