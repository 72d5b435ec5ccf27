"""Public holidays and named days."""

from datetime import date

import pytest

from logistics_core.catalogue.forecasts import NamedDay
from logistics_core.metrics.periods import DayRange
from logistics_core.special_days import check_region, special_days

YEARS = DayRange(date(2023, 12, 20), date(2025, 1, 10))


def test_holidays_are_those_of_the_region() -> None:
    bavaria = special_days(["DE-BY"], (), YEARS)
    assert bavaria[date(2024, 1, 6)] == bavaria[date(2025, 1, 6)] == "Epiphany"
    assert date(2024, 1, 6) not in special_days(["DE"], (), YEARS)
    assert list(bavaria) == sorted(bavaria)
    assert min(bavaria) >= YEARS.start and max(bavaria) <= YEARS.end


def test_a_day_that_is_observed_has_the_name_of_the_holiday() -> None:
    found = special_days(["US"], (), DayRange(date(2021, 7, 1), date(2021, 7, 31)))
    assert found == {date(2021, 7, 4): "Independence Day", date(2021, 7, 5): "Independence Day"}


def test_named_days_come_once_or_every_year_and_before_holidays() -> None:
    named = (NamedDay("Closed", 12, 25), NamedDay("Fair", 5, 3, 2024), NamedDay("Leap day", 2, 29))
    found = special_days(["DE"], named, YEARS)
    assert [day for day, name in found.items() if name == "Closed"] == [date(2023, 12, 25), date(2024, 12, 25)]
    assert [day for day, name in found.items() if name in ("Fair", "Leap day")] == [date(2024, 2, 29), date(2024, 5, 3)]


@pytest.mark.parametrize("region", ["XX", "de", "DE-", "Germany", ""])
def test_unknown_regions_are_refused(region: str) -> None:
    with pytest.raises(ValueError, match="ISO 3166"):
        check_region(region)
