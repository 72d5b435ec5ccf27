"""/api/identities: external ids, links, proposals, and things as all sources together know them."""

import json
from typing import Annotated, Any

from fastapi import Path, Query, Request, Response
from psycopg import sql
from pydantic import BaseModel, ConfigDict, Field

from logistics_api.contracts.bodies import read_json
from logistics_api.database.pool import Database, Reader
from logistics_api.errors import Problem, refused_parameter
from logistics_api.http.changes import CHANGES, json_body, requester, uncached
from logistics_api.http.listings import respond_with_page
from logistics_api.http.responses import FIGURE_PROBLEMS, Responses, problem_response
from logistics_api.http.routing import Router
from logistics_api.identities import queries
from logistics_api.identities.schemas import (
    Decision,
    Identities,
    LinkMade,
    Links,
    NewLink,
    Proposal,
    Proposals,
    Things,
    ThingWithIds,
    UnlinkedIds,
)
from logistics_api.parameters import cursors
from logistics_api.parameters.date_range import NoParameters
from logistics_api.parameters.times import Moment
from logistics_api.parameters.types import DIGITS, DatasetName, Integer, Paging, Text
from logistics_core.catalogue import Catalogue, Dataset
from logistics_core.database_contract.identities import ProposalState
from logistics_core.identities.links import ENTITIES
from logistics_core.identities.names import check_link, check_system, entities_of, known_entity
from logistics_core.identities.unified import Said, keys_of_things, said_about, sources_of, unified
from logistics_core.identities.unlinked import all_unlinked_ids, external_ids_in

MOST_IDS_OF_A_THING = 1_000

router = Router(tags=["identities"])

EntityName = Annotated[DatasetName, Path(description="An entity in /api/identities", examples=["vehicles"])]
ProposalId = Annotated[
    int, Field(ge=1, le=9_223_372_036_854_775_807, description="ID of a proposal", examples=[1]), DIGITS, Path()
]

CURSOR_PROBLEM: Responses = {
    404: problem_response("The cursor is invalid or belongs to a request with other parameters")
}
UNKNOWN_ENTITY: Responses = {404: problem_response("The entity does not exist, or the cursor is invalid")}
DECISIONS: Responses = CHANGES | {
    404: problem_response("The proposal does not exist"),
    409: problem_response("The proposal was decided already, or is suggested no more"),
}


class UnlinkedParameters(BaseModel):
    """Which unlinked ids. Unknown parameters are refused."""

    model_config = ConfigDict(extra="forbid")

    entity: DatasetName | None = Field(None, description="Ids of this entity", examples=["vehicles"])
    system: DatasetName | None = Field(None, description="Ids of this system", examples=["fuelco"])
    limit: Integer = Field(100, ge=1, le=1000, description="Maximum number of entries")


class LinkParameters(Paging):
    """Filters of links."""

    entity: DatasetName | None = Field(None, description="Links of this entity", examples=["vehicles"])
    system: DatasetName | None = Field(None, description="Links of this system", examples=["fuelco"])
    external_id: Text | None = Field(None, description="Links of this id", examples=["W-1234"])
    key: Text | None = Field(None, description="Links with this master key", examples=["TRUCK-07"])
    as_of: Moment | None = Field(
        None,
        description="Only the links that decided at this moment, by what is known now: one per id",
        examples=["2024-06-01T12:00:00Z"],
    )


class ProposalParameters(Paging):
    """Filters of proposals."""

    entity: DatasetName | None = Field(None, description="Proposals of this entity", examples=["vehicles"])
    system: DatasetName | None = Field(None, description="Proposals of this system", examples=["fuelco"])
    external_id: Text | None = Field(None, description="Proposals of this id", examples=["W-1234"])
    key: Text | None = Field(None, description="Proposals with this master key", examples=["TRUCK-07"])
    state: ProposalState = Field(ProposalState.OPEN, description="Proposals in this state")


def _catalogue(request: Request) -> Catalogue:
    found: Catalogue = request.app.state.catalogue
    return found


# -- what there is -----------------------------------------------------------------------------------------------------


@router.get("/api/identities", response_model=Identities, responses=FIGURE_PROBLEMS, summary="External ids")
async def list_identities(_: NoParameters, request: Request, database: Reader) -> Response:
    """Returns the entities that have external ids, with the fields that hold them, and what waits for people."""
    catalogue = _catalogue(request)
    found = []
    for entity in entities_of(catalogue):
        counts = await database.fetch_value(ENTITIES, {"entity": entity.name})
        linked, proposed = counts.pop("linked"), counts.pop("proposed")
        fields = [
            {
                "system": external.system,
                "dataset": dataset.name,
                "field": external.field,
                "name": external.name,
                "linked": linked.get(external.system, 0),
                "open_proposals": proposed.get(external.system, 0),
            }
            for dataset, external in external_ids_in(catalogue, entity.name)
        ]
        found.append({"entity": entity.name, "title": entity.title, "key": entity.key[0], "fields": fields} | counts)
    return uncached({"entities": found})


