"""A target of one's own for delivery times, beside the contract's on-time rule."""

from decimal import Decimal
from typing import Annotated, Any

from fastapi import Depends, Request
from pydantic import BaseModel, Field, WithJsonSchema
from pydantic.functional_validators import PlainValidator
from pydantic_core import PydanticCustomError

from logistics_api.parameters.types import parse_number


def parse_hours(value: Any) -> Decimal:
    """Parses a number of hours, keeping every digit."""
    hours = parse_number(value)
    if hours < 0:
        raise PydanticCustomError("hours", "a number of hours such as 24 or 1.5, at least 0")
    return hours


Hours = Annotated[
    Decimal, PlainValidator(parse_hours), WithJsonSchema({"type": "number", "minimum": 0, "examples": [24]})
]


class OnTimeTarget(BaseModel):
    """Query parameter: the target that `on_target_rate` measures."""

    on_time_hours: Hours | None = Field(
        None,
        description="Target of your own: `on_target_rate` is the share of the shipments that took at most this many "
        "hours. If omitted, LOGISTICS_ON_TIME_HOURS applies; without either, the rate is null",
    )

    def target(self, default: Decimal | None) -> dict[str, Decimal | None]:
        """The parameter of the statement: the target of the request or, without one, the default."""
        return {"on_time_hours": default if self.on_time_hours is None else self.on_time_hours}


async def _default_hours(request: Request) -> Decimal | None:
    hours: Decimal | None = request.app.state.settings.on_time_hours
    return hours


DefaultHours = Annotated[Decimal | None, Depends(_default_hours)]
"""The target where a request names none: the setting LOGISTICS_ON_TIME_HOURS."""
