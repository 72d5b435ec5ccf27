"""/api/notifications/endpoints/{endpoint}/templates: the versions of the templates of an endpoint, and the way back."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import Path, Request, Response
from pydantic import Field

from logistics_api.database.pool import Database, Reader
from logistics_api.errors import Problem
from logistics_api.http.changes import CHANGES, requester, uncached
from logistics_api.http.responses import FIGURE_PROBLEMS, Responses, problem_response
from logistics_api.http.routing import Router
from logistics_api.notifications import queries
from logistics_api.notifications.schemas import EndpointName
from logistics_api.parameters.date_range import NoParameters
from logistics_api.schemas import StrictModel

router = Router(tags=["notifications"])

NameInPath = Annotated[EndpointName, Path(description="Name of the endpoint", examples=["fleet-desk"])]
Version = Annotated[int, Path(ge=1, le=999_999_999, description="Number of a version", examples=[1])]
UNKNOWN: Responses = {404: problem_response("No endpoint of this name is declared, or it has no such version")}


class TemplateVersion(StrictModel):
    """The templates of an endpoint at a time."""

    version: int = Field(examples=[2])
    title_template: str | None = Field(
        description="Title in Liquid; null: the title of the event", examples=["{{ event.title }}"]
    )
    text_template: str | None = Field(description="Text in Liquid; null: the text of the event", examples=[None])
    restored_from: int | None = Field(description="The earlier version whose templates these are; null: declared")
    restored_by: str | None = Field(description="Who went back to it")
    origin: str = Field(
        description="Where it came from: the file does not say who wrote it",
        examples=["Declared in notifications.yaml", "Restored by ada from version 1"],
    )
    made_at: datetime
    is_in_force: bool = Field(description="Whether messages are made with it: the newest version is in force")
    is_declared: bool = Field(description="Whether notifications.yaml declares these templates now")
    messages: int = Field(description="How many messages were made with it")


class TemplateVersions(StrictModel):
    """The templates of an endpoint: every version."""

    endpoint: str = Field(examples=["fleet-desk"])
    versions: list[TemplateVersion] = Field(description="The newest first; empty if there never were templates")


@router.get(
    "/api/notifications/endpoints/{endpoint}/templates",
    response_model=TemplateVersions,
    responses=FIGURE_PROBLEMS | UNKNOWN,
    summary="Versions of the templates of an endpoint",
)
async def list_template_versions(endpoint: NameInPath, _: NoParameters, database: Reader) -> Response:
    """Returns every version of title and text templates, with where it came from and how many messages it made."""
    return uncached(await _versions(database, endpoint))


@router.post(
    "/api/notifications/endpoints/{endpoint}/templates/{version}/restore",
    response_model=TemplateVersions,
    responses=CHANGES | UNKNOWN,
    summary="Go back to earlier templates",
)
async def restore_templates(
    endpoint: NameInPath, version: Version, _: NoParameters, request: Request, database: Reader
) -> Response:
    """Makes a new version with the templates of an earlier one, in force until notifications.yaml changes them."""
    parameters = {"endpoint": endpoint, "version": version, "restored_by": requester(request)}
    (in_force,) = await database.write(queries.RESTORE_TEMPLATES, parameters)
    if in_force is None:
        await check_endpoint(database, endpoint)
        raise unknown_version(endpoint, version)
    return uncached(await _versions(database, endpoint))


async def _versions(database: Database, endpoint: str) -> dict[str, Any]:
    versions = await database.fetch_value(queries.TEMPLATE_VERSIONS, {"endpoint": endpoint})
    if not versions:
        await check_endpoint(database, endpoint)
    return {"endpoint": endpoint, "versions": versions}


async def check_endpoint(database: Database, endpoint: str) -> None:
    """Raises a problem unless an endpoint of this name is declared."""
    if not await database.fetch_value(queries.IS_ENDPOINT, {"endpoint": endpoint}):
        detail = f"No endpoint {endpoint} is declared. /api/notifications/endpoints lists those that are."
        raise Problem(404, "unknown-endpoint", "Unknown endpoint", detail)


def unknown_version(endpoint: str, version: int) -> Problem:
    """What is answered about a version that is not there."""
    path = f"/api/notifications/endpoints/{endpoint}/templates"
    detail = f"The templates of {endpoint} have no version {version}. {path} lists those that there are."
    return Problem(404, "unknown-version", "Unknown version", detail)
