"""Vehicle responses."""

import datetime

from pydantic import BaseModel, ConfigDict, Field


class VehicleMetrics(BaseModel):
    """One vehicle with a log in the range. Averages ignore missing values and are null if all are missing."""

    model_config = ConfigDict(extra="forbid")

    vehicle_id: str = Field(examples=["V-017"])
    name: str | None = Field(
        description="From the vehicles' master data; null if the vehicle is not in it", examples=["Truck 17"]
    )
    total_trips: int = Field(description="Logs in the range", examples=[58])
    total_mileage: float = Field(description="Distance driven, km", examples=[18240.5])
    total_fuel: float = Field(description="Fuel burnt, litres", examples=[5311.2])
    fuel_efficiency: float | None = Field(
        description="km per litre, over logs that have mileage and fuel", examples=[3.43]
    )
    shipments_delivered: int = Field(description="Shipments it carried", examples=[97])
    avg_delivery_time: float | None = Field(description="Mean delivery time of its shipments, hours", examples=[25.9])
    total_revenue: float = Field(description="Sum of their cost, in the currency of the feed", examples=[48210.75])
    revenue_per_trip: float | None = Field(
        description="total_revenue / total_trips; null if no shipment has a cost", examples=[831.22]
    )
    fuel_per_trip: float | None = Field(description="Litres per log, over logs that have fuel", examples=[91.57])


class VehicleSummary(BaseModel):
    """One vehicle in a range. Averages ignore missing values and are null if all are missing."""

    model_config = ConfigDict(extra="forbid")

    vehicle_id: str = Field(examples=["V-017"])
    name: str | None = Field(
        description="From the vehicles' master data; null if the vehicle is not in it", examples=["Truck 17"]
    )
    lifetime_mileage: float | None = Field(
        description="Distance driven in its lifetime, km, from the master data; null if the vehicle is not in it",
        examples=[412330.0],
    )
    total_trips: int = Field(description="Logs in the range", examples=[58])
    period_mileage: float = Field(description="Distance driven in the range, km", examples=[18240.5])
    total_fuel: float = Field(description="Fuel burnt, litres", examples=[5311.2])
    fuel_efficiency: float | None = Field(
        description="km per litre, over logs that have mileage and fuel", examples=[3.43]
    )
    deliveries_completed: int = Field(description="Shipments it carried", examples=[97])
    avg_delivery_time: float | None = Field(description="Mean delivery time of its shipments, hours", examples=[25.9])
    total_revenue: float = Field(description="Sum of their cost, in the currency of the feed", examples=[48210.75])
    revenue_per_trip: float | None = Field(
        description="total_revenue / total_trips; null if no shipment has a cost", examples=[831.22]
    )
    fuel_per_trip: float | None = Field(description="Litres per log, over logs that have fuel", examples=[91.57])


class VehicleDay(BaseModel):
    """One day on which the vehicle has a log."""

    model_config = ConfigDict(extra="forbid")

    date: datetime.date = Field(description="The `trip_date` of the logs", examples=["2024-01-31"])
    trips: int = Field(description="Logs", examples=[2])
    daily_mileage: float = Field(description="Distance driven, km", examples=[612.4])
    daily_fuel: float = Field(description="Fuel burnt, litres", examples=[178.0])
    daily_revenue: float = Field(
        description="Sum of its shipments' cost, in the currency of the feed", examples=[1620.5]
    )
    daily_deliveries: int = Field(description="Shipments it carried", examples=[3])


class VehicleRoute(BaseModel):
    """A route the vehicle took."""

    model_config = ConfigDict(extra="forbid")

    origin: str = Field(examples=["Chicago"])
    destination: str = Field(examples=["Denver"])
    route_trips: int = Field(description="Its logs with at least one shipment of the route", examples=[7])
    avg_route_time: float | None = Field(description="Mean delivery time of those shipments, hours", examples=[39.1])
    avg_route_revenue: float | None = Field(
        description="Mean cost of those shipments, in the currency of the feed", examples=[842.2]
    )


class VehicleDetails(BaseModel):
    """Details of one vehicle in a range."""

    model_config = ConfigDict(extra="forbid")

    summary: VehicleSummary
    daily_performance: list[VehicleDay] = Field(description="Days with a log, oldest first")
    top_routes: list[VehicleRoute] = Field(
        max_length=5, description="Up to 5 routes, most trips first; ties by origin, destination"
    )
