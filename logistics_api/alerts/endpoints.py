"""/api/alerts, /api/alerts/incidents and /api/alerts/silences."""

import json
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import Path, Query, Request, Response

from logistics_api.alerts import queries
from logistics_api.alerts.schemas import (
    Acknowledgement,
    Alerts,
    Assignment,
    Comment,
    IncidentDetails,
    IncidentParameters,
    Incidents,
    NewSilence,
    Silence,
    Silences,
)
from logistics_api.contracts.bodies import read_json
from logistics_api.database.pool import Database, Reader
from logistics_api.errors import Problem, refused_parameter
from logistics_api.http.changes import CHANGES, json_body, requester, schema_of, uncached
from logistics_api.http.responses import FIGURE_PROBLEMS, Responses, problem_response
from logistics_api.http.routing import Router
from logistics_api.parameters.date_range import NoParameters
from logistics_api.parameters.types import DIGITS
from logistics_api.row_access.permitted import granted_rows
from logistics_core.alert_rules.built_in import BUILT_IN

LONGEST_SILENCE = timedelta(days=366)

router = Router(tags=["alerts"])

IncidentId = Annotated[int, Path(ge=1, le=2**63 - 1, description="Number of the incident", examples=[1]), DIGITS]
SilenceId = Annotated[int, Path(ge=1, le=2**63 - 1, description="Number of the silence", examples=[1]), DIGITS]

UNKNOWN: Responses = {404: problem_response("There is no such incident")}


@router.get("/api/alerts", response_model=Alerts, responses=FIGURE_PROBLEMS, summary="All rules")
async def list_rules(_: NoParameters, database: Reader) -> Response:
    """Returns the rules with what is open of each, and when a worker has evaluated them."""
    return uncached(await database.fetch_value(queries.RULES))


@router.get("/api/alerts/incidents", response_model=Incidents, responses=FIGURE_PROBLEMS, summary="Incidents")
async def list_incidents(
    parameters: Annotated[IncidentParameters, Query()], request: Request, database: Reader
) -> Response:
    """Returns incidents, the newest first; `before` with the last number of a page gives the next one.

    Who may see some rows only gets those that are about these rows alone.
    """
    values = parameters.model_dump() | {"granted": granted_rows(request)}
    return uncached(await database.fetch_value(queries.INCIDENTS, values))


@router.get(
    "/api/alerts/incidents/{incident_id}",
    response_model=IncidentDetails,
    responses=FIGURE_PROBLEMS | UNKNOWN,
    summary="One incident",
)
async def read_incident(incident_id: IncidentId, _: NoParameters, request: Request, database: Reader) -> Response:
    """Returns an incident with its timeline."""
    return uncached(await _find(database, request, incident_id))


@router.post(
    "/api/alerts/incidents/{incident_id}/acknowledge",
    response_model=IncidentDetails,
    responses=CHANGES | UNKNOWN,
    openapi_extra=json_body(schema_of(Acknowledgement)),
    summary="Acknowledge an incident",
)
async def acknowledge_incident(
    incident_id: IncidentId, _: NoParameters, request: Request, database: Reader
) -> Response:
    """Says that you look after an incident. The first one who does counts."""
    body = await read_json(request, Acknowledgement)
    return await _act(database, request, incident_id, "acknowledge", body.text)


@router.post(
    "/api/alerts/incidents/{incident_id}/assign",
    response_model=IncidentDetails,
    responses=CHANGES | UNKNOWN,
    openapi_extra=json_body(schema_of(Assignment)),
    summary="Assign an incident",
)
async def assign_incident(incident_id: IncidentId, _: NoParameters, request: Request, database: Reader) -> Response:
    """Says who looks after an incident."""
    body = await read_json(request, Assignment)
    return await _act(database, request, incident_id, "assign", "", body.to)


@router.post(
    "/api/alerts/incidents/{incident_id}/comment",
    response_model=IncidentDetails,
    responses=CHANGES | UNKNOWN,
    openapi_extra=json_body(schema_of(Comment)),
    summary="Comment on an incident",
)
async def comment_on_incident(incident_id: IncidentId, _: NoParameters, request: Request, database: Reader) -> Response:
    """Adds words to the timeline of an incident."""
    body = await read_json(request, Comment)
    return await _act(database, request, incident_id, "comment", body.text)


