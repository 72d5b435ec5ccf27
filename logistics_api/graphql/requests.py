"""Reads GraphQL requests as the GraphQL over HTTP specification has them: GET with a query, POST with JSON."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

from fastapi import Request
from graphql import GraphQLError
from starlette.datastructures import QueryParams

from logistics_api.contracts.bodies import read_body
from logistics_api.graphql.documents import PersistedDocuments, Refused
from logistics_api.http.negotiation import weights_of

MAX_BODY = 1 << 20
MAX_JSON = 100_000
"""Characters of `variables` and `extensions` in an address."""

ADDRESSES_KEPT = 256
"""Of requests that were read already, some thousand characters each."""

JSON = "application/json"
GRAPHQL_JSON = "application/graphql-response+json"
EVENT_STREAM = "text/event-stream"
MEDIA_TYPES = (JSON, GRAPHQL_JSON, EVENT_STREAM)


class BadRequest(Exception):
    """The request is none of GraphQL."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.headers = status, headers or {}


@dataclass(frozen=True)
class GraphqlRequest:
    """What a request asks for."""

    query: str | None
    operation_name: str | None
    variables: Mapping[str, Any]
    extensions: Mapping[str, Any]
    document_id: str | None = None

    def document(self, persisted: PersistedDocuments) -> str:
        """The text of the document, sent or named by its SHA-256. What is sent with its hash is kept.

        Raises:
            BadRequest: there is neither.
            Refused: no document of that hash is known, or the hash is another one's.
        """
        digest = self._digest()
        if self.query is not None:
            if digest is not None:
                persisted.keep(self.query, digest)
            return self.query
        if digest is None:
            raise BadRequest(400, "The request has no document: send it as query, or its SHA-256 (docs/graphql.md).")
        found = persisted.find(digest)
        if found is None:
            raise Refused(GraphQLError("PersistedQueryNotFound", extensions={"code": "PERSISTED_QUERY_NOT_FOUND"}))
        return found

    def _digest(self) -> str | None:
        given = self.extensions.get("persistedQuery")
        digest = given.get("sha256Hash") if isinstance(given, dict) else None
        if self.document_id is not None:
            digest = self.document_id.removeprefix("sha256:")
        if digest is not None and not isinstance(digest, str):
            raise BadRequest(400, "The hash of a persisted document must be text: SHA-256 in hexadecimal digits.")
        return digest


async def read_request(request: Request) -> GraphqlRequest:
    """Reads a request.

    Raises:
        BadRequest: it is not what the specification says.
        Problem: 413, its body is too large.
    """
    if request.method == "POST":
        return _from_body(_media_type(request), await read_body(request, MAX_BODY))
    return _from_address(request.scope["query_string"])


@lru_cache(ADDRESSES_KEPT)
def _from_address(query_string: bytes) -> GraphqlRequest:
    """A request that is its address: the same one is sent again and again."""
    query = QueryParams(query_string)
    return GraphqlRequest(
        query=query.get("query"),
        operation_name=query.get("operationName") or None,
        variables=_object("variables", _parsed("variables", query.get("variables"))),
        extensions=_object("extensions", _parsed("extensions", query.get("extensions"))),
        document_id=query.get("documentId"),
    )


def _media_type(request: Request) -> str:
    name, _, parameters = request.headers.get("content-type", "").lower().partition(";")
    charset = parameters.partition("charset=")[2].strip().strip('"')
    if name.strip() != JSON or charset not in ("", "utf-8", "utf8"):
        raise BadRequest(415, f"The body must be {JSON} in UTF-8.", {"Accept-Post": JSON})
    return JSON


def _from_body(_: str, body: bytes) -> GraphqlRequest:
    document = _parsed("The body", body)
    if isinstance(document, list):
        raise BadRequest(400, "Several requests in one are not answered: send them one by one.")
    if not isinstance(document, dict):
        raise BadRequest(400, 'The body must be a JSON object such as {"query": "{ datasets { name } }"}.')
    return GraphqlRequest(
        query=_text("query", document.get("query")),
        operation_name=_text("operationName", document.get("operationName")) or None,
        variables=_object("variables", document.get("variables")),
        extensions=_object("extensions", document.get("extensions")),
        document_id=_text("documentId", document.get("documentId")),
    )


def _parsed(what: str, text: str | bytes | None) -> Any:
    if text is None or text == "":
        return None
    if isinstance(text, str) and len(text) > MAX_JSON:
        raise BadRequest(400, f"{what} has more than {MAX_JSON:,} characters: send the request with POST.")
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise BadRequest(400, f"{what} is not JSON: {error}.") from error


def _refuse_constant(text: str) -> None:
    raise ValueError(f"{text} is no JSON")


def _text(name: str, value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise BadRequest(400, f"{name} must be text.")


def _object(name: str, value: Any) -> Mapping[str, Any]:
    if value is None:
        return {}
    if isinstance(value, dict):
        return value
    raise BadRequest(400, f"{name} must be a JSON object.")


@lru_cache(ADDRESSES_KEPT)
def answer_type(accept: str | None) -> str:
    """The media type of the answer: of those accepted the one with the highest weight, otherwise JSON.

    Raises:
        BadRequest: none of those offered is accepted.
    """
    if accept is None or not accept.strip():
        return JSON
    weights = weights_of(accept.lower())
    found = max(MEDIA_TYPES, key=lambda offered: _weight(offered, weights))
    if _weight(found, weights) <= 0:
        raise BadRequest(406, f"None of the accepted media types is offered: {', '.join(MEDIA_TYPES)}.")
    return found


def _weight(offered: str, weights: Mapping[str, float]) -> float:
    for pattern in (offered, f"{offered.partition('/')[0]}/*", "*/*"):
        if pattern in weights:
            return weights[pattern]
    return 0.0
