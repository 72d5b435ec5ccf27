"""Rejects are of one kind if they broke the same rule, whatever their values, lengths and positions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logistics_pipeline.loading.contract.reject_kinds import LONGEST_KIND, reject_kind, stored_kind


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("weight must be more than 0, found -3", "weight must be more than 0"),
        ("co2 must be at least 0.5, found 0.25", "co2 must be at least 0.5"),
        ("name must have at most 255 characters, found 1,234", "name must have at most 255 characters"),
        ("the row has 7 fields, the header 5", "the row has another number of fields than the header"),
        ("the row has 1 field, the header 5", "the row has another number of fields than the header"),
        (
            "not JSON: JSON is malformed: invalid character (byte 12)",
            "not JSON: JSON is malformed: invalid character (byte …)",
        ),
        ("nested deeper than 100 levels", "nested deeper than 100 levels"),
        ("cost must have at most 100 digits", "cost must have at most 100 digits"),
        ("name is not valid UTF-8 (broken bytes)", "name is not valid UTF-8 (broken bytes)"),
        ('PostgreSQL refused it: bad value "12"', 'PostgreSQL refused it: bad value "…"'),
        ('trip_date is ambiguous: "1/2/24" may be either', 'trip_date is ambiguous: "…" may be either'),
        ('weight must be a number, found the text "a, found b"', "weight must be a number"),
        ("vehicle_id is missing", "vehicle_id is missing"),
    ],
)
def test_the_kind_leaves_out_what_differs_from_record_to_record(reason: str, kind: str) -> None:
    assert reject_kind(reason) == kind


@given(st.text(alphabet='ab ", :0123.-', max_size=400))
def test_what_is_stored_and_the_reason_give_the_kind(reason: str) -> None:
    stored = stored_kind(reason)

    assert (reason.split(", found ")[0] if stored is None else stored) == reject_kind(reason)
    assert len(reject_kind(reason)) <= LONGEST_KIND
