"""The day of a record, from its date or timestamp as COPY text. `logistics_core.row_days` has the same in SQL."""

from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from logistics_core.catalogue import Dataset, FieldType
from logistics_core.catalogue.model import UTC

_DAY_CHARACTERS = len("2024-01-31")


def day_of_record(dataset: Dataset) -> Callable[[str], str]:
    """Returns a function that makes the ISO date of the COPY text of the field by which the dataset is dated."""
    dating = dataset.dating
    assert dating is not None and dating.is_own
    field = dataset.field(dating.field)
    if field.type is FieldType.DATE:
        return lambda text: text
    if not field.has_time_zone or dating.time_zone == UTC:  # moments are written in UTC
        return lambda text: text[:_DAY_CHARACTERS]
    zone = ZoneInfo(dating.time_zone)
    return lambda text: datetime.fromisoformat(text).astimezone(zone).date().isoformat()
