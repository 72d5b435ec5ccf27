"""Cost responses."""

from pydantic import BaseModel, ConfigDict, Field

from logistics_api.measures.definitions import change, figure


class CostlyRoute(BaseModel):
    """One route (origin, destination) with at least 5 shipments in the range."""

    model_config = ConfigDict(extra="forbid")

    origin: str = Field(examples=["Chicago"])
    destination: str = Field(examples=["Denver"])
    total_cost: float = figure("revenue", examples=[27311.2])
    shipment_count: int = figure("shipments", examples=[31])
    avg_cost: float | None = figure("revenue_per_shipment", examples=[881.01])


class CostOverview(BaseModel):
    """Costs of a range, in the currency of the feed. Values that cannot be computed are null."""

    model_config = ConfigDict(extra="forbid")

    total_cost: float = figure("revenue", examples=[915230.5])
    avg_cost_per_shipment: float | None = figure("revenue_per_shipment", examples=[497.41])
    total_shipments: int = figure("shipments", examples=[1840])
    cost_per_km: float | None = figure("cost_per_km", examples=[1.37])
    revenue_per_km: float | None = figure("revenue_per_km", examples=[1.12])
    cost_per_kg: float | None = figure("revenue_per_kg", examples=[4.16])
    vehicles_used: int = figure("vehicles_used", examples=[42])
    prev_total_cost: float = figure(
        "revenue", note="In the range of equal length that ends the day before `start`", examples=[898120.0]
    )
    prev_avg_cost: float | None = figure(
        "revenue_per_shipment", note="In the range of equal length that ends the day before `start`", examples=[489.7]
    )
    cost_growth_percentage: float | None = change("revenue", examples=[1.9])
    avg_cost_growth_percentage: float | None = change("revenue_per_shipment", examples=[1.6])
    top_cost_routes: list[CostlyRoute] = Field(
        max_length=5, description="Up to 5 routes, highest total cost first; ties by origin, destination"
    )
