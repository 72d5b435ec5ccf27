"""What differs too much from earlier files is said; what changes from file to file anyway is not."""

import random

import pytest

from logistics_core.profiles import MEASURES, FieldProfile, ValueKind, make_profile
from logistics_pipeline.loading.contract.unusual_values import UNIT_FACTORS, find_unusual


def numbers(
    seed: int, factor: float = 1.0, *, mean: float = 50, spread: float = 15, empty: float = 0.0
) -> FieldProfile:
    chance = random.Random(seed)
    values = [abs(chance.gauss(mean, spread)) * factor for _ in range(400)]
    texts = [None if chance.random() < empty else f"{value:.9g}" for value in values]
    return make_profile(texts, ValueKind.NUMBER, MEASURES[ValueKind.NUMBER])


def words(choices: str, seed: int = 1) -> FieldProfile:
    found: list[str | None] = [*random.Random(seed).choices(choices.split(), k=300)]
    return make_profile(found, ValueKind.TEXT, MEASURES[ValueKind.TEXT])


def kinds(new: FieldProfile, *earlier: FieldProfile) -> list[str]:
    return [each.kind for each in find_unusual(new, earlier)]


@pytest.mark.parametrize("seed", range(20))
def test_files_of_one_kind_are_not_unusual(seed: int) -> None:
    earlier = [numbers(seed * 10 + number, empty=0.05) for number in range(4)]
    assert kinds(numbers(seed * 10 + 9, empty=0.05), *earlier) == []
    assert kinds(numbers(seed * 10 + 9, mean=65), *earlier) == []


@pytest.mark.parametrize("factor", UNIT_FACTORS)
@pytest.mark.parametrize("is_smaller", [False, True])
def test_every_known_factor_between_units_is_found(factor: float, is_smaller: bool) -> None:
    new = numbers(1, 1 / factor if is_smaller else factor)
    assert kinds(new, numbers(1), numbers(3)) == ["unit"]


def test_ten_times_the_median_is_said_though_no_unit_explains_it() -> None:
    assert kinds(numbers(1, mean=900, spread=20), numbers(2)) == ["median"]


def test_identifiers_have_no_unit_but_may_be_missing() -> None:
    assert find_unusual(numbers(1, 1000), [numbers(2)], is_identifier=True) == []
    found = find_unusual(numbers(1, 1000, empty=0.4), [numbers(2, empty=0.1)], is_identifier=True)
    assert [each.kind for each in found] == ["nulls"]


def test_three_times_the_empty_cells_are_said() -> None:
    assert kinds(numbers(1, empty=0.4), numbers(2, empty=0.1)) == ["nulls"]
    assert kinds(numbers(1, empty=0.13), numbers(2, empty=0.1)) == []
    assert kinds(numbers(1, empty=0.1), numbers(2)) == ["nulls"]
    assert kinds(numbers(1, empty=1), numbers(2)) == ["nulls"]


def test_a_new_dominant_value_is_said_unless_each_file_has_one() -> None:
    usual, new = words("red green blue black"), words("grey grey grey grey red")
    assert kinds(new, usual) == ["dominant_value"]
    assert kinds(words("b b b c"), words("a a a c")) == []


def test_few_values_prove_nothing() -> None:
    few = make_profile(["1000"] * 10, ValueKind.NUMBER, MEASURES[ValueKind.NUMBER])
    assert kinds(few, numbers(1)) == []
    assert kinds(numbers(1, 1000), few) == []
    assert kinds(numbers(1, 1000)) == []
