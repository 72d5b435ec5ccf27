"""Values of conditions: what PostgreSQL could not read is refused before any statement is sent, or a refresh fails."""

import pytest

from logistics_core.catalogue.metrics import Operator
from logistics_core.metrics.conditions import conditions_on
from logistics_pipeline.database.connections import Connection
from tests.many_types import readings

READ = conditions_on(readings().field)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("departs", "x"), ("departs", ""), ("departs", "P"), ("departs", "PT"), ("departs", "P1H"),
        ("departs", "P" + "9" * 20 + "Y"), ("departs", "1:2:3"), ("departs", 5), ("departs", "\u0661:00:00"),
        ("starts", "14:30:00+02:00"), ("starts", "25:00"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("operator", [Operator.EQ, Operator.IN, Operator.LT])
def test_a_text_that_is_no_duration_or_time_of_day_is_refused(field: str, value: object, operator: Operator) -> None:
    operand = [value] if operator is Operator.IN else value
    with pytest.raises(ValueError, match=r"departs takes a duration|starts takes a time of day"):
        READ(field, operator, operand, "filter")


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("PT25H10M", "PT25H10M"), ("25:10:00", "25:10:00"), ("-00:00:01.25", "-00:00:01.25"), ("P-1D", "P-1D"),
        ("-P1D", "P-1D"), ("-P1Y2M3DT4H-5M6.5S", "P-1Y-2M-3DT-4H5M-6.5S"),
    ],
)  # fmt: skip
def test_durations_are_read_as_postgresql_does(value: str, read: str, connection: Connection) -> None:
    assert READ("departs", Operator.EQ, value, "filter").value == read
    connection.execute("SELECT %s::interval", (read,))
