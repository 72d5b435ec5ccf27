"""Answers over HTTP: their media type and status, and errors in GraphQL's form.

With `application/json` a document that is not carried out is a 200, as old clients expect it; with
`application/graphql-response+json` it is a 400.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import Response
from graphql import GraphQLError

from logistics_api.errors import Problem, internal_error
from logistics_api.graphql.requests import EVENT_STREAM, GRAPHQL_JSON, BadRequest
from logistics_api.graphql.service import Outcome
from logistics_api.graphql.subscriptions import COMPLETE, next_event

_KEPT_STATUSES = frozenset({401, 403, 413, 429})
"""Problems that are the caller's, beside those of the request itself: they say what the caller may do."""


def respond(text: str, media_type: str, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A response with an answer."""
    if media_type == EVENT_STREAM:
        return Response(next_event(text) + COMPLETE, 200, {"Cache-Control": "no-store"}, EVENT_STREAM)
    return Response(text, status, dict(headers or {}), f"{media_type}; charset=utf-8")


def respond_with(outcome: Outcome, media_type: str) -> Response:
    """The answer to an operation, with the data version by which it can be kept."""
    headers = {}
    if outcome.data_version is not None:
        headers["Data-Version"] = outcome.data_version
    if outcome.data_version is None or not outcome.is_stored:
        headers["Cache-Control"] = "no-store"
    return respond(outcome.text, media_type, headers=headers)


def refuse(errors: Sequence[GraphQLError], media_type: str) -> Response:
    """The answer to a document that is not carried out."""
    text = json.dumps({"errors": [error.formatted for error in errors]}, default=str)
    return respond(text, media_type, 400 if media_type == GRAPHQL_JSON else 200)


def refuse_request(error: BadRequest, media_type: str) -> Response:
    """The answer to what is no request of GraphQL."""
    return respond(_errors(str(error), "bad-request"), media_type, error.status, error.headers)


def refuse_with(problem: Problem, media_type: str, request_id: str) -> Response:
    """The answer where a path of REST would have a problem."""
    is_kept = problem.status >= 500 or problem.status in _KEPT_STATUSES
    status = problem.status if is_kept else 400 if media_type == GRAPHQL_JSON else 200
    text = _errors(_message(problem), problem.kind, status=problem.status, request_id=request_id)
    return respond(text, media_type, status, problem.headers if is_kept else None)


def _message(problem: Problem) -> str:
    invalid = problem.members.get("errors") or ()
    found = [f"{each['parameter']}: expected {each['expected']}; found {each['found']}." for each in invalid]
    return " ".join(found) or problem.detail


def fail(media_type: str, request_id: str) -> Response:
    """The answer after an error of the program: the log says which."""
    return refuse_with(internal_error(), media_type, request_id)


def _errors(message: str, code: str, **extensions: Any) -> str:
    return json.dumps({"errors": [{"message": message, "extensions": {"code": code, **extensions}}]})
