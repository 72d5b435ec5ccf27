"""Every form of date the contract takes, and every one it refuses."""

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logistics_pipeline.loading.contract.dates import FIRST_DATE, LAST_DATE, DateOrder, InvalidDateError, parse_date

DATES = st.dates(FIRST_DATE, LAST_DATE)
MARCH_5 = date(2024, 3, 5)


@pytest.mark.parametrize(
    "text",
    [
        *["2024-03-05", "20240305", "2024-W10-2", "2024W102"],
        *["2024-03-05T10:00:00", "2024-03-05 10:00", "2024-03-05T10", "2024-03-05t10:00:00z", "20240305T100000Z"],
        *["2024-03-05T10:00:00.123456789Z", "2024-03-05 10:00:00,5", "2024-03-05 10:00:00 UTC", "2024-03-05T10:00Z"],
        *["2024-03-05T23:59:59+14:00", "2024-03-05T00:00:00-1200", "2024-03-05 10:00:00 +0000", "2024-03-05T10:00+02"],
        *["2024-03-05T24:00:00", "2024-03-05T23:59:60Z"],
        *[
            "5-Mar-24",
            "05-Mar-2024",
            "5 March 2024",
            "5 Mar, 2024",
            "5th March 2024",
            "5/MAR/2024",
            "5.Mar.2024",
            "05Mar2024",
        ],
        *["Mar 5, 2024", "March 5 2024", "mar. 5th, 2024", "Mar-05-24", "March 5,2024"],
        *["2024-3-5", "2024-03-5", "2024-3-5 10:00", "2024-Mar-05", "2024 March 5", "2024/Mar/5 2:30 PM"],
    ],
)
def test_all_forms_of_one_day(text: str) -> None:
    for order in (None, "dmy", "mdy"):
        assert parse_date(text, order) == MARCH_5  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "year, full", [("69", 1969), ("99", 1999), ("00", 2000), ("06", 2006), ("24", 2024), ("68", 2068)]
)
def test_two_digit_years_are_those_from_1969_to_2068(year: str, full: int) -> None:
    assert parse_date(f"2-Jun-{year}") == parse_date(f"Jun 2, {year}") == date(full, 6, 2)
    assert parse_date(f"02/06/{year}", "dmy") == date(full, 6, 2)


@pytest.mark.parametrize(
    "text, order, expected",
    [
        ("10/26/2017", "mdy", date(2017, 10, 26)),
        ("26/10/2017", "dmy", date(2017, 10, 26)),
        ("2.3.2024", "dmy", date(2024, 3, 2)),
        ("2-3-24", "mdy", date(2024, 2, 3)),
        ("2024-03-02", "dmy", date(2024, 3, 2)),
    ],
)
def test_all_number_dates_follow_the_stated_order(text: str, order: DateOrder, expected: date) -> None:
    assert parse_date(text, order) == expected


@pytest.mark.parametrize("text", ["10/26/2017", "26/10/2017", "02/03/2024", "2.3.24", "01-02-03"])
def test_without_an_order_they_are_refused_with_the_hint(text: str) -> None:
    with pytest.raises(InvalidDateError, match=r"is ambiguous: .* set LOGISTICS_DATE_ORDER to dmy or mdy"):
        parse_date(text)


@pytest.mark.parametrize("text", ["10/26/2017", "31.04.2024", "29/2/2023", "0/1/2024"])
def test_days_that_do_not_exist_in_the_stated_order_are_refused(text: str) -> None:
    with pytest.raises(InvalidDateError, match="must be a date such as"):
        parse_date(text, "dmy")


@pytest.mark.parametrize(
    "text",
    [
        *["", "x", "2024", "2024-03", "2024-02-30", "2024-3-32", "2023-02-29", "2024-13-01", "0000-01-01", "2024-W10"],
        *["2024-W54-1", "2024-03-05T25:00", "2024-03-05T10:60", "2024-03-05x10:00", "2024-03-05T", "2024-03-05 noon"],
        *[
            "2024-03-05\x0010:00",
            "２０２４-03-05",
            "30 Feb 2024",
            "5 Mai 2024",
            "5 Marching 2024",
            "Mar 5",
            "March 2024",
        ],
        *["1709596800", "45356", "yesterday", "5-Mar-024", "2024-03-05T10:00:00+25:00", "2024-03-05Z"],
    ],
)
@pytest.mark.parametrize("order", [None, "dmy", "mdy"])
def test_what_is_no_date_is_refused(text: str, order: DateOrder | None) -> None:
    with pytest.raises(InvalidDateError, match="must be a date such as 2024-03-05 or 5-Mar-2024, found") as caught:
        parse_date(text, order)
    assert "\0" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["1899-12-31", "2101-01-01", "9999-12-31", "31 Dec 1899", "1 Jan 2101", "0001-01-01", "11122013"]
)
def test_days_outside_two_centuries_are_refused(text: str) -> None:
    with pytest.raises(InvalidDateError, match=r"must lie between 1900-01-01 and 2100-12-31|must be a date such as"):
        parse_date(text)


