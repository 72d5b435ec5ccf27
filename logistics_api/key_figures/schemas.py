"""Query parameters and response of the key figures."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from logistics_api.measures.definitions import change, figure
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

    total_shipments: int = figure("shipments", examples=[1840])
    active_vehicles: int = figure("active_vehicles", examples=[42])
    total_revenue: float = figure("revenue", examples=[915230.5])
    avg_delivery_time: float | None = figure("avg_delivery_time", examples=[26.41])
    shipment_trend: float | None = change("shipments", examples=[3.2])
    vehicle_trend: float | None = change("active_vehicles", examples=[0.0])
    revenue_trend: float | None = change("revenue", examples=[-1.4])
    delivery_time_trend: float | None = change("avg_delivery_time", examples=[0.8])
