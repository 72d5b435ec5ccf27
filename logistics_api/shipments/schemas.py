"""What questions about shipments answer."""

from pydantic import BaseModel, ConfigDict, Field


class ShipmentsOverview(BaseModel):
    """All shipments of a range. Averages skip shipments that lack the measure, and are null where all do."""

    model_config = ConfigDict(extra="forbid")

    total_shipments: int = Field(description="Shipments whose log lies in the range", examples=[1840])
    avg_delivery_time: float | None = Field(description="Mean delivery time, hours", examples=[26.41])
    total_cost: float = Field(description="Sum of cost, in the currency of the feed", examples=[915230.5])
    avg_cost_per_shipment: float | None = Field(description="Mean cost, in the currency of the feed", examples=[497.41])
    total_weight: float = Field(description="Sum of weight, kg", examples=[220144.75])
    unique_origins: int = Field(description="Distinct places shipments came from", examples=[12])
    unique_destinations: int = Field(description="Distinct places shipments went to", examples=[14])


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
    """Shipments of a range as a whole, and where they cost most."""

    model_config = ConfigDict(extra="forbid")

    overview: ShipmentsOverview
    expensive_routes: list[ExpensiveRoute] = Field(
        max_length=5, description="Up to 5 routes, highest mean cost first; ties by origin, destination"
    )