@router.get(
    "/api/identities/unlinked", response_model=UnlinkedIds, responses=FIGURE_PROBLEMS, summary="Ids without a link"
)
async def list_unlinked(query: Annotated[UnlinkedParameters, Query()], request: Request, database: Reader) -> Response:
    """Returns the external ids that are linked with nothing and so stand for themselves, most records first."""
    catalogue = _catalogue(request)
    _check_names(catalogue, query.entity, query.system)
    statement = sql.SQL(
        "SELECT coalesce(json_agg(row_to_json(found)) FILTER (WHERE position <= %(limit)s), '[]'), count(*) FROM ("
        "SELECT unlinked.*, row_number() OVER () AS position FROM ({}) AS unlinked) AS numbered "
        "CROSS JOIN LATERAL (SELECT entity, system, external_id, dataset, field, records, first_day, last_day) AS found"
    ).format(all_unlinked_ids(catalogue, query.entity, query.system))
    items, total = await database.fetch_row(_text(statement), {"limit": query.limit})
    return uncached({"total": total, "items": items})


@router.get("/api/identities/links", response_model=Links, responses=FIGURE_PROBLEMS | CURSOR_PROBLEM, summary="Links")
async def list_links(query: Annotated[LinkParameters, Query()], request: Request, database: Reader) -> Response:
    """Returns links, the newest first: who said when, and why, that an id is a thing; or what decided at a moment."""
    _check_names(_catalogue(request), query.entity, query.system)
    filters = query.filters()
    return await respond_with_page(request, database, query, filters, queries.links)


@router.post(
    "/api/identities/links",
    status_code=201,
    response_model=LinkMade,
    responses=CHANGES,
    openapi_extra=json_body(NewLink.model_json_schema(), "The link"),
    summary="Make a link",
)
async def make_link(_: NoParameters, request: Request, database: Reader) -> Response:
    """Says what an external id is from now on; figures follow with the next refresh. Nothing is overwritten."""
    link = await read_json(request, NewLink)
    try:
        check_link(_catalogue(request), link.entity, link.system, link.external_id, link.key)
    except ValueError as error:
        raise Problem(422, "invalid-body", "Invalid body", str(error)) from None
    (link_id,) = await database.write(queries.MAKE, {**link.model_dump(), "requested_by": requester(request)})
    return uncached({"link_id": link_id}, 201)


# -- proposals ---------------------------------------------------------------------------------------------------------


@router.get(
    "/api/identities/proposals",
    response_model=Proposals,
    responses=FIGURE_PROBLEMS | CURSOR_PROBLEM,
    summary="What may be the same thing",
)
async def list_identity_proposals(
    query: Annotated[ProposalParameters, Query()], request: Request, database: Reader
) -> Response:
    """Returns proposals with their evidence, the oldest first; those that wait for a person unless told otherwise."""
    _check_names(_catalogue(request), query.entity, query.system)
    return await respond_with_page(request, database, query, query.filters(), queries.proposals)


@router.post(
    "/api/identities/proposals/{proposal_id}/accept",
    response_model=Proposal,
    responses=DECISIONS,
    openapi_extra=json_body(Decision.model_json_schema(), "Why"),
    summary="Accept a proposal",
)
async def accept_identity_proposal(
    proposal_id: ProposalId, _: NoParameters, request: Request, database: Reader
) -> Response:
    """Makes the link that is proposed; figures follow with the next refresh."""
    return await _decide(proposal_id, request, database, is_accepted=True)


@router.post(
    "/api/identities/proposals/{proposal_id}/reject",
    response_model=Proposal,
    responses=DECISIONS,
    openapi_extra=json_body(Decision.model_json_schema(), "Why"),
    summary="Reject a proposal",
)
async def reject_identity_proposal(
    proposal_id: ProposalId, _: NoParameters, request: Request, database: Reader
) -> Response:
    """Rejects a proposal: the same is not proposed again."""
    return await _decide(proposal_id, request, database, is_accepted=False)


async def _decide(proposal_id: int, request: Request, database: Database, *, is_accepted: bool) -> Response:
    decision = await read_json(request, Decision)
    parameters = {
        "proposal_id": proposal_id,
        "is_accepted": is_accepted,
        "requested_by": requester(request),
        "reason": decision.reason,
    }
    (decided,) = await database.write(queries.DECIDE, parameters)
    found = await database.fetch_value(queries.ONE_PROPOSAL, {"proposal_id": proposal_id})
    if found is None:
        raise Problem(
            404,
            "unknown-proposal",
            "Unknown proposal",
            f"There is no proposal {proposal_id}. /api/identities/proposals lists those that wait.",
        )
    if decided is None:
        raise Problem(
            409,
            "proposal-decided",
            "Proposal decided",
            f"The proposal is {found['state']} already. To change what an id is, make a link.",
        )
    return uncached(found)


