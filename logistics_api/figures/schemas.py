"""Query parameters and responses of the dashboard's figures."""

import datetime
from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from logistics_api.measures.definitions import change, figure
from logistics_api.parameters.date_range import DayRange, FutureDays
from logistics_api.parameters.targets import OnTimeTarget

MOST_DAYS = 92
"""The longest range that is divided into days by default: a quarter."""
MOST_DAYS_IN_WEEKS = 731
"""The longest range that is divided into weeks by default: two years."""


class DayFigures(BaseModel):
    """One day with at least one log. Averages and rates skip missing measures, and are null if all are missing."""

    model_config = ConfigDict(extra="forbid")

    date: datetime.date = Field(description="The `trip_date` of the logs", examples=["2024-01-31"])
    shipments: int = figure("shipments", examples=[61])
    revenue: float = figure("revenue", examples=[30512.4])
    trips: int = figure("trips", examples=[40])
    active_vehicles: int = figure("active_vehicles", examples=[36])
    avg_delivery_time: float | None = figure("avg_delivery_time", examples=[26.41])
    mileage: float = figure("mileage", examples=[22310.5])
    mileage_count: int = figure("mileage_count", examples=[39])
    fuel: float = figure("fuel", examples=[6512.2])
    fuel_count: int = figure("fuel_count", examples=[38])
    cost_per_km: float | None = figure("cost_per_km", examples=[1.37])
    revenue_per_km: float | None = figure("revenue_per_km", examples=[1.12])
    cost_with_mileage: float = figure("cost_with_mileage", examples=[24110.4])
    mileage_with_cost: float = figure("mileage_with_cost", examples=[21527.1])
    fuel_per_100_km: float | None = figure("fuel_per_100_km", examples=[29.19])


class DailyFigures(BaseModel):
    """The days of a range that have a log, oldest first."""

    model_config = ConfigDict(extra="forbid")

    data: list[DayFigures]


class SeriesParameters(DayRange):
    """A date range, and the length of the periods to divide it into."""

    grain: Literal["auto", "day", "week", "month", "weekday"] = Field(
        "auto",
        description="`auto`: days up to 92 days, weeks up to 731, months beyond; `week`: from Monday to Sunday; "
        "`weekday`: all Mondays together, all Tuesdays, and so on",
    )

    @property
    def chosen_grain(self) -> str:
        """The grain, chosen by the length of the range if the request leaves it open."""
        if self.grain != "auto":
            return self.grain
        days = (self.end - self.start).days + 1
        return "day" if days <= MOST_DAYS else "week" if days <= MOST_DAYS_IN_WEEKS else "month"


class PeriodFigures(BaseModel):
    """One period with at least one log. Averages and rates skip missing measures, and are null if all are missing."""

    model_config = ConfigDict(extra="forbid")

    start: datetime.date | None = Field(
        None, description="First day of the period within the range; absent by weekday", examples=["2024-01-29"]
    )
    end: datetime.date | None = Field(
        None, description="Last day of the period within the range; absent by weekday", examples=["2024-02-04"]
    )
    weekday: int | None = Field(
        None, ge=1, le=7, description="1 for Monday to 7 for Sunday; only by weekday", examples=[1]
    )
    days: int = Field(description="Days of the period within the range, with or without logs", examples=[7])
    days_with_trips: int = Field(description="Those of them that have a log", examples=[6])
    shipments: int = figure("shipments", examples=[420])
    revenue: float = figure("revenue", examples=[210512.4])
    trips: int = figure("trips", examples=[280])
    active_vehicles: int = figure("active_vehicles", examples=[40])
    avg_delivery_time: float | None = figure("avg_delivery_time", examples=[26.41])
    mileage: float = figure("mileage", examples=[152310.5])
    mileage_count: int = figure("mileage_count", examples=[279])
    fuel: float = figure("fuel", examples=[44512.2])
    fuel_count: int = figure("fuel_count", examples=[271])
    cost_per_km: float | None = figure("cost_per_km", examples=[1.37])
    revenue_per_km: float | None = figure("revenue_per_km", examples=[1.12])
    cost_with_mileage: float = figure("cost_with_mileage", examples=[166114.4])
    mileage_with_cost: float = figure("mileage_with_cost", examples=[148316.4])
    fuel_per_100_km: float | None = figure("fuel_per_100_km", examples=[29.19])


