"""The catalogue of datasets: the only place that knows their names, fields, keys and units. Plain data.

The rules are those of the data contract (docs/data-contract.md). A further dataset is one entry here and one file
`sql/raw/<name>.sql`; everything else (validation, COPY, merge, partitions, assets, commands) reads this catalogue.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import cached_property


class Kind(StrEnum):
    """What a field holds, and so how it is validated."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"


@dataclass(frozen=True)
class Field:
    """One field of a record. An optional field may be absent, null or empty, and is then stored as NULL."""

    name: str
    kind: Kind
    description: str
    unit: str | None = None
    required: bool = True
    above: Decimal | None = None
    """Exclusive lower bound of a number."""
    at_least: Decimal | None = None
    """Inclusive lower bound of a number."""


class Touches(StrEnum):
    """How a record of the dataset reaches the dated analytics: tells which days a change makes stale."""

    NOTHING = "nothing"
    OWN_DATE = "own date"
    DATE_OF_LOG = "date of its log"


@dataclass(frozen=True)
class Dataset:
    """A kind of record: where it is stored, what it looks like, what identifies it."""

    name: str
    key: str
    fields: tuple[Field, ...]
    touches: Touches
    description: str
    dated_by: str | None = None
    """The field that leads to the day: the date itself, or the log that has it."""

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The table's data columns, in the order of the fields. `file_id` and `record_no` follow them."""
        return tuple(field.name for field in self.fields)

    @cached_property
    def key_index(self) -> int:
        return self.columns.index(self.key)

    @cached_property
    def table(self) -> str:
        return f"raw.{self.name}"


_ZERO = Decimal(0)


def _text(name: str, description: str, *, required: bool = True) -> Field:
    return Field(name, Kind.TEXT, description, required=required)


def _measure(name: str, unit: str, description: str, *, above: Decimal | None = None) -> Field:
    return Field(
        name, Kind.NUMBER, description, unit, required=False, above=above, at_least=None if above is not None else _ZERO
    )


VEHICLES = Dataset(
    name="vehicles",
    key="vehicle_id",
    touches=Touches.NOTHING,
    description="Master data of the fleet: one record per vehicle.",
    fields=(
        _text("vehicle_id", "Identifies the vehicle"),
        _text("name", "What people call it, or its type", required=False),
        _measure("total_mileage", "km", "Distance driven in its lifetime"),
    ),
)

VEHICLE_LOGS = Dataset(
    name="vehicle_logs",
    key="log_id",
    touches=Touches.OWN_DATE,
    dated_by="trip_date",
    description="Trips: one record per trip of a vehicle. Its date dates every shipment it carried.",
    fields=(
        _text("log_id", "Identifies the trip"),
        _text("vehicle_id", "The vehicle that drove; may arrive before its vehicle"),
        Field("trip_date", Kind.DATE, "Day of the trip"),
        _measure("mileage", "km", "Distance driven"),
        _measure("fuel_used", "litres", "Fuel burnt"),
    ),
)

SHIPMENTS = Dataset(
    name="shipments",
    key="shipment_id",
    touches=Touches.DATE_OF_LOG,
    dated_by="log_id",
    description="Consignments: one record per shipment carried on a trip.",
    fields=(
        _text("shipment_id", "Identifies the shipment"),
        _text("origin", "Where it was picked up"),
        _text("destination", "Where it was delivered"),
        _measure("weight", "kg", "Weight", above=_ZERO),
        _measure("cost", "currency", "What the customer paid: the revenue"),
        _measure("delivery_time", "hours", "From pick-up to delivery"),
        _text("log_id", "The trip that carried it; may arrive before its log"),
    ),
)

DATASETS: dict[str, Dataset] = {dataset.name: dataset for dataset in (VEHICLES, VEHICLE_LOGS, SHIPMENTS)}
