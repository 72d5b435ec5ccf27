"""The measures as the API describes them."""

from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field

from logistics_api.measures.definitions import MEASURES, Better, Measure


class MeasureDescription(BaseModel):
    """One measure."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(description="Its name; `x-measure` of the fields that show it", examples=["revenue_per_km"])
    label: str = Field(description="What it is called", examples=["Revenue per km"])
    unit: str = Field(
        description="The unit, as a UCUM symbol; `currency` is that of the feed; empty for counts and scores",
        examples=["currency/km"],
    )
    display_unit: str | None = Field(
        description="The unit as it is shown with a number; null if there is none to show", examples=["EUR/km"]
    )
    definition: str = Field(description="What it is, in one sentence", examples=["revenue / mileage"])
    better: Better = Field(
        description="The direction that is good: `up`, `down`, or `neither` where it depends", examples=["up"]
    )


class Measures(BaseModel):
    """All measures."""

    model_config = ConfigDict(extra="forbid")

    currency: str | None = Field(
        description="Label of the currency, the setting LOGISTICS_CURRENCY; null if none is set", examples=["EUR"]
    )
    on_time_hours: float | None = Field(
        description="Target of `on_target_rate` where a request names none, the setting LOGISTICS_ON_TIME_HOURS; null "
        "if none is set",
        examples=[48.0],
    )
    measures: list[MeasureDescription] = Field(description="In the order in which they are listed")


def describe_measures(currency: str | None, on_time_hours: Decimal | None) -> Measures:
    """Describes all measures with a label of the currency and a target, if there are any."""
    return Measures(
        currency=currency,
        on_time_hours=None if on_time_hours is None else float(on_time_hours),
        measures=[_describe(name, measure, currency) for name, measure in MEASURES.items()],
    )


def _describe(name: str, measure: Measure, currency: str | None) -> MeasureDescription:
    return MeasureDescription(
        name=name,
        label=measure.label,
        unit=measure.unit,
        display_unit=measure.display_unit(currency),
        definition=measure.definition,
        better=measure.better,
    )
