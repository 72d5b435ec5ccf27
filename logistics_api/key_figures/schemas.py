"""Query parameters and response of the key figures."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from logistics_api.parameters.date_range import DayRange
from logistics_api.parameters.types import Integer


class DashboardParameters(DayRange):
    """A date range, and the range to compare it with."""

    interval_type: Literal["week", "month", "year"] = Field(
        "month",
        description="Length of the intervals by which the range is moved back for comparison. Each end is moved "
        "separately: a month before 31 March is the last day of February",
    )
    periods_back: Integer = Field(
        1,
        ge=1,
        le=6000,  # keeps 1900-01-01 minus as many years inside PostgreSQL's calendar
        description="Number of intervals to move back for comparison",
    )


class Dashboard(BaseModel):
    """Key figures of a range. Trends: % change against the earlier range, null if that has no value to compare."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "total_shipments": 1840,
                "active_vehicles": 42,
                "total_revenue": 915230.5,
                "avg_delivery_time": 26.41,
                "shipment_trend": 3.2,
                "vehicle_trend": 0.0,
                "revenue_trend": -1.4,
                "delivery_time_trend": None,
            }
        },
    )

    total_shipments: int = Field(description="Shipments whose log is in the range")
    active_vehicles: int = Field(description="Distinct vehicles with at least one log in the range")
    total_revenue: float = Field(description="Sum of cost, in the currency of the feed")
    avg_delivery_time: float | None = Field(
        description="Mean delivery time in hours, over shipments that have one; null if none has"
    )
    shipment_trend: float | None = Field(description="Change of total_shipments, %")
    vehicle_trend: float | None = Field(description="Change of active_vehicles, %")
    revenue_trend: float | None = Field(description="Change of total_revenue, %")
    delivery_time_trend: float | None = Field(description="Change of avg_delivery_time, %")