def test_the_first_and_the_last_day_are_accepted() -> None:
    assert parse_date("1900-01-01") == FIRST_DATE
    assert parse_date("31 December 2100") == LAST_DATE


@pytest.mark.parametrize(
    "text",
    ["2024/03/05", "2024.03.05", "2024/3/5", "2024-03-05", "20240305", "5-Mar-2024", "Mar 5, 2024", "5 March 24"],
)
@pytest.mark.parametrize(
    "time",
    [
        *["", " 00:47", " 0:47", " 23:59:59", " 24:00", " 23:59:60", " 14:30:00.125", " 14:30 +02:00", "T14:30:00Z"],
        *[" 02:30:00 PM", " 2:30 pm", " 12:00 AM", " 12:59:59 p.m.", " 2 PM", ", 02:30 PM", "\u00a02:30\u202fPM"],
    ],
)
def test_a_time_of_day_may_follow_any_form(text: str, time: str) -> None:
    assert parse_date(text + time) == MARCH_5


@pytest.mark.parametrize("order, text", [("dmy", "05/03/2024"), ("mdy", "3/5/2024"), ("mdy", "03.05.24")])
@pytest.mark.parametrize("time", ["", " 00:15", " 02:30:00 PM", " 2:30 PM"])
def test_a_time_of_day_may_follow_dates_of_numbers(order: DateOrder, text: str, time: str) -> None:
    assert parse_date(text + time, order) == MARCH_5


@pytest.mark.parametrize("day", ["2024-03-05", "2024/03/05", "5 Mar 2024", "05/03/2024"])
@pytest.mark.parametrize(
    "time",
    [
        *[" 25:00", " 24:01", " 24:00:00.5", " 12:60", " 12:30:61", " 13:00 PM", " 0:30 AM", " 14", " 2:30 XM"],
        *[" 14:30 +25:00", " :30", " 1430 PM", " 2:3", " 14:30 noon", " 14:30 14:30"],
    ],
)
def test_times_of_day_that_do_not_exist_are_refused(day: str, time: str) -> None:
    if (day, time) == ("2024-03-05", " 14"):  # ISO 8601 has hours alone
        return
    with pytest.raises(InvalidDateError, match="must be a date such as"):
        parse_date(day + time, "dmy")


@pytest.mark.parametrize("text", ["2024/13/05", "2024/02/30", "2024/03.05", "24/03/05/1", "2024//05", "1899/12/31"])
def test_days_that_do_not_exist_with_the_year_first_are_refused(text: str) -> None:
    with pytest.raises(InvalidDateError, match="must"):
        parse_date(text)


@settings(deadline=None, max_examples=100)
@given(
    day=DATES, style=st.sampled_from(["%Y-%m-%d", "%Y%m%d", "%G-W%V-%u", "%d-%b-%Y", "%B %d, %Y", "%Y-%m-%dT%H:%M:%SZ"])
)
def test_any_day_in_any_style_is_read_back(day: date, style: str) -> None:
    assert parse_date(day.strftime(style)) == day


@settings(deadline=None, max_examples=100)
@given(day=DATES, hours=st.integers(-14, 14))
def test_no_time_zone_moves_the_day(day: date, hours: int) -> None:
    assert parse_date(f"{day}T00:30:00{hours:+03}:00") == day
    assert parse_date(f"{day}T23:30:00{hours:+03}:00") == day


@settings(deadline=None, max_examples=300)
@given(text=st.text(max_size=64) | st.from_regex(r"[0-9]{1,4}[-/. ,][0-9A-Za-z]{1,9}[-/. ,][0-9]{1,4}([T ].{0,8})?"))
def test_any_text_is_a_day_or_refused_with_a_reason_that_can_be_stored(text: str) -> None:
    try:
        assert FIRST_DATE <= parse_date(text) <= LAST_DATE
    except InvalidDateError as error:
        assert "\0" not in str(error)
        str(error).encode()


def test_every_day_of_a_century_differs_from_the_next() -> None:
    day = date(1999, 1, 1)
    for _ in range(800):
        assert parse_date(f"{day:%d}-{day:%b}-{day:%y}") == day
        day += timedelta(days=1)
