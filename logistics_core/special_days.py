"""Days that are not like others: public holidays of countries, and days that a contract names."""

from collections.abc import Iterable, Sequence
from datetime import date
from functools import cache

from logistics_core.catalogue.forecasts import NamedDay
from logistics_core.metrics.periods import DayRange

# The package holidays is imported where it is needed: it takes 50 ms, and most contracts name no country.


def check_region(region: str) -> None:
    """Checks a country, or a part of one.

    Args:
        region: ISO 3166 code: `DE`, or `DE-BY` with a subdivision.

    Raises:
        ValueError: the codes are unknown; the message says what there is.
    """
    country, hyphen, subdivision = region.partition("-")
    known = _regions()
    if country not in known or (hyphen and not subdivision):
        raise ValueError(
            f"{region!r} is no country whose holidays are known. Expected: an ISO 3166 code such as DE, US or DE-BY."
        )
    if subdivision and subdivision not in known[country]:
        parts = ", ".join(f"{country}-{each}" for each in known[country]) or "no subdivisions"
        raise ValueError(f"{region!r} is not known. There are: {country}, {parts}.")


def special_days(regions: Sequence[str], named: Iterable[NamedDay], days: DayRange) -> dict[date, str]:
    """The special days of a range with their names, by date. A day that the contract names has that name.

    Names of holidays are English where the source has them so; a holiday that is observed on another day has one name.
    """
    found: dict[date, str] = {}
    for region in regions:
        for day, name in _holidays(region, days.start.year, days.end.year).items():
            if days.start <= day <= days.end:
                found.setdefault(day, name)
    for each in named:
        years = range(days.start.year, days.end.year + 1) if each.year is None else (each.year,)
        for year in years:
            named_day = _day(year, each)
            if named_day is not None and days.start <= named_day <= days.end:
                found[named_day] = each.name
    return dict(sorted(found.items()))


def _day(year: int, named: NamedDay) -> date | None:
    """None for 29 February in a year without one."""
    try:
        return date(year, named.month, named.day)
    except ValueError:
        return None


@cache
def _regions() -> dict[str, tuple[str, ...]]:
    import holidays

    return {country: tuple(parts) for country, parts in holidays.list_supported_countries().items()}


@cache
def _holidays(region: str, first_year: int, last_year: int) -> dict[date, str]:
    import holidays

    country, _, subdivision = region.partition("-")
    years = range(first_year, last_year + 1)
    try:
        found = holidays.country_holidays(country, subdiv=subdivision or None, years=years, language="en_US")
    except NotImplementedError:  # a country whose names are in its own languages only
        found = holidays.country_holidays(country, subdiv=subdivision or None, years=years)
    return {day: _plain(name) for day, name in sorted(found.items())}


def _plain(name: str) -> str:
    """Without the remark that a day is observed, and the first of several that fall on one day."""
    return name.split(";")[0].split(" (observed")[0].strip()
