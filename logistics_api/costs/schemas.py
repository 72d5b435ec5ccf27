"""Cost responses."""

from pydantic import BaseModel, ConfigDict, Field


class CostlyRoute(BaseModel):
    """One route (origin, destination) with at least 5 shipments in the range."""

    model_config = ConfigDict(extra="forbid")

    origin: str = Field(examples=["Chicago"])
    destination: str = Field(examples=["Denver"])
    total_cost: float = Field(
        description="Total cost of its shipments, in the currency of the feed", examples=[27311.2]
    )
    shipment_count: int = Field(description="Shipments on the route", examples=[31])
    avg_cost: float | None = Field(description="Mean cost of its shipments; null if none has a cost", examples=[881.01])


class CostOverview(BaseModel):
    """Costs of a range, in the currency of the feed. Values that cannot be computed are null."""

    model_config = ConfigDict(extra="forbid")

    total_cost: float = Field(description="Sum of cost", examples=[915230.5])
    avg_cost_per_shipment: float | None = Field(
        description="Mean cost, over shipments that have one", examples=[497.41]
    )
    total_shipments: int = Field(description="Shipments whose log falls within the range", examples=[1840])
    cost_per_km: float | None = Field(
        description="total_cost / km of all logs of the range; null if no shipment has a cost", examples=[1.37]
    )
    cost_per_kg: float | None = Field(description="Cost / weight in kg, over shipments that have both", examples=[4.16])
    vehicles_used: int = Field(description="Distinct vehicles that carried a shipment", examples=[42])
    prev_total_cost: float = Field(
        description="Sum of cost in the range of equal length that ends the day before `start`", examples=[898120.0]
    )
    prev_avg_cost: float | None = Field(description="Mean cost in that range", examples=[489.7])
    cost_growth_percentage: float | None = Field(
        description="Change in total_cost from that range, %; null if the earlier total is 0", examples=[1.9]
    )
    avg_cost_growth_percentage: float | None = Field(
        description="Change in avg_cost_per_shipment from that range, %; null if the earlier mean is missing or 0",
        examples=[1.6],
    )
    top_cost_routes: list[CostlyRoute] = Field(
        max_length=5, description="Up to 5 routes, highest total cost first; ties by origin, destination"
    )
