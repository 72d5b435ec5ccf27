"""Keys themselves: how they look, and what the command line understands."""

from datetime import UTC, datetime, timedelta

import pytest

from logistics_pipeline.cli.keys import _expiry
from logistics_pipeline.database.api_keys import PREFIX, is_well_formed, make_key
from logistics_pipeline.errors import PipelineError

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_keys_are_all_different_and_of_one_form() -> None:
    keys = {make_key() for _ in range(1000)}
    assert len(keys) == 1000
    assert {len(key) for key in keys} == {53}
    assert all(key.startswith(PREFIX) and key[4:].isalnum() and key.isascii() for key in keys)
    assert all(is_well_formed(key) for key in keys)


def test_a_key_that_was_mistyped_or_cut_off_is_recognised() -> None:
    key = make_key()
    assert not is_well_formed(key[:-1])
    assert not is_well_formed("x" + key)
    assert not is_well_formed("")
    for place in range(4, 53):
        other = "a" if key[place] != "a" else "b"
        assert not is_well_formed(key[:place] + other + key[place + 1 :])


def test_an_expiry_is_a_day_or_a_number_of_days_from_now() -> None:
    assert _expiry("90d", NOW) == NOW + timedelta(days=90)
    assert _expiry("2026-03-02", NOW) == datetime(2026, 3, 2, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "d", "0d", "-1d", "1.5d", "2026-13-01", "tomorrow", "2026-03-01", "999999d"])
def test_what_is_no_expiry_or_past_is_refused(text: str) -> None:
    with pytest.raises(PipelineError, match="--expires"):
        _expiry(text, NOW)
