"""Converts every error inside FastAPI to a problem: the framework's own, those of endpoints, and bugs."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Match, Route

from logistics_api.errors import (
    LONGEST_FOUND,
    ParameterError,
    Problem,
    internal_error,
    log_unexpected,
    refused_parameters,
)
from logistics_api.http.context import context_of


def install(app: FastAPI) -> None:
    """Registers the handlers."""
    app.add_exception_handler(Problem, _handle_problem)
    app.add_exception_handler(RequestValidationError, _handle_invalid_parameters)
    app.add_exception_handler(HTTPException, _handle_http_exception)
    app.add_exception_handler(Exception, _handle_unexpected)


async def _handle_problem(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Problem)
    return error.response(request.scope)


async def _handle_invalid_parameters(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    return refused_parameters([_parameter_error(found) for found in error.errors()]).response(request.scope)


async def _handle_unexpected(request: Request, error: Exception) -> JSONResponse:
    """Logs the error here, once: the framework re-raises it after the response."""
    log_unexpected(request.scope, error)
    return internal_error().response(request.scope)


def _parameter_error(error: Mapping[str, Any]) -> ParameterError:
    place, name, *_ = error["loc"]  # for a repeatable parameter, its position follows
    missing = error["type"] == "missing"
    return ParameterError(
        parameter=str(name),
        location=str(place),
        expected=_expectation(error),
        found=None if missing else str(error["input"])[:LONGEST_FOUND],
    )


def _expectation(error: Mapping[str, Any]) -> str:
    match error["type"]:
        case "missing":
            return "a value; this parameter is required"
        case "extra_forbidden":
            return "no such parameter; this path does not take it"
        case _:
            return str(error["msg"]).removeprefix("Input should be ")


async def _handle_http_exception(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    status, headers = HTTPStatus(error.status_code), error.headers
    match status:
        case HTTPStatus.NOT_FOUND:
            documentation = f"{context_of(request.scope).prefix}/docs"
            detail = f"No resource exists at {request.url.path}. See {documentation} for the available paths."
        case HTTPStatus.METHOD_NOT_ALLOWED:
            headers = {"Allow": _allowed_methods(request)}
            detail = f"{request.method} is not allowed at {request.url.path}. Allowed: {headers['Allow']}."
        case _:
            detail = str(error.detail)
    kind = status.phrase.lower().replace(" ", "-")
    return Problem(status, kind, status.phrase, detail, headers=headers).response(request.scope)


def _allowed_methods(request: Request) -> str:
    """The methods of all routes that match the path; the framework reports those of the first one only."""
    found: set[str] = set()
    for route in request.app.routes:
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE:
            found |= route.methods or set()
    return ", ".join(sorted(found | {"HEAD"} if "GET" in found else found))
