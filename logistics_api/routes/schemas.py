"""Query parameters and responses about routes.

Everywhere: measures a shipment lacks are skipped, and what cannot be computed is null.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from logistics_api.measures.definitions import figure
from logistics_api.parameters.date_range import DayRange
from logistics_api.parameters.targets import OnTimeTarget
from logistics_api.parameters.types import Integer
from logistics_api.routes.lists import ListOfRange, RoutePage

ON_TIME = "% of the shipments with a delivery time whose time is at most the all-time mean of their route plus 1 hour"
RELIABILITY = "100 x (1 - standard deviation / mean) of the delivery times in hours; below 0 where they vary widely"


class Route(BaseModel):
    """An origin and a destination."""

    model_config = ConfigDict(extra="forbid")

    origin: str = Field(examples=["Chicago"])
    destination: str = Field(examples=["Denver"])


class ReliabilityParameters(OnTimeTarget, ListOfRange):
    """Query parameters of a page of route reliability."""

    sort_by: Literal[
        "origin",
        "destination",
        "total_deliveries",
        "avg_delivery_time",
        "delivery_time_variation",
        "reliability_score",
        "on_time_delivery_rate",
        "on_target_rate",
    ] = Field("reliability_score", description="Response field to sort by")


class RouteReliability(Route):
    """Reliability of a route."""

    total_deliveries: int = figure("shipments", examples=[31])
    avg_delivery_time: float | None = figure("avg_delivery_time", examples=[40.2])
    delivery_time_variation: float | None = figure("delivery_time_variation", examples=[6.12])
    reliability_score: float | None = figure("reliability_score", examples=[84.78])
    on_time_delivery_rate: float | None = figure("on_time_rate", examples=[71.33])
    on_target_rate: float | None = figure("on_target_rate", examples=[84.5])


class ReliabilityPage(RoutePage):
    """A page of routes with their reliability."""

    data: list[RouteReliability]


class CostValueParameters(ListOfRange):
    """Query parameters of a page of cost and value."""

    sort_by: Literal[
        "origin",
        "destination",
        "total_shipments",
        "avg_shipment_weight",
        "avg_cost",
        "cost_per_kg",
        "value_score",
        "value_category",
    ] = Field("value_score", description="Response field to sort by")


class RouteCostValue(Route):
    """Cost and value of a route."""

    total_shipments: int = figure("shipments", examples=[31])
    avg_shipment_weight: float | None = figure("avg_weight", examples=[119.4])
    avg_cost: float | None = figure("revenue_per_shipment", examples=[881.01])
    cost_per_kg: float | None = figure("revenue_per_kg", examples=[7.38])
    value_score: float | None = figure("revenue_per_hour", examples=[21.92])
    value_category: Literal["High Value", "Medium Value", "Low Value"] | None = Field(
        description="Third of all listed routes, before search and pages, that the value score falls into: the lowest "
        "is High Value. Routes with one score share the better third. Null without a score",
        examples=["Medium Value"],
    )


class CostValuePage(RoutePage):
    """A page of routes with their cost and value."""

    data: list[RouteCostValue]


class OptimizationParameters(ListOfRange):
    """Query parameters of a page of recommendations."""

    sort_by: Literal[
        "origin",
        "destination",
        "total_shipments",
        "avg_delivery_time",
        "avg_cost",
        "avg_weight",
        "total_cost",
        "total_weight",
        "cost_time_efficiency",
        "optimization_recommendation",
    ] = Field("cost_time_efficiency", description="Response field to sort by")


class RecommendationBasis(BaseModel):
    """The figure that a recommendation rests on: the value is above the threshold."""

    model_config = ConfigDict(extra="forbid")

    measure: Literal["avg_delivery_time", "revenue_per_kg", "revenue"] = Field(
        description="The measure, as in /api/measures", examples=["avg_delivery_time"]
    )
    value: float = Field(description="Its value for this route", examples=[52.4])
    threshold: float = Field(
        description="What it was compared with: 1.2 times the mean of all listed routes or, for `revenue`, 1.5 times "
        "the mean revenue per kg of all listed routes x the weight of this route",
        examples=[44.1],
    )


class RouteOptimization(Route):
    """Times, costs and recommendation of a route."""

    total_shipments: int = figure("shipments", examples=[31])
    avg_delivery_time: float | None = figure("avg_delivery_time", examples=[40.2])
    avg_cost: float | None = figure("revenue_per_shipment", examples=[881.01])
    avg_weight: float | None = figure("avg_weight", examples=[119.4])
    total_cost: float = figure("revenue", examples=[27311.2])
    total_weight: float = figure("weight", examples=[3701.4])
    cost_time_efficiency: float | None = figure("revenue_per_kg_per_hour", examples=[0.18])
    optimization_recommendation: Literal[
        "High delivery time - Consider route optimization",
        "High cost per weight - Review pricing strategy",
        "Low volume, high cost - Consider consolidation",
        "Performing within normal parameters",
    ] = Field(
        description="The first that holds: mean delivery time above 1.2 times the mean of all listed routes' means; "
        "cost per kg likewise; fewer than 10 shipments and a cost above 1.5 times that mean per kg"
    )
    recommendation_basis: RecommendationBasis | None = Field(
        description="The figure that the recommendation rests on; null within normal parameters"
    )


class OptimizationPage(RoutePage):
    """A page of routes with recommendations."""

    data: list[RouteOptimization]


class MatrixParameters(OnTimeTarget, DayRange):
    """A date range, and a target."""


class TopPerformingParameters(OnTimeTarget, DayRange):
    """A date range and a number of routes."""

    limit: Integer = Field(10, ge=1, le=100, description="Maximum number of routes in the response")


class PerformanceMetrics(BaseModel):
    """The figures behind the scores of a route."""

    model_config = ConfigDict(extra="forbid")

    on_time_delivery_rate: float | None = figure("on_time_rate", examples=[71.33])
    on_target_rate: float | None = figure("on_target_rate", examples=[84.5])
    avg_cost_per_shipment: float | None = figure("revenue_per_shipment", examples=[881.01])
    total_revenue: float = figure("revenue", examples=[27311.2])
    total_weight_shipped: float = figure("weight", examples=[3701.4])


class TopRoute(Route):
    """A route and its scores, 100 being the best of all listed routes."""

    total_shipments: int = figure("shipments", examples=[31])
    reliability_score: float | None = figure("reliability_score", examples=[84.78])
    cost_efficiency_score: float | None = figure("cost_efficiency_score", examples=[62.5])
    delivery_efficiency_score: float | None = figure("delivery_efficiency_score", examples=[48.1])
    overall_score: float | None = figure("overall_score", examples=[67.09])
    performance_metrics: PerformanceMetrics


class Cell(Route):
    """Figures of one route with at least one shipment."""

    shipments: int = figure("shipments", examples=[31])
    avg_delivery_time: float | None = figure("avg_delivery_time", examples=[40.2])
    on_time_delivery_rate: float | None = figure("on_time_rate", examples=[71.33])
    on_target_rate: float | None = figure("on_target_rate", examples=[84.5])
    cost_per_kg: float | None = figure("revenue_per_kg", examples=[7.38])
    revenue: float = figure("revenue", examples=[27311.2])
    shipments_with_cost: int = figure("shipments_with_cost", examples=[30])


class Matrix(BaseModel):
    """Every route of a range, by origin and destination."""

    model_config = ConfigDict(extra="forbid")

    data: list[Cell]