@router.get("/api/alerts/silences", response_model=Silences, responses=FIGURE_PROBLEMS, summary="Silences")
async def list_silences(_: NoParameters, database: Reader) -> Response:
    """Returns the silences that are, or will be, in force."""
    return uncached({"silences": await database.fetch_value(queries.SILENCES)})


@router.post(
    "/api/alerts/silences",
    status_code=201,
    response_model=Silence,
    responses=CHANGES | {409: problem_response("A thousand silences are in force already")},
    openapi_extra=json_body(schema_of(NewSilence)),
    summary="Make a silence",
)
async def add_silence(_: NoParameters, request: Request, database: Reader) -> Response:
    """Keeps incidents from being announced for a time. They are recorded, and announced after it if still open."""
    body = await read_json(request, NewSilence)
    await check_rule(database, body.rule)
    starts_at = with_zone("starts_at", body.starts_at or datetime.now(UTC))
    ends_at = with_zone("ends_at", body.ends_at)
    if not timedelta(0) < ends_at - starts_at <= LONGEST_SILENCE or ends_at <= datetime.now(UTC):
        raise refused_parameter("ends_at", "a moment in the future, at most 366 days after the start", str(ends_at))
    parameters = {
        "rule": body.rule,
        "labels": json.dumps(body.labels),
        "starts_at": starts_at,
        "ends_at": ends_at,
        "reason": body.reason,
        "requested_by": requester(request),
    }
    (silence_id,) = await database.write(queries.ADD, parameters)
    if silence_id is None:
        detail = "A thousand silences are in force already. End one first."
        raise Problem(409, "too-many-silences", "Too many silences", detail)
    silences = await database.fetch_value(queries.SILENCES)
    return uncached(next(each for each in silences if each["silence_id"] == silence_id), 201)


@router.delete(
    "/api/alerts/silences/{silence_id}",
    status_code=204,
    response_class=Response,
    responses=CHANGES | {404: problem_response("No such silence is in force")},
    summary="End a silence",
)
async def end_silence(silence_id: SilenceId, _: NoParameters, request: Request, database: Reader) -> Response:
    """Ends a silence now. What is still open is announced within seconds."""
    (ended,) = await database.write(queries.END, {"silence_id": silence_id, "requested_by": requester(request)})
    if not ended:
        detail = f"No silence {silence_id} is in force. /api/alerts/silences lists those that are."
        raise Problem(404, "unknown-silence", "Unknown silence", detail)
    return Response(status_code=204)


async def check_rule(database: Database, name: str | None) -> None:
    """Refuses to keep a rule silent that does not exist: it would keep nothing from being announced.

    Raises:
        Problem: 422.
    """
    if name is None or name in BUILT_IN or await database.fetch_value(queries.IS_RULE, {"name": name}):
        return
    raise refused_parameter("rule", "the name of a rule, as in /api/alerts/rules, or null for all", name, "body")


def with_zone(name: str, moment: datetime) -> datetime:
    """A moment of a body.

    Raises:
        Problem: 422, it has no time zone.
    """
    if moment.tzinfo is None:
        raise refused_parameter(name, "a moment with a time zone, such as 2026-12-24T18:00:00+01:00", str(moment))
    return moment


async def _act(
    database: Database, request: Request, incident_id: int, action: str, words: str, assignee: str = ""
) -> Response:
    parameters = {
        "incident_id": incident_id,
        "action": action,
        "requested_by": requester(request),
        "words": words,
        "assignee": assignee,
    }
    (done,) = await database.write(queries.ACT, parameters)
    found = await _find(database, request, incident_id)
    if not done:
        detail = f"The timeline of incident {incident_id} is full."
        raise Problem(409, "timeline-full", "Timeline full", detail)
    return uncached(found)


async def _find(database: Database, request: Request, incident_id: int) -> dict[str, Any]:
    parameters = {"incident_id": incident_id, "granted": granted_rows(request)}
    incident: dict[str, Any] | None = await database.fetch_value(queries.ONE_INCIDENT, parameters)
    if incident is None:
        detail = f"There is no incident {incident_id}. /api/alerts/incidents lists them."
        raise Problem(404, "unknown-incident", "Unknown incident", detail)
    return incident
