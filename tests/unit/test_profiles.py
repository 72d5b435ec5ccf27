"""Profiles of columns: what they say is true, and merging them says the same of all together, nearly."""

import random
from collections import Counter

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from logistics_core.profiles import (
    MEASURES,
    MOST_FREQUENT,
    MOST_VALUES,
    POINTS,
    FieldProfile,
    ValueKind,
    make_profile,
    merged_profiles,
    point_as_text,
)

texts = st.lists(st.one_of(st.none(), st.sampled_from("abcdefgh"), st.text(max_size=100)), max_size=300)


def of(values: list[str | None], kind: ValueKind = ValueKind.TEXT) -> FieldProfile:
    return make_profile(values, kind, MEASURES[kind])


@given(texts)
def test_a_profile_counts(values: list[str | None]) -> None:
    profile = of(values)
    filled = [value for value in values if value is not None]
    assert (profile.records, profile.filled) == (len(values), len(filled))
    assert profile.distinct == len(set(filled))
    assert len(profile.values) <= MOST_VALUES
    assert len(profile.frequent) <= MOST_FREQUENT
    lengths = sorted(map(len, filled))
    assert len(profile.points) == (POINTS if filled else 0)
    assert list(profile.points) == sorted(profile.points)
    if filled:
        assert (profile.points[0], profile.points[-1]) == (lengths[0], lengths[-1])
        assert sum(profile.histogram()) == pytest.approx(1)
    assert msgspec.convert(msgspec.to_builtins(profile), FieldProfile) == profile


@given(st.lists(st.lists(st.sampled_from("abcdefghij"), max_size=50), min_size=1, max_size=5))
def test_merging_few_values_is_exact_in_any_order(parts: list[list[str]]) -> None:
    together = of([value for part in parts for value in part])
    for ordered in (parts, parts[::-1]):
        merged = merged_profiles({"field": of(list(part))} for part in ordered)["field"]
        assert (merged.records, merged.filled, merged.distinct) == (
            together.records,
            together.filled,
            together.distinct,
        )
        assert merged.values == together.values
        assert merged.frequent == dict(Counter(together.values).most_common()) or len(merged.frequent) <= MOST_FREQUENT


def test_many_distinct_values_are_estimated_when_files_are_merged() -> None:
    files = [{"id": of([f"V-{file}-{number}" for number in range(2_000)])} for file in range(10)]
    assert merged_profiles(files)["id"].distinct == pytest.approx(20_000, rel=0.3)
    same = [{"id": of([f"V-{number}" for number in range(2_000)])} for _ in range(10)]
    assert merged_profiles(same)["id"].distinct == pytest.approx(2_000, rel=0.3)


@pytest.mark.parametrize(("overlap", "low", "high"), [(0, 0, 0.1), (500, 0.3, 0.7), (1000, 1, 1)])
def test_shared_values_are_estimated(overlap: int, low: float, high: float) -> None:
    one = of([f"c{number}" for number in range(1000)])
    other = of([f"c{number + 1000 - overlap}" for number in range(1000)])
    shared = one.shared_values(other)
    assert shared is not None
    assert low <= shared <= high


def test_points_of_merged_files_are_near_those_of_all_values() -> None:
    chance = random.Random(5)
    parts: list[list[str | None]] = [
        [str(chance.gauss(mean, 10)) for _ in range(size)] for mean, size in ((100, 3000), (200, 1000), (130, 500))
    ]
    merged = merged_profiles({"x": of(part, ValueKind.NUMBER)} for part in parts)["x"]
    exact = of([value for part in parts for value in part], ValueKind.NUMBER)
    spread = exact.points[-1] - exact.points[0]
    assert all(abs(one - other) < 0.15 * spread for one, other in zip(merged.points, exact.points, strict=True))
    assert merged.median == pytest.approx(exact.median, rel=0.05)


def test_days_are_measured_and_shown_as_days() -> None:
    profile = of(["2024-01-31", "2024-02-29T12:00:00", "no date", None], ValueKind.DATE)
    assert [point_as_text(ValueKind.DATE, point) for point in (profile.points[0], profile.points[-1])] == [
        "2024-01-31",
        "2024-02-29",
    ]
