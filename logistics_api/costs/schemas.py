"""Responses about costs."""

from pydantic import BaseModel, ConfigDict, Field


class CostlyRoute(BaseModel):
    """One route (origin, destination) with at least 5 shipments in the range."""

    model_config = ConfigDict(extra="forbid")

    origin: str = Field(examples=["Chicago"])
    destination: str = Field(examples=["Denver"])
    total_cost: float = Field(description="Sum of its shipments' cost, in the currency of the feed", examples=[27311.2])
    shipment_count: int = Field(description="Shipments on the route", examples=[31])
    avg_cost: float | None = Field(description="Mean cost of its shipments; null where none has one", examples=[881.01])


class CostOverview(BaseModel):
    """Costs of a range, in the currency of the feed. What cannot be computed is null."""

    model_config = ConfigDict(extra="forbid")

    total_cost: float = Field(description="Sum of cost", examples=[915230.5])
    avg_cost_per_shipment: float | None = Field(
        description="Mean cost, over shipments that have one", examples=[497.41]
    )
    total_shipments: int = Field(description="Shipments whose log lies in the range", examples=[1840])
    cost_per_km: float | None = Field(
        description="total_cost / km of all logs of the range; null where no shipment has a cost", examples=[1.37]
    )
    cost_per_kg: float | None = Field(description="Cost / weight in kg, over shipments that have both", examples=[4.16])
    vehicles_used: int = Field(description="Distinct vehicles that carried a shipment", examples=[42])
    prev_total_cost: float = Field(
        description="Sum of cost in the range of equal length that ends the day before `start`", examples=[898120.0]
    )
    prev_avg_cost: float | None = Field(description="Mean cost in that range", examples=[489.7])
    cost_growth_percentage: float | None = Field(
        description="Change of total_cost against it, %; null where that is 0", examples=[1.9]
    )
    avg_cost_growth_percentage: float | None = Field(
        description="Change of avg_cost_per_shipment against it, %; null where there is no mean, or it is 0",
        examples=[1.6],
    )
    top_cost_routes: list[CostlyRoute] = Field(
        max_length=5, description="Up to 5 routes, highest total cost first; ties by origin, destination"
    )
