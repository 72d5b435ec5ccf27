"""Models as a contract declares them: what is learnt from the records, and from which fields. Plain, immutable."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

DURATION = "duration"
"""How long something takes, with quantiles and the risk of being late."""
ODD_VALUES = "odd_values"
"""Which values of a field are odd, and why."""

HOURS_PER_UNIT: Mapping[str, float] = {"s": 1 / 3600, "min": 1 / 60, "h": 1.0, "d": 24.0, "wk": 168.0}
"""Units that durations can have (symbols of UCUM)."""


@dataclass(frozen=True)
class DeclaredModel:
    """A model of one field of a dataset."""

    name: str
    """Of its own within the dataset."""
    kind: str
    """`DURATION` or `ODD_VALUES`."""
    field: str
    """The field that is predicted, or watched."""
    by: tuple[str, ...]
    """Fields whose values records have in common that are alike: origin and destination. Paths are followed."""
    per: tuple[str, ...] = ()
    """Numeric fields that explain the value: weight, distance. Paths are followed."""
    promise: str | None = None
    """The field with what was promised, in the unit of the predicted one; None: the mean of the group and an hour."""
    min_effect: Decimal = Decimal("0.25")
    """How far a value must be from the expected one to be odd, as a share of it."""

    def full_name(self, dataset: str) -> str:
        """As models are called: `shipments.delivery_time`."""
        return f"{dataset}.{self.name}"
