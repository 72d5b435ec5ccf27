"""What questions about vehicles answer."""

from pydantic import BaseModel, ConfigDict, Field


class VehicleMetrics(BaseModel):
    """One vehicle with at least one log in the range. Averages skip what lacks the measure, null where all do."""

    model_config = ConfigDict(extra="forbid")

    vehicle_id: str = Field(examples=["V-017"])
    name: str | None = Field(
        description="From the vehicles' master data; null where that does not know the vehicle", examples=["Truck 17"]
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
        description="total_revenue / total_trips; null where no shipment has a cost", examples=[831.22]
    )
    fuel_per_trip: float | None = Field(description="Litres per log, over logs that have fuel", examples=[91.57])
