"""A file of which too many records are rejected is bad as a whole; a few bad records never are."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from logistics_core.settings import Settings
from logistics_pipeline.loading.reject_limit import RejectLimit


@pytest.mark.parametrize(
    ("limit", "read", "rejected", "exceeded"),
    [
        ("50%", 999, 999, False),
        ("50%", 1_000, 500, False),
        ("50%", 1_000, 501, True),
        ("50%", 2_000_000, 1_000_001, True),
        ("0.1%", 10_000, 10, False),
        ("0.1%", 10_000, 11, True),
        ("0%", 1_000, 0, False),
        ("0%", 1_000, 1, True),
        ("100%", 1_000_000, 1_000_000, False),
        ("10000", 10_000, 10_000, False),
        ("10000", 10_001, 10_001, True),
        ("0", 5, 0, False),
        ("0", 5, 1, True),
    ],
)
def test_a_limit_is_exceeded_by_more_than_it_says(limit: str, read: int, rejected: int, exceeded: bool) -> None:
    assert RejectLimit.parse(limit).is_exceeded(read, rejected) == exceeded


@pytest.mark.parametrize(
    ("limit", "read", "rejected", "exceeded"),
    [
        ("50%", 0, 0, False),
        ("50%", 2, 1, False),
        ("50%", 3, 2, True),
        ("50%", 999, 998, True),
        ("90%", 10, 9, False),
        ("100%", 10, 9, False),
        ("100%", 10, 10, True),
        ("100%", 1, 1, True),
        ("0%", 5, 1, True),
        ("10000", 4, 2, False),
        ("10000", 4, 3, True),
        ("1", 100, 2, True),
    ],
)
def test_at_its_end_a_file_of_any_size_is_judged(limit: str, read: int, rejected: int, exceeded: bool) -> None:
    assert RejectLimit.parse(limit).is_exceeded_at_end(read, rejected) == exceeded


@given(st.from_regex(r"[0-9]{0,20}\.?[0-9]{0,8}%?", fullmatch=True) | st.text(max_size=6))
def test_the_setting_takes_exactly_what_can_be_parsed(text: str) -> None:
    try:
        accepted = Settings(max_rejects=text).max_rejects == text
    except ValidationError as error:
        accepted = False
        assert "percentage" in str(error)

    try:
        RejectLimit.parse(text)
    except ValueError as error:
        assert not accepted and "percentage" in str(error)
    else:
        assert accepted


def test_the_default_is_half_of_the_records() -> None:
    limit = RejectLimit.parse(Settings().max_rejects)

    assert str(limit) == "50% of the records read"
    assert re.match(r"10,000 records", str(RejectLimit.parse("10000")))
