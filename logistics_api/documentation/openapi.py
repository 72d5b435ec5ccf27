"""What the OpenAPI says of all operations alike: problems, headers, links, and the key that lets a client in."""

from typing import Any

from fastapi import FastAPI

from logistics_api.documentation.links import add_links
from logistics_api.errors import ProblemBody
from logistics_api.http.auth.credentials import COOKIE
from logistics_api.http.responses import problem_response
from logistics_core.catalogue import Catalogue

WAYS_TO_SEND_A_KEY: dict[str, dict[str, str]] = {
    "ApiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "Bearer": {"type": "http", "scheme": "bearer"},
    "Session": {"type": "apiKey", "in": "cookie", "name": COOKIE.decode()},
}
KEY_IS = "A key, made by `logistics keys create`. Not needed where the API lets anybody read."
OPEN_PATHS = frozenset({"/health", "/ready"})
"""For probes: nobody is asked for a key there."""

REFUSED_CLIENTS: dict[str, dict[str, Any]] = {
    "401": problem_response("A key is needed and none was given, or one that is unknown, revoked or has expired"),
    "403": problem_response("The key does not allow this"),
    "429": problem_response("Too many requests: try again after Retry-After seconds"),
}

FIGURES = frozenset({"dashboard", "figures", "shipments", "vehicles", "routes", "costs"})
"""Tags of the operations whose responses are of one data version, and cached."""

CACHED_RESPONSES: dict[str, dict[str, Any]] = {
    "304": {"description": "The response that If-None-Match names is still current"},
    "406": problem_response("Accept-Encoding refuses every coding there is"),
}


def _header(description: str, kind: str = "string") -> dict[str, Any]:
    return {"description": description, "required": True, "schema": {"type": kind}}


FIGURE_HEADERS = {
    "ETag": _header("Of the figures: the same as long as they are. For If-None-Match"),
    "Data-Version": _header(
        "Which calculation of the figures this is of; the `data_version` of /api/events", "integer"
    ),
}
HEADERS = {
    "401": {"WWW-Authenticate": _header("How to send a key")},
    "429": {"Retry-After": _header("Seconds until there is room again", "integer")},
    "503": {"Retry-After": _header("Seconds after which to try again", "integer")},
}
"""By status, of whatever operation. Every response also has X-Request-ID and Server-Timing."""


def install(app: FastAPI, catalogue: Catalogue) -> None:
    """Completes what FastAPI makes of the routes. It would declare problems as application/json."""
    framework_openapi = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            complete(framework_openapi(), catalogue)
        return framework_openapi()

    app.openapi = openapi  # type: ignore[method-assign]


def complete(document: dict[str, Any], catalogue: Catalogue) -> None:
    """Adds the schema of a problem, the key, and what refuses a client."""
    components = document.setdefault("components", {})
    schema = ProblemBody.model_json_schema(ref_template="#/components/schemas/{model}")
    components.setdefault("schemas", {}).update(schema.pop("$defs") | {"Problem": schema})
    components["securitySchemes"] = {
        name: {**scheme, "description": KEY_IS} for name, scheme in WAYS_TO_SEND_A_KEY.items()
    }
    for path, item in document["paths"].items():
        for operation in item.values():
            for parameter in operation.get("parameters", []):
                _drop_null(parameter)
            if path not in OPEN_PATHS:
                operation["security"] = [*({name: []} for name in WAYS_TO_SEND_A_KEY), {}]
                operation["responses"] = REFUSED_CLIENTS | operation["responses"]
            _complete_responses(operation)
    add_links(document, catalogue)


def _drop_null(parameter: dict[str, Any]) -> None:
    """What a model takes for "not given" cannot be sent: in a query there is no null."""
    schema = parameter["schema"]
    kinds = [kind for kind in schema.get("anyOf", []) if kind != {"type": "null"}]
    if len(kinds) == 1:
        del schema["anyOf"]
        parameter["schema"] = kinds[0] | schema


def _complete_responses(operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    if FIGURES.intersection(operation["tags"]):
        responses |= CACHED_RESPONSES
        responses["200"]["headers"] = FIGURE_HEADERS
    for status, response in responses.items():
        response |= {"headers": HEADERS[status]} if status in HEADERS else {}
    operation["responses"] = dict(sorted(responses.items()))
