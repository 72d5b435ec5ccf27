"""Ranges of partitions: exactly the wanted files, in order, none too large."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from logistics_core.catalogue import built_in_catalogue
from logistics_pipeline.orchestration.partitions import contiguous_ranges, file_partitions


@st.composite
def requests(draw: st.DrawFn) -> tuple[list[str], set[str], dict[str, int]]:
    order = draw(st.lists(st.text(max_size=4), unique=True, max_size=20))
    wanted = {key for key in order if draw(st.booleans())}
    return order, wanted, {key: draw(st.integers(0, 50)) for key in wanted}


@settings(deadline=None, max_examples=200)
@given(request=requests(), max_files=st.integers(1, 6), max_bytes=st.integers(0, 100))
def test_ranges_hold_exactly_what_is_wanted_without_gaps_within_the_limits(
    request: tuple[list[str], set[str], dict[str, int]], max_files: int, max_bytes: int
) -> None:
    order, wanted, sizes = request

    ranges = contiguous_ranges(iter(wanted), order, sizes, max_files=max_files, max_bytes=max_bytes)

    assert [key for keys in ranges for key in keys] == [key for key in order if key in wanted]
    for keys in ranges:
        first = order.index(keys[0])
        assert order[first : first + len(keys)] == keys
        assert len(keys) <= max_files
        assert len(keys) == 1 or sum(sizes[key] for key in keys) <= max_bytes
    for keys, following in pairwise(ranges):
        could_join = order.index(following[0]) == order.index(keys[-1]) + 1 and len(keys) < max_files
        assert not (could_join and sum(sizes[key] for key in [*keys, following[0]]) <= max_bytes)


def test_a_gap_ends_a_range_as_does_a_full_one() -> None:
    order, sizes = list("abcdefgh"), dict.fromkeys("abcdefgh", 10) | {"g": 500}

    assert contiguous_ranges("hgbafec", order, sizes, max_files=2, max_bytes=100) == [
        ["a", "b"],
        ["c"],
        ["e", "f"],
        ["g"],
        ["h"],
    ]


def test_every_dataset_has_partitions_of_its_own() -> None:
    assert len({file_partitions(name).name for name in built_in_catalogue()}) == len(built_in_catalogue())
