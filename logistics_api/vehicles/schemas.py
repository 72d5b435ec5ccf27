"""Vehicle responses."""

import datetime

from pydantic import BaseModel, ConfigDict, Field

from logistics_api.measures.definitions import figure


class VehicleMetrics(BaseModel):
    """One vehicle with a log in the range. Averages ignore missing values and are null if all are missing."""

    model_config = ConfigDict(extra="forbid")

    vehicle_id: str = Field(examples=["V-017"])
    name: str | None = Field(
        description="From the vehicles' master data; null if the vehicle is not in it", examples=["Truck 17"]
    )
    total_trips: int = figure("trips", examples=[58])
    total_mileage: float = figure("mileage", examples=[18240.5])
    mileage_count: int = figure("mileage_count", examples=[57])
    total_fuel: float = figure("fuel", examples=[5311.2])
    fuel_count: int = figure("fuel_count", examples=[55])
    fuel_efficiency: float | None = figure("fuel_efficiency", examples=[3.43])
    shipments_delivered: int = figure("shipments", examples=[97])
    avg_delivery_time: float | None = figure("avg_delivery_time", examples=[25.9])
    total_revenue: float = figure("revenue", examples=[48210.75])
    revenue_per_trip: float | None = figure("revenue_per_trip", examples=[831.22])
    revenue_per_km: float | None = figure("revenue_per_km", examples=[2.61])
    fuel_per_trip: float | None = figure("fuel_per_trip", examples=[91.57])


class VehicleSummary(BaseModel):
    """One vehicle in a range. Averages ignore missing values and are null if all are missing."""

    model_config = ConfigDict(extra="forbid")

    vehicle_id: str = Field(examples=["V-017"])
    name: str | None = Field(
        description="From the vehicles' master data; null if the vehicle is not in it", examples=["Truck 17"]
    )
    lifetime_mileage: float | None = figure(
        "lifetime_mileage", note="Null if the vehicle is not in it", examples=[412330.0]
    )
    total_trips: int = figure("trips", examples=[58])
    period_mileage: float = figure("mileage", examples=[18240.5])
    mileage_count: int = figure("mileage_count", examples=[57])
    total_fuel: float = figure("fuel", examples=[5311.2])
    fuel_count: int = figure("fuel_count", examples=[55])
    fuel_efficiency: float | None = figure("fuel_efficiency", examples=[3.43])
    deliveries_completed: int = figure("shipments", examples=[97])
    avg_delivery_time: float | None = figure("avg_delivery_time", examples=[25.9])
    total_revenue: float = figure("revenue", examples=[48210.75])
    revenue_per_trip: float | None = figure("revenue_per_trip", examples=[831.22])
    revenue_per_km: float | None = figure("revenue_per_km", examples=[2.61])
    fuel_per_trip: float | None = figure("fuel_per_trip", examples=[91.57])


class VehicleDay(BaseModel):
    """One day on which the vehicle has a log."""

    model_config = ConfigDict(extra="forbid")

    date: datetime.date = Field(description="The `trip_date` of the logs", examples=["2024-01-31"])
    trips: int = figure("trips", examples=[2])
    daily_mileage: float = figure("mileage", examples=[612.4])
    mileage_count: int = figure("mileage_count", examples=[2])
    daily_fuel: float = figure("fuel", examples=[178.0])
    fuel_count: int = figure("fuel_count", examples=[2])
    daily_revenue: float = figure("revenue", examples=[1620.5])
    daily_deliveries: int = figure("shipments", examples=[3])


class VehicleRoute(BaseModel):
    """A route the vehicle took."""

    model_config = ConfigDict(extra="forbid")

    origin: str = Field(examples=["Chicago"])
    destination: str = Field(examples=["Denver"])
    route_trips: int = figure("trips", note="Logs with at least one shipment of the route", examples=[7])
    avg_route_time: float | None = figure("avg_delivery_time", examples=[39.1])
    avg_route_revenue: float | None = figure("revenue_per_shipment", examples=[842.2])


class VehicleDetails(BaseModel):
    """Details of one vehicle in a range."""

    model_config = ConfigDict(extra="forbid")

    summary: VehicleSummary
    daily_performance: list[VehicleDay] = Field(description="Days with a log, oldest first")
    top_routes: list[VehicleRoute] = Field(
        max_length=5, description="Up to 5 routes, most trips first; ties by origin, destination"
    )
