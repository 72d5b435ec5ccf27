"""Parameters of times, durations, years and months, each in its form of ISO 8601."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, WithJsonSchema
from pydantic.functional_validators import PlainValidator
from pydantic_core import PydanticCustomError

from logistics_api.parameters.date_range import FIRST_DAY, LAST_DAY
from logistics_api.parameters.types import DIGITS
from logistics_core.durations import DURATION, interval_text

_TIME = r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6})?)?"
_STAMP = rf"(19[0-9]{{2}}|20[0-9]{{2}}|2100)-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T{_TIME}"
_ZONE = r"(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"


def _described(parse: Callable[[Any], Any], pattern: str, example: str, **more: str) -> tuple[Any, Any]:
    schema = {"type": "string", "pattern": f"^{pattern}$", "examples": [example], **more}
    return PlainValidator(parse), WithJsonSchema(schema)


def _matching(pattern: str, expected: str) -> Callable[[Any], str]:
    compiled = re.compile(pattern, re.ASCII)

    def parse(value: Any) -> str:
        if isinstance(value, str) and compiled.fullmatch(value):
            return value
        raise PydanticCustomError("time", "{expected}", {"expected": expected})

    return parse


def _stamp(pattern: str, expected: str) -> Callable[[Any], datetime]:
    match = _matching(pattern, expected)

    def parse(value: Any) -> datetime:
        try:
            stamp = datetime.fromisoformat(match(value))
        except ValueError:  # such as February 30
            raise PydanticCustomError("time", "{expected}", {"expected": expected}) from None
        if not FIRST_DAY <= stamp.date() <= LAST_DAY:
            raise PydanticCustomError("time", "{expected}", {"expected": expected})
        return stamp

    return parse


def _duration(value: Any) -> str:
    try:
        return interval_text(value)
    except (ValueError, TypeError):
        expected = "a duration such as PT25H10M or 25:10:00"
        raise PydanticCustomError("time", "{expected}", {"expected": expected}) from None


LocalTime = Annotated[
    datetime,
    *_described(_stamp(_STAMP, "a date and a time such as 2024-01-31T14:30, without a time zone"), _STAMP,
                "2024-01-31T14:30:00"),
]  # fmt: skip
Moment = Annotated[
    datetime,
    *_described(
        _stamp(_STAMP + _ZONE, "a date and a time with its zone such as 2024-01-31T14:30Z; in an address + is %2B"),
        _STAMP + _ZONE,
        "2024-01-31T14:30:00Z",
    ),
]
_TIME_OF_DAY = f"({_TIME}|24:00(:00)?)"
TimeOfDay = Annotated[
    str, *_described(_matching(_TIME_OF_DAY, "a time of day such as 14:30"), _TIME_OF_DAY, "14:30:00")
]
Duration = Annotated[str, *_described(_duration, DURATION, "PT25H10M")]
_YEAR_MONTH = r"[0-9]{4}-(0[1-9]|1[0-2])"
Month = Annotated[str, *_described(_matching(_YEAR_MONTH, "a month as YYYY-MM"), _YEAR_MONTH, "2024-01")]
Year = Annotated[int, Field(ge=1, le=9999, examples=[2024]), DIGITS]
