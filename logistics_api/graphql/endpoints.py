"""GET and POST /graphql and /api/graphql.

Not part of the OpenAPI document, which describes REST: GraphQL describes itself.
"""

from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse
from graphql import OperationType
from starlette.types import ASGIApp, Receive, Scope, Send

from logistics_api.errors import Problem, log_unexpected
from logistics_api.events.endpoints import too_many_streams
from logistics_api.graphql import answers
from logistics_api.graphql.compiling import Selection
from logistics_api.graphql.documents import Operation, Refused
from logistics_api.graphql.graphiql import graphiql_page, is_for_browsers
from logistics_api.graphql.requests import EVENT_STREAM, JSON, BadRequest, GraphqlRequest, answer_type, read_request
from logistics_api.graphql.service import GraphqlService
from logistics_api.graphql.subscriptions import Subscription, stream
from logistics_api.http.auth.authorisation import while_admitted
from logistics_api.http.auth.problems import key_needed, missing_scope
from logistics_api.http.auth.scopes import CONTRACTS, GRAPHQL_PATHS
from logistics_api.row_access.permitted import permitted_rows

METHODS = ("GET", "POST")


def install(app: FastAPI) -> None:
    """Adds the route. Requests are answered before it (`GraphqlMiddleware`); it gives them their name in the log."""
    for path in sorted(GRAPHQL_PATHS):
        app.add_route(path, answer_graphql, methods=list(METHODS), include_in_schema=False)


class GraphqlMiddleware:
    """Answers requests to /graphql before routing, which would cost as much as the rest together."""

    def __init__(self, app: ASGIApp, *, owner: FastAPI) -> None:
        """`owner`: the application whose state requests find."""
        self.app, self._owner = app, owner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] not in GRAPHQL_PATHS or scope["method"] not in METHODS:
            await self.app(scope, receive, send)
            return
        scope["app"], scope["route"] = self._owner, _Route(scope["path"])
        response = await answer_graphql(Request(scope, receive))
        await response(scope, receive, send)


@dataclass(frozen=True)
class _Route:
    """What the request counts as in metrics and logs, as a route's template does."""

    path_format: str


async def answer_graphql(request: Request) -> Response:
    """Answers a document; a browser that asks for a page gets GraphiQL."""
    if is_for_browsers(request):
        return graphiql_page(request)
    media_type = JSON
    try:
        media_type = answer_type(request.headers.get("accept"))
        return await _answer(await read_request(request), request, media_type)
    except BadRequest as error:
        return answers.refuse_request(error, media_type)
    except Refused as error:
        return answers.refuse(error.errors, media_type)
    except Problem as error:
        return answers.refuse_with(error, media_type, request.state.request_id)
    except Exception as error:  # noqa: BLE001 - the answer to a bug is in GraphQL's form as well
        log_unexpected(request.scope, error)
        return answers.fail(media_type, request.state.request_id)


async def _answer(sent: GraphqlRequest, request: Request, media_type: str) -> Response:
    service: GraphqlService = request.app.state.graphql
    operation = service.documents.operation(
        sent.document(request.app.state.persisted_documents),
        sent.operation_name,
        introspection=_may_introspect(request),
        suggestions=not request.state.principal.is_anonymous,
    )
    if operation.type is OperationType.SUBSCRIPTION:
        return _subscribe(service, operation, sent, request, media_type)
    if operation.type is OperationType.MUTATION:
        _check_change(request)
    return answers.respond_with(await service.carry_out(operation, sent.variables, request), media_type)


def _may_introspect(request: Request) -> bool:
    allowed = request.app.state.settings.graphql_introspection
    return bool(allowed == "all" or (allowed == "keys" and not request.state.principal.is_anonymous))


def _check_change(request: Request) -> None:
    """A change needs a POST, which a page of another site cannot send, and the scope that REST needs.

    Raises:
        BadRequest: 405, it was sent with GET.
        Problem: 401 or 403, the sender may not make it.
    """
    if request.method != "POST":
        raise BadRequest(405, "Mutations are sent with POST.", {"Allow": "POST"})
    principal = request.state.principal
    if CONTRACTS not in principal.scopes:
        required = (CONTRACTS,)
        raise (key_needed(required) if principal.is_anonymous else missing_scope(principal, required))


def _subscribe(
    service: GraphqlService, operation: Operation, sent: GraphqlRequest, request: Request, media_type: str
) -> Response:
    if permitted_rows(request) is not None:
        service.check_narrowing("read_events")
    if media_type != EVENT_STREAM:
        raise BadRequest(406, f"Subscriptions are answered as {EVENT_STREAM}: accept that.")
    variables = operation.variables(sent.variables)
    selection = Selection(service.schema, operation.fragments, variables)
    ((key, nodes),) = _root_fields(selection, operation).items()
    events = request.app.state.events
    if events.is_full:
        raise too_many_streams()
    subscription = Subscription(key, nodes, selection)
    headers = {"X-Accel-Buffering": "no", "Cache-Control": "no-store"}
    pieces = while_admitted(request.state.principal, stream(subscription, events))
    return StreamingResponse(pieces, media_type=EVENT_STREAM, headers=headers)


def _root_fields(selection: Selection, operation: Operation) -> dict[str, Any]:
    root = selection.schema.subscription_type
    assert root is not None
    found = selection.of_operation(operation.node, root)
    if len(found) != 1 or next(iter(found.values()))[0].name.value not in root.fields:
        raise BadRequest(400, "A subscription has one field, such as changed.")
    return found