class Series(BaseModel):
    """The periods of a range that have a log, oldest first, or the weekdays from Monday."""

    model_config = ConfigDict(extra="forbid")

    grain: Literal["day", "week", "month", "weekday"] = Field(description="Length of the periods", examples=["week"])
    data: list[PeriodFigures]


class SummaryParameters(OnTimeTarget, DayRange):
    """A date range, what to compare it with, and a target."""

    compare: Literal["previous", "weekday", "none"] = Field(
        "previous",
        description="`previous`: compare with the range of equal length that ends the day before `start`; `weekday`: "
        "with the latest range before it that begins on the same weekday, a whole number of weeks earlier",
    )

    @property
    def spans(self) -> Mapping[str, datetime.date]:
        """The first and the last day of the earlier range; without comparison it is empty."""
        days = (self.end - self.start).days + 1
        back = {"previous": days, "weekday": -(-days // 7) * 7, "none": 0}[self.compare]
        before_end = self.start - datetime.timedelta(1) if back == 0 else self.end - datetime.timedelta(back)
        return {"earliest": self.start - datetime.timedelta(back), "before_end": before_end}


class KeyFigures(BaseModel):
    """Key figures of a date range. Averages and rates are null if there is no data for them."""

    model_config = ConfigDict(extra="forbid")

    shipments: int = figure("shipments", examples=[1840])
    active_vehicles: int = figure("active_vehicles", examples=[42])
    revenue: float = figure("revenue", examples=[915230.5])
    shipments_with_cost: int = figure("shipments_with_cost", examples=[1811])
    avg_delivery_time: float | None = figure("avg_delivery_time", examples=[26.41])
    cost_per_km: float | None = figure("cost_per_km", examples=[1.37])
    revenue_per_km: float | None = figure("revenue_per_km", examples=[1.12])
    fuel_per_100_km: float | None = figure("fuel_per_100_km", examples=[29.19])
    on_time_delivery_rate: float | None = figure("on_time_rate", examples=[71.33])
    on_target_rate: float | None = figure("on_target_rate", examples=[84.5])


class KeyTrends(BaseModel):
    """Change of each key figure against the earlier range, %; null if that is 0 or either value is missing."""

    model_config = ConfigDict(extra="forbid")

    shipments: float | None = change("shipments", examples=[3.2])
    active_vehicles: float | None = change("active_vehicles", examples=[0.0])
    revenue: float | None = change("revenue", examples=[-1.4])
    avg_delivery_time: float | None = change("avg_delivery_time", examples=[0.8])
    cost_per_km: float | None = change("cost_per_km", examples=[-0.7])
    fuel_per_100_km: float | None = change("fuel_per_100_km", examples=[0.1])
    on_time_delivery_rate: float | None = change("on_time_rate", examples=[2.5])
    revenue_per_km: float | None = change("revenue_per_km", examples=[0.4])
    on_target_rate: float | None = change("on_target_rate", examples=[-1.1])


class Summary(BaseModel):
    """Key figures of a date range and the previous one, and the first and last day with data."""

    model_config = ConfigDict(extra="forbid")

    start: datetime.date = Field(description="First day of the range", examples=["2024-03-01"])
    end: datetime.date = Field(description="Last day of the range", examples=["2024-03-31"])
    previous_start: datetime.date | None = Field(
        description="First day of the previous range; null without comparison", examples=["2024-01-30"]
    )
    previous_end: datetime.date | None = Field(
        description="Last day of the previous range; null without comparison",
        examples=["2024-02-29"],
    )
    first_day: datetime.date | None = Field(
        description="First day that has a log; null without logs", examples=["2022-01-01"]
    )
    last_day: datetime.date | None = Field(
        description="Last day that has a log and is not in the future; null without logs", examples=["2024-03-31"]
    )
    future_days: FutureDays
    on_time_hours: float | None = Field(
        description="The target that `on_target_rate` measures, hours; null without one", examples=[48.0]
    )
    current: KeyFigures
    previous: KeyFigures | None = Field(description="Key figures of the previous range; null without comparison")
    trend: KeyTrends | None = Field(description="`current` against `previous`; null without comparison")
