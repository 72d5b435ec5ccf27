"""Query parameters and response for one route."""

import datetime

from pydantic import BaseModel, ConfigDict, Field

from logistics_api.measures.definitions import figure
from logistics_api.parameters.date_range import DayRange
from logistics_api.parameters.targets import OnTimeTarget
from logistics_api.parameters.text_search import KeyText
from logistics_api.routes.schemas import Route


class DetailsParameters(OnTimeTarget, DayRange):
    """A route and a date range."""

    origin: KeyText = Field(description="Origin of the route, exactly as written in the data", examples=["Chicago"])
    destination: KeyText = Field(
        description="Destination of the route, exactly as written in the data", examples=["Denver"]
    )


class RouteSummary(Route):
    """All figures of one route in a range."""

    total_shipments: int = figure("shipments", examples=[31])
    total_cost: float = figure("revenue", examples=[27311.2])
    avg_cost: float | None = figure("revenue_per_shipment", examples=[881.01])
    total_weight: float = figure("weight", examples=[3701.4])
    avg_weight: float | None = figure("avg_weight", examples=[119.4])
    cost_per_kg: float | None = figure("revenue_per_kg", examples=[7.38])
    value_score: float | None = figure("revenue_per_hour", examples=[21.92])
    avg_delivery_time: float | None = figure("avg_delivery_time", examples=[40.2])
    min_delivery_time: float | None = figure("min_delivery_time", examples=[28.5])
    max_delivery_time: float | None = figure("max_delivery_time", examples=[61.0])
    delivery_time_variation: float | None = figure("delivery_time_variation", examples=[6.12])
    reliability_score: float | None = figure("reliability_score", examples=[84.78])
    on_time_delivery_rate: float | None = figure("on_time_rate", examples=[71.33])
    on_target_rate: float | None = figure("on_target_rate", examples=[84.5])
    p50_delivery_time: float | None = figure("p50_delivery_time", examples=[39.5])
    p90_delivery_time: float | None = figure("p90_delivery_time", examples=[48.0])
    p95_delivery_time: float | None = figure("p95_delivery_time", examples=[52.25])
    vehicles_used: int = figure("vehicles_used", examples=[9])


class RouteDay(BaseModel):
    """One day on which the route had a shipment."""

    model_config = ConfigDict(extra="forbid")

    date: datetime.date = Field(description="The `trip_date` of the logs", examples=["2024-01-31"])
    shipments: int = figure("shipments", examples=[3])
    revenue: float = figure("revenue", examples=[2610.5])
    avg_delivery_time: float | None = figure("avg_delivery_time", examples=[38.75])


class Bin(BaseModel):
    """Delivery times from `lower`, included, to `upper`, excluded."""

    model_config = ConfigDict(extra="forbid")

    lower: float = Field(description="Hours", examples=[38.0])
    upper: float = Field(description="Hours", examples=[40.0])
    shipments: int = Field(description="Shipments with a delivery time in this bin", examples=[7])


class Distribution(BaseModel):
    """Histogram of delivery times: up to about 30 contiguous bins of equal width."""

    model_config = ConfigDict(extra="forbid")

    bin_width: float | None = Field(
        description="Hours: 1, 2 or 5 times a power of ten, at least 0.01; null without delivery times", examples=[2.0]
    )
    bins: list[Bin] = Field(description="From the shortest delivery time to the longest")


class RouteVehicle(BaseModel):
    """A vehicle that served the route."""

    model_config = ConfigDict(extra="forbid")

    vehicle_id: str = Field(examples=["V-017"])
    name: str | None = Field(
        description="From the vehicles' master data; null where that does not know the vehicle", examples=["Truck 17"]
    )
    days: int = Field(description="Days on which it carried a shipment of the route", examples=[12])


class RouteDetails(BaseModel):
    """Everything about one route in a range."""

    model_config = ConfigDict(extra="forbid")

    summary: RouteSummary
    daily: list[RouteDay] = Field(description="Days with a shipment, oldest first")
    distribution: Distribution
    top_vehicles: list[RouteVehicle] = Field(
        max_length=10, description="Up to 10 vehicles, those on most days first; ties by vehicle_id"
    )
