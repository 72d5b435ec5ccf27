"""What all operations share in the OpenAPI document: problems, headers, links and API keys."""

from threading import Lock
from typing import Any

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema

from logistics_api.alerts.rule_schemas import NewRule, NewTrial, RuleChange, describe_definitions
from logistics_api.alerts.schemas import Acknowledgement, Assignment, Comment, NewSilence, NewWindow
from logistics_api.documentation.links import add_links
from logistics_api.errors import ProblemBody
from logistics_api.http.auth.credentials import COOKIE
from logistics_api.http.data_versions import HEADER, MINIMUM_HEADER
from logistics_api.http.responses import problem_response
from logistics_api.measures.definitions import with_currency
from logistics_api.models.inference import InferenceRequest
from logistics_api.models.schemas import ModelJobRequest
from logistics_api.my_notifications.schemas import Marks, NewPushSubscription, Preferences, WantedTest
from logistics_core.catalogue import Catalogue

WAYS_TO_SEND_A_KEY: dict[str, dict[str, str]] = {
    "ApiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "Bearer": {"type": "http", "scheme": "bearer"},
    "Session": {"type": "apiKey", "in": "cookie", "name": COOKIE.decode()},
}
KEY_DESCRIPTION = "An API key, created with `logistics keys create`. Not required where anonymous access is allowed."
OPEN_PATHS = frozenset({"/health", "/ready"})
"""For probes: these paths never require an API key."""

REFUSED_CLIENTS: dict[str, dict[str, Any]] = {
    "401": problem_response("The API key is missing, unknown, expired or revoked"),
    "403": problem_response("The API key does not allow this request"),
    "429": problem_response("Too many requests; try again after Retry-After seconds"),
}

FIGURES = frozenset({"dashboard", "figures", "shipments", "vehicles", "routes", "costs"})
"""Tags of the operations whose responses have a data version and are cached."""

PINNED_VERSION: dict[str, Any] = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": "The only data version to respond with: the newest, or an older one that is still in the cache",
    "schema": {"type": "integer", "minimum": 0, "maximum": 10**18 - 1, "examples": [37]},
}
LOWEST_VERSION: dict[str, Any] = {
    "name": MINIMUM_HEADER,
    "in": "header",
    "required": False,
    "description": "The lowest data version to respond with: the newest that the client has seen. A replica that is "
    "behind is waited for; 503 if it does not catch up",
    "schema": PINNED_VERSION["schema"],
}
CACHED_RESPONSES: dict[str, dict[str, Any]] = {
    "304": {"description": "Not modified: the representation in If-None-Match is still current"},
    "406": problem_response("Accept-Encoding excludes every available coding"),
    "412": problem_response("The data version in If-Data-Version is neither the newest nor in the cache"),
}


def _header(description: str, kind: str = "string") -> dict[str, Any]:
    return {"description": description, "required": True, "schema": {"type": kind}}


FIGURE_HEADERS = {
    "ETag": _header("Changes only when the figures change; for use in If-None-Match"),
    "Data-Version": _header("Data version of the figures; the `data_version` of /api/events", "integer"),
}
HEADERS = {
    "401": {"WWW-Authenticate": _header("How to send an API key")},
    "429": {"Retry-After": _header("Seconds until the next request is allowed", "integer")},
    "503": {"Retry-After": _header("Seconds after which to try again", "integer")},
}
"""By status, for all operations. Every response also has X-Request-ID and Server-Timing."""


BODIES = (
    InferenceRequest, ModelJobRequest, Acknowledgement, Assignment, Comment, NewSilence, NewWindow, NewRule, RuleChange,
    Marks, NewPushSubscription, Preferences, WantedTest,
    NewTrial,
)  # fmt: skip
"""Models of bodies that are in no response: operations read them themselves, with a limit on their size."""


def install(app: FastAPI, catalogue: Catalogue, currency: str | None = None) -> None:
    """Completes the document that FastAPI generates, which would declare problems as application/json."""
    framework_openapi = app.openapi
    lock, is_complete = Lock(), False

    def openapi() -> dict[str, Any]:
        nonlocal is_complete
        with lock:  # of two threads, none may take what the other has not completed
            document = framework_openapi()
            if not is_complete:
                complete(document, catalogue)
                _name_currency(document, currency)
                is_complete = True
            return document

    app.openapi = openapi  # type: ignore[method-assign]


def complete(document: dict[str, Any], catalogue: Catalogue) -> None:
    """Adds the problem schema, the API keys and the responses that reject a client."""
    components = document.setdefault("components", {})
    schema = ProblemBody.model_json_schema(ref_template="#/components/schemas/{model}")
    components.setdefault("schemas", {}).update(schema.pop("$defs") | {"Problem": schema})
    _, bodies = models_json_schema(
        [(each, "validation") for each in BODIES], ref_template="#/components/schemas/{model}"
    )
    components["schemas"].update(bodies["$defs"])
    describe_definitions(components["schemas"])
    components["securitySchemes"] = {
        name: {**scheme, "description": KEY_DESCRIPTION} for name, scheme in WAYS_TO_SEND_A_KEY.items()
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


def _name_currency(node: Any, currency: str | None) -> None:
    """Replaces "the currency of the feed" by the label of the currency in every description."""
    if currency is None:
        return
    for key, value in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        if key == "description" and isinstance(value, str):
            node[key] = with_currency(value, currency)
        else:
            _name_currency(value, currency)


def _drop_null(parameter: dict[str, Any]) -> None:
    """Removes null, which a model uses for "not given", but which a query string cannot express."""
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
        operation.setdefault("parameters", []).extend((PINNED_VERSION, LOWEST_VERSION))
    for status, response in responses.items():
        response |= {"headers": HEADERS[status]} if status in HEADERS else {}
    operation["responses"] = dict(sorted(responses.items()))
