"""/api/alerts/windows: maintenance windows, silences that come again."""

import json
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import Path, Request, Response

from logistics_api.alerts import queries
from logistics_api.alerts.endpoints import LONGEST_SILENCE, check_rule, with_zone
from logistics_api.alerts.schemas import NewWindow, Window, Windows
from logistics_api.contracts.bodies import read_json
from logistics_api.database.pool import Reader
from logistics_api.errors import Problem, refused_parameter
from logistics_api.http.changes import CHANGES, json_body, requester, schema_of, uncached
from logistics_api.http.responses import FIGURE_PROBLEMS, problem_response
from logistics_api.http.routing import Router
from logistics_api.parameters.date_range import NoParameters
from logistics_api.parameters.types import DIGITS
from logistics_core.alert_rules.reading import hours_of_document
from logistics_core.catalogue.contract_shapes import ShapeFault
from logistics_core.catalogue.contract_yaml import path_text

router = Router(tags=["alerts"])

WindowId = Annotated[int, Path(ge=1, le=2**63 - 1, description="Number of the window", examples=[1]), DIGITS]


@router.get("/api/alerts/windows", response_model=Windows, responses=FIGURE_PROBLEMS, summary="Maintenance windows")
async def list_windows(_: NoParameters, database: Reader) -> Response:
    """Returns the maintenance windows that have not ended."""
    return uncached({"windows": await database.fetch_value(queries.WINDOWS)})


@router.post(
    "/api/alerts/windows",
    status_code=201,
    response_model=Window,
    responses=CHANGES | {409: problem_response("There are a thousand maintenance windows already")},
    openapi_extra=json_body(schema_of(NewWindow)),
    summary="Make a maintenance window",
)
async def add_window(_: NoParameters, request: Request, database: Reader) -> Response:
    """Keeps incidents from being announced in hours that come again. They are announced after these if still open."""
    body = await read_json(request, NewWindow)
    await check_rule(database, body.rule)
    ends_at, now = with_zone("ends_at", body.ends_at), datetime.now(UTC)
    if not timedelta(0) < ends_at - now <= LONGEST_SILENCE:
        raise refused_parameter("ends_at", "a moment in the future, at most 366 days away", str(ends_at), "body")
    hours: dict[str, Any] = body.hours.model_dump(by_alias=True)
    try:
        hours_of_document(hours)
    except ShapeFault as error:
        raise refused_parameter(f"hours.{path_text(error.path)}", str(error), None, "body") from error
    parameters = {
        "rule": body.rule,
        "labels": json.dumps(body.labels),
        "hours": json.dumps(hours),
        "ends_at": ends_at,
        "reason": body.reason,
        "requested_by": requester(request),
    }
    (window_id,) = await database.write(queries.OPEN_A_WINDOW, parameters)
    if window_id is None:
        detail = "There are a thousand maintenance windows already. End one first."
        raise Problem(409, "too-many-windows", "Too many windows", detail)
    windows = await database.fetch_value(queries.WINDOWS)
    return uncached(next(each for each in windows if each["window_id"] == window_id), 201)


@router.delete(
    "/api/alerts/windows/{window_id}",
    status_code=204,
    response_class=Response,
    responses=CHANGES | {404: problem_response("There is no such maintenance window")},
    summary="End a maintenance window",
)
async def end_window(window_id: WindowId, _: NoParameters, request: Request, database: Reader) -> Response:
    """Ends a maintenance window now. What it holds back and is still open is announced within seconds."""
    parameters = {"window_id": window_id, "requested_by": requester(request)}
    (ended,) = await database.write(queries.CLOSE_A_WINDOW, parameters)
    if not ended:
        detail = f"There is no maintenance window {window_id}. /api/alerts/windows lists those that have not ended."
        raise Problem(404, "unknown-window", "Unknown window", detail)
    return Response(status_code=204)