# -- things ------------------------------------------------------------------------------------------------------------


@router.get(
    "/api/identities/entities/{entity}",
    response_model=Things,
    responses=FIGURE_PROBLEMS | UNKNOWN_ENTITY,
    summary="Things as all sources know them",
)
async def list_things(
    entity: EntityName, query: Annotated[Paging, Query()], request: Request, database: Reader
) -> Response:
    """Returns the things of an entity by key: each attribute as the most trusted source that knows it says."""
    catalogue = _catalogue(request)
    master = _entity(catalogue, entity)
    fingerprint = cursors.fingerprint(request.url.path, "key", {})
    after = None if query.cursor is None else cursors.decode(fingerprint, query.cursor, [str])[0]
    statement = sql.SQL(
        'SELECT array_agg(key ORDER BY key) FROM (SELECT key FROM ({}) AS things WHERE key COLLATE "C" > '
        "coalesce(%(after)s, '') ORDER BY key COLLATE \"C\" LIMIT %(limit)s + 1) AS page"
    ).format(keys_of_things(master))
    found = await database.fetch_value(_text(statement), {"after": after, "limit": query.limit}) or []
    keys = sorted(found)[: query.limit]
    items = await _things(database, master, catalogue, keys)
    cursor = cursors.encode(fingerprint, [keys[-1]]) if len(found) > query.limit else None
    return uncached({"next_cursor": cursor, "items": items})


@router.get(
    "/api/identities/entities/{entity}/{key}",
    response_model=ThingWithIds,
    responses=FIGURE_PROBLEMS | {404: problem_response("The entity or the thing does not exist")},
    summary="One thing, and why its ids are one",
)
async def read_thing(
    entity: EntityName,
    key: Annotated[Text, Path(description="Its master key", examples=["TRUCK-07"])],
    _: NoParameters,
    request: Request,
    database: Reader,
) -> Response:
    """Returns what every source says about a thing, and the links that decide which ids stand for it."""
    catalogue = _catalogue(request)
    master = _entity(catalogue, entity)
    (thing,) = await _things(database, master, catalogue, [key])
    given = {"entity": entity, "key": key}
    parameters = {**given, "limit": MOST_IDS_OF_A_THING}
    text, _last, _more = await database.fetch_row(queries.links(given.keys()), parameters)
    ids = [link for link in json.loads(text) if link["decides"]]
    if not ids and not any(attribute["said"] for attribute in thing["attributes"]):
        is_known = await database.fetch_value(
            _text(
                sql.SQL("SELECT EXISTS (SELECT FROM ({}) AS things WHERE key = %(key)s)").format(keys_of_things(master))
            ),
            {"key": key},
        )
        if not is_known:
            raise Problem(
                404, "unknown-thing", "Unknown thing", f"No record of {entity} has the key {key[:100]!r}, and no link."
            )
    return uncached({"entity": entity, **thing, "ids": ids})


async def _things(database: Database, master: Dataset, catalogue: Catalogue, keys: list[str]) -> list[dict[str, Any]]:
    sources = sources_of(master, catalogue)
    if not sources:
        return unified(master, sources, keys, [])
    statement = sql.SQL("SELECT coalesce(json_agg(json_build_array({})), '[]') FROM ({}) AS said ({})").format(
        sql.SQL(", ").join(map(sql.Identifier, _SAID)),
        said_about(sources, master, sql.SQL("%(keys)s::text[]")),
        sql.SQL(", ").join(map(sql.Identifier, _SAID)),
    )
    rows = await database.fetch_value(_text(statement), {"keys": keys})
    return unified(master, sources, keys, [Said(*row) for row in rows])


_SAID = tuple(Said.__dataclass_fields__)


# -- what they share ---------------------------------------------------------------------------------------------------


def _check_names(catalogue: Catalogue, entity: str | None, system: str | None) -> None:
    """Refuses names that do not exist: nothing would be found, and nobody would know why."""
    if entity is not None:
        try:
            known_entity(catalogue, entity)
        except ValueError as error:
            raise refused_parameter("entity", str(error), entity) from None
    if system is not None:
        try:
            check_system(catalogue, entity, system)
        except ValueError as error:
            raise refused_parameter("system", str(error), system) from None


def _entity(catalogue: Catalogue, name: str) -> Dataset:
    try:
        return known_entity(catalogue, name)
    except ValueError as error:
        raise Problem(404, "unknown-entity", "Unknown entity", str(error)) from None


def _text(statement: sql.Composable) -> str:
    return statement.as_string()
