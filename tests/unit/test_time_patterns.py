"""Patterns of dates and times: what they read is what Python's own strptime reads, and stricter."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logistics_core.catalogue.time_patterns import PatternError, time_pattern

DATES = ("%d/%m/%Y", "%m-%d-%y", "%Y%m%d", "%d %b %Y", "%B %d, %Y", "%a %d.%m.%Y")
CLOCKS = ("%H:%M", "%H:%M:%S", "%I:%M %p", "%H%M%S", "%H:%M:%S.%f")


@given(
    st.datetimes(*map(datetime.fromisoformat, ("1970-01-01", "2068-12-31"))),
    st.sampled_from(DATES),
    st.sampled_from(CLOCKS),
)
def test_a_pattern_reads_what_it_writes(moment: datetime, day: str, clock: str) -> None:
    pattern = f"{day} {clock}"
    text = moment.strftime(pattern)
    parts = time_pattern(pattern).read(text)
    assert parts is not None
    assert (parts.year, parts.month, parts.day) == (moment.year, moment.month, moment.day)
    assert (parts.hour, parts.minute) == (moment.hour, moment.minute)
    assert parts.second == (moment.second if "%S" in pattern else None)
    assert parts.fraction == (f"{moment.microsecond:06}" if "%f" in pattern else "")
    assert parts.weekday == (moment.weekday() if "%a" in pattern else None)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("%d/%m/%Y", "5/ 3/2024"),
        ("%d/%m/%Y", "05/03/24"),
        ("%Y%m%d", "2024111"),
        ("%d.%m.%Y", "05.03.2024 10:00"),
        ("%d.%m.%Y", "05x03x2024"),
        ("%H:%M", "\u0661\u0660:00"),
        ("%d %b %Y", "5 Mär 2024"),
    ],
)
def test_what_is_not_of_the_pattern_is_not_read(pattern: str, text: str) -> None:
    assert time_pattern(pattern).read(text) is None


def test_there_is_no_zero_or_thirteen_o_clock_of_half_a_day() -> None:
    pattern = time_pattern("%I:%M %p")
    hours = [pattern.read(text) for text in ("12:00 AM", "12:00 pm", "1:05 PM", "0:05 AM", "13:00 PM")]
    assert [parts and parts.hour for parts in hours] == [0, 12, 13, 99, 99]


def test_a_percent_sign_is_written_twice() -> None:
    assert time_pattern("%%%Y").read("%2024") is not None
    with pytest.raises(PatternError, match="is not known"):
        time_pattern("%-d.%m.%Y")
