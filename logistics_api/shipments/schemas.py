"""Query parameters and responses for shipments."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from logistics_api.routes.lists import ListOfAnyRange, RoutePage


class ShipmentsOverview(BaseModel):
    """All shipments of a range. Averages ignore missing values and are null if all are missing."""

    model_config = ConfigDict(extra="forbid")

    total_shipments: int = Field(description="Shipments whose log falls within the range", examples=[1840])
    avg_delivery_time: float | None = Field(description="Mean delivery time, hours", examples=[26.41])
    total_cost: float = Field(description="Sum of cost, in the currency of the feed", examples=[915230.5])
    avg_cost_per_shipment: float | None = Field(description="Mean cost, in the currency of the feed", examples=[497.41])
    total_weight: float = Field(description="Sum of weight, kg", examples=[220144.75])
    unique_origins: int = Field(description="Distinct origins of shipments", examples=[12])
    unique_destinations: int = Field(description="Distinct destinations of shipments", examples=[14])


class ExpensiveRoute(BaseModel):
    """One route (origin, destination) with at least 5 shipments in the range."""

    model_config = ConfigDict(extra="forbid")

    origin: str = Field(examples=["Chicago"])
    destination: str = Field(examples=["Denver"])
    total_shipments: int = Field(description="Shipments on the route", examples=[31])
    total_cost: float = Field(description="Sum of their cost, in the currency of the feed", examples=[27311.2])
    avg_cost_per_shipment: float | None = Field(description="Mean of their cost", examples=[881.01])
    avg_delivery_time: float | None = Field(description="Mean delivery time, hours", examples=[40.2])
    vehicles_used: int = Field(description="Distinct vehicles that carried them", examples=[9])


class ShipmentAnalytics(BaseModel):
    """Overall shipment figures of a range, and its most expensive routes."""

    model_config = ConfigDict(extra="forbid")

    overview: ShipmentsOverview
    expensive_routes: list[ExpensiveRoute] = Field(
        max_length=5, description="Up to 5 routes, highest mean cost first; ties by origin, destination"
    )


class ShipmentRoutesParameters(ListOfAnyRange):
    """Query parameters of a page of shipment routes."""

    sort_by: Literal[
        "origin",
        "destination",
        "total_trips",
        "avg_delivery_time",
        "min_delivery_time",
        "max_delivery_time",
        "total_cost",
        "avg_cost",
        "total_weight",
        "unique_vehicles",
        "cost_per_trip",
    ] = Field("total_trips", description="Response field to sort by")


class ShipmentRoute(BaseModel):
    """Shipment figures of a route. Averages ignore missing values and are null if all are missing."""

    model_config = ConfigDict(extra="forbid")

    origin: str = Field(examples=["Chicago"])
    destination: str = Field(examples=["Denver"])
    total_trips: int = Field(description="Shipments on the route", examples=[31])
    avg_delivery_time: float | None = Field(description="Mean delivery time, hours", examples=[40.2])
    min_delivery_time: float | None = Field(description="Shortest delivery time, hours", examples=[28.5])
    max_delivery_time: float | None = Field(description="Longest delivery time, hours", examples=[61.0])
    total_cost: float = Field(description="Sum of cost, in the currency of the feed", examples=[27311.2])
    avg_cost: float | None = Field(
        description="Mean cost, over shipments that have one, in the currency of the feed", examples=[910.37]
    )
    total_weight: float = Field(description="Sum of weight, kg", examples=[3701.4])
    unique_vehicles: int = Field(description="Distinct vehicles that carried them", examples=[9])
    cost_per_trip: float | None = Field(
        description="total_cost / total_trips; null if no shipment has a cost", examples=[881.01]
    )


class ShipmentRoutePage(RoutePage):
    """A page of routes with their shipment figures."""

    data: list[ShipmentRoute]
