"""Reads request bodies, with a limit on their size: the framework would accept any length."""

import json
import math
from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from logistics_api.errors import LONGEST_FOUND, ParameterError, Problem, refused_parameters

Model = TypeVar("Model", bound=BaseModel)

JSON_BYTES = 1 << 20
MOST_DIGITS = 1_000
"""Of a whole number: no value that is kept has more."""


async def read_body(request: Request, most_bytes: int) -> bytes:
    """The whole body.

    Raises:
        Problem: 413, it is too large.
    """
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > most_bytes:
            raise Problem(
                413,
                "content-too-large",
                "Content too large",
                f"The body of this request must not exceed {most_bytes:,} bytes.",
            )
    return bytes(body)


async def read_text(request: Request, most_bytes: int) -> str:
    """The body as text.

    Raises:
        Problem: 413, it is too large; 422, it is not UTF-8.
    """
    try:
        return (await read_body(request, most_bytes)).decode()
    except UnicodeDecodeError as error:
        raise invalid_body(f"The body is not UTF-8: byte {error.start:,} cannot be decoded.") from error


async def read_json(request: Request, model: type[Model]) -> Model:
    """The body as one JSON document of a model.

    Raises:
        Problem: 413, it is too large; 422, it is not JSON, or not of that form.
    """
    text = await read_text(request, JSON_BYTES)
    try:
        document = json.loads(
            text,
            parse_constant=_refuse_constant,
            parse_float=_float,
            parse_int=_integer,
            object_pairs_hook=_object,
        )
        json.dumps(document, ensure_ascii=False).encode()
        return model.model_validate(document)
    except ValidationError as error:
        raise refused_parameters([_error(found) for found in error.errors(include_url=False)]) from error
    except UnicodeEncodeError as error:
        raise invalid_body("The body has a text with half of a surrogate pair, which is no character.") from error
    except RecursionError as error:
        raise invalid_body(
            "The body is nested too deeply: arrays and objects in more than some hundred others."
        ) from error
    except ValueError as error:
        raise invalid_body(f"The body is not JSON: {error}.") from error


def invalid_body(detail: str) -> Problem:
    """The body is not what the operation takes."""
    return Problem(422, "invalid-body", "Invalid body", detail)


def _refuse_constant(text: str) -> None:
    raise ValueError(f"{text} is no JSON")


def _float(text: str) -> float:
    """A number; one that no float holds would become infinite, which is no JSON any more."""
    found = float(text)
    if not math.isfinite(found):
        raise ValueError(f"the number {text[:20]} is beyond those that can be used, up to 1.8e308")
    return found


def _integer(text: str) -> int:
    if len(text) > MOST_DIGITS:
        raise ValueError(f"a whole number has {len(text):,} digits, and at most {MOST_DIGITS:,} are read")
    return int(text)


def _object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(members)
    if len(found) < len(members):
        names = [name for name, _ in members]
        raise ValueError(f"an object has the member {next(n for n in names if names.count(n) > 1)[:100]!r} twice")
    return found


def _error(found: object) -> ParameterError:
    assert isinstance(found, dict)
    place = ".".join(str(part) for part in found["loc"])[:LONGEST_FOUND]
    is_missing = found["type"] == "missing"
    return ParameterError(
        parameter=place or "body",
        location="body",
        expected="a value; this member is required"
        if is_missing
        else str(found["msg"]).removeprefix("Input should be "),
        found=None if is_missing else str(found["input"])[:LONGEST_FOUND],
    )
