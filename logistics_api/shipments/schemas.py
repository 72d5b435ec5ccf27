"""Query parameters and responses for shipments."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from logistics_api.measures.definitions import figure
from logistics_api.routes.lists import ListOfAnyRange, RoutePage


class ShipmentsOverview(BaseModel):
    """All shipments of a range. Averages ignore missing values and are null if all are missing."""

    model_config = ConfigDict(extra="forbid")

    total_shipments: int = figure("shipments", examples=[1840])
    avg_delivery_time: float | None = figure("avg_delivery_time", examples=[26.41])
    total_cost: float = figure("revenue", examples=[915230.5])
    avg_cost_per_shipment: float | None = figure("revenue_per_shipment", examples=[497.41])
    total_weight: float = figure("weight", examples=[220144.75])
    unique_origins: int = figure("origins", examples=[12])
    unique_destinations: int = figure("destinations", examples=[14])


class ExpensiveRoute(BaseModel):
    """One route (origin, destination) with at least 5 shipments in the range."""

    model_config = ConfigDict(extra="forbid")

    origin: str = Field(examples=["Chicago"])
    destination: str = Field(examples=["Denver"])
    total_shipments: int = figure("shipments", examples=[31])
    total_cost: float = figure("revenue", examples=[27311.2])
    avg_cost_per_shipment: float | None = figure("revenue_per_shipment", examples=[881.01])
    avg_delivery_time: float | None = figure("avg_delivery_time", examples=[40.2])
    vehicles_used: int = figure("vehicles_used", examples=[9])


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
    total_trips: int = figure("shipments", examples=[31])
    avg_delivery_time: float | None = figure("avg_delivery_time", examples=[40.2])
    min_delivery_time: float | None = figure("min_delivery_time", examples=[28.5])
    max_delivery_time: float | None = figure("max_delivery_time", examples=[61.0])
    total_cost: float = figure("revenue", examples=[27311.2])
    avg_cost: float | None = figure("revenue_per_shipment", examples=[910.37])
    total_weight: float = figure("weight", examples=[3701.4])
    unique_vehicles: int = figure("vehicles_used", examples=[9])
    cost_per_trip: float | None = figure("revenue_per_all_shipments", examples=[881.01])


class ShipmentRoutePage(RoutePage):
    """A page of routes with their shipment figures."""

    data: list[ShipmentRoute]
