"""Query parameters and response for one route."""

import datetime

from pydantic import BaseModel, ConfigDict, Field

from logistics_api.parameters.date_range import DayRange
from logistics_api.parameters.text_search import KeyText
from logistics_api.routes.schemas import ON_TIME, RELIABILITY, Route


class DetailsParameters(DayRange):
    """A route and a date range."""

    origin: KeyText = Field(description="Origin of the route, exactly as written in the data", examples=["Chicago"])
    destination: KeyText = Field(
        description="Destination of the route, exactly as written in the data", examples=["Denver"]
    )


class RouteSummary(Route):
    """All figures of one route in a range."""

    total_shipments: int = Field(description="Shipments on the route", examples=[31])
    total_cost: float = Field(description="Sum of cost, in the currency of the feed", examples=[27311.2])
    avg_cost: float | None = Field(description="Mean cost, in the currency of the feed", examples=[881.01])
    total_weight: float = Field(description="Sum of weight, kg", examples=[3701.4])
    avg_weight: float | None = Field(description="Mean weight, kg", examples=[119.4])
    cost_per_kg: float | None = Field(description="Cost / weight in kg, over shipments that have both", examples=[7.38])
    value_score: float | None = Field(
        description="Cost / delivery time in hours, over shipments that have both", examples=[21.92]
    )
    avg_delivery_time: float | None = Field(description="Mean delivery time, hours", examples=[40.2])
    min_delivery_time: float | None = Field(description="Shortest delivery time, hours", examples=[28.5])
    max_delivery_time: float | None = Field(description="Longest delivery time, hours", examples=[61.0])
    delivery_time_variation: float | None = Field(
        description="Sample standard deviation of the delivery times, hours; null for fewer than 2", examples=[6.12]
    )
    reliability_score: float | None = Field(description=RELIABILITY, examples=[84.78])
    on_time_delivery_rate: float | None = Field(description=ON_TIME, examples=[71.33])
    p50_delivery_time: float | None = Field(
        description="Shortest time, hours, within which at least 50 % of the shipments arrived", examples=[39.5]
    )
    p90_delivery_time: float | None = Field(description="Likewise for 90 %, hours", examples=[48.0])
    p95_delivery_time: float | None = Field(description="Likewise for 95 %, hours", examples=[52.25])
    vehicles_used: int = Field(description="Distinct vehicles that carried them", examples=[9])


class RouteDay(BaseModel):
    """One day on which the route had a shipment."""

    model_config = ConfigDict(extra="forbid")

    date: datetime.date = Field(description="The `trip_date` of the logs", examples=["2024-01-31"])
    shipments: int = Field(description="Shipments on the route", examples=[3])
    revenue: float = Field(description="Sum of cost, in the currency of the feed", examples=[2610.5])
    avg_delivery_time: float | None = Field(description="Mean delivery time, hours", examples=[38.75])


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
