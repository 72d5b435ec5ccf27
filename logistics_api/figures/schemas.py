"""Query parameters and responses of the dashboard's figures."""

import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from logistics_api.parameters.date_range import DayRange


class DayFigures(BaseModel):
    """One day with at least one log. Averages and rates skip missing measures, and are null if all are missing."""

    model_config = ConfigDict(extra="forbid")

    date: datetime.date = Field(description="The `trip_date` of the logs", examples=["2024-01-31"])
    shipments: int = Field(description="Shipments carried", examples=[61])
    revenue: float = Field(description="Sum of their cost, in the currency of the feed", examples=[30512.4])
    trips: int = Field(description="Logs", examples=[40])
    active_vehicles: int = Field(description="Distinct vehicles with a log", examples=[36])
    avg_delivery_time: float | None = Field(description="Mean delivery time of the shipments, hours", examples=[26.41])
    mileage: float = Field(description="Distance driven, km", examples=[22310.5])
    fuel: float = Field(description="Fuel consumed, litres", examples=[6512.2])
    cost_per_km: float | None = Field(
        description="Revenue / km of all logs; null where no shipment has a cost", examples=[1.37]
    )
    fuel_per_100_km: float | None = Field(
        description="Litres per 100 km, over logs that have mileage and fuel", examples=[29.19]
    )


class DailyFigures(BaseModel):
    """The days of a range that have a log, oldest first."""

    model_config = ConfigDict(extra="forbid")

    data: list[DayFigures]


class SummaryParameters(DayRange):
    """A date range, and whether to compare it."""

    compare: Literal["previous", "none"] = Field(
        "previous", description="`previous`: compare with the range of equal length that ends the day before `start`"
    )

    @property
    def earliest(self) -> datetime.date:
        """The first day of the requested ranges."""
        if self.compare == "none":
            return self.start
        return self.start - (self.end - self.start) - datetime.timedelta(days=1)


class KeyFigures(BaseModel):
    """Key figures of a date range. Averages and rates are null if there is no data for them."""

    model_config = ConfigDict(extra="forbid")

    shipments: int = Field(description="Shipments whose log is in the range", examples=[1840])
    active_vehicles: int = Field(description="Distinct vehicles with at least one log in the range", examples=[42])
    revenue: float = Field(description="Sum of cost, in the currency of the feed", examples=[915230.5])
    avg_delivery_time: float | None = Field(description="Mean delivery time, hours", examples=[26.41])
    cost_per_km: float | None = Field(
        description="Revenue / km of all logs; null where no shipment has a cost", examples=[1.37]
    )
    fuel_per_100_km: float | None = Field(
        description="Litres per 100 km, over logs that have mileage and fuel", examples=[29.19]
    )
    on_time_delivery_rate: float | None = Field(
        description="% of the shipments with a delivery time whose time is at most the all-time mean of their route "
        "plus 1 hour",
        examples=[71.33],
    )


class KeyTrends(BaseModel):
    """Change of each key figure against the earlier range, %; null if that is 0 or either value is missing."""

    model_config = ConfigDict(extra="forbid")

    shipments: float | None = Field(description="Change of shipments, %", examples=[3.2])
    active_vehicles: float | None = Field(description="Change of active_vehicles, %", examples=[0.0])
    revenue: float | None = Field(description="Change of revenue, %", examples=[-1.4])
    avg_delivery_time: float | None = Field(description="Change of avg_delivery_time, %", examples=[0.8])
    cost_per_km: float | None = Field(description="Change of cost_per_km, %", examples=[-0.7])
    fuel_per_100_km: float | None = Field(description="Change of fuel_per_100_km, %", examples=[0.1])
    on_time_delivery_rate: float | None = Field(description="Change of on_time_delivery_rate, %", examples=[2.5])


class Summary(BaseModel):
    """Key figures of a date range and the previous one, and the first and last day with data."""

    model_config = ConfigDict(extra="forbid")

    start: datetime.date = Field(description="First day of the range", examples=["2024-03-01"])
    end: datetime.date = Field(description="Last day of the range", examples=["2024-03-31"])
    previous_start: datetime.date | None = Field(
        description="First day of the previous range; null without comparison", examples=["2024-01-30"]
    )
    previous_end: datetime.date | None = Field(
        description="Last day of the previous range, the day before `start`; null without comparison",
        examples=["2024-02-29"],
    )
    first_day: datetime.date | None = Field(
        description="First day that has a log; null without logs", examples=["2022-01-01"]
    )
    last_day: datetime.date | None = Field(
        description="Last day that has a log; null without logs", examples=["2024-03-31"]
    )
    current: KeyFigures
    previous: KeyFigures | None = Field(description="Key figures of the previous range; null without comparison")
    trend: KeyTrends | None = Field(description="`current` against `previous`; null without comparison")
