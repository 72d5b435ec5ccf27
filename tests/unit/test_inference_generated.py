"""Generated columns: notation of a country, a word for nothing, and an odd value at any place.

What each column is follows from how it was made, not from the code under test.
"""

import random
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from logistics_pipeline.inference.column_reading import read_column
from logistics_pipeline.inference.column_types import Column, Reading

SEEDS = range(2_000)
CELLS = 150

NOTATIONS = [
    (".", ","),
    (".", " "),
    (".", "'"),
    (".", ""),
    (",", "."),
    (",", " "),
    (",", "\u00a0"),
    (",", "\u202f"),
    (",", "'"),
    (",", ""),
]
MISSING = ["", "NA", "N/A", "n/a", "NULL", "null", "None", "-", "--", "#N/A", "NaN", "\\N", ".", "?", "nil", "(null)"]
CURRENCIES = ["$", "\u20ac", "\u00a3", "CHF ", "EUR ", "USD "]
DATES = [
    "%Y-%m-%d",
    "%d.%m.%Y",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%Y/%m/%d",
    "%d-%b-%Y",
    "%d %B %Y",
    "%b %d, %Y",
    "%d-%m-%Y",
    "%Y%m%d",
]
CLOCKS = ["T%H:%M:%S", " %H:%M:%S", " %H:%M", " %I:%M %p"]
ODD = ["n.v.", "12A", "see note", "x", "D1000263", "007"]
UNKNOWN_FIRST = {"%d/%m/%Y": "dmy", "%m/%d/%Y": "mdy", "%d.%m.%Y": "dmy", "%d-%m-%Y": "dmy"}


def number(random: random.Random, notation: tuple[str, str], digits: int) -> str:
    decimal, group = notation
    whole = f"{random.randrange(10 ** random.randrange(1, 8)):,}".replace(",", group)
    return f"{whole}{decimal}{random.randrange(10**digits):0{digits}}" if digits else whole


def with_missing(random: random.Random, cells: list[str]) -> list[str]:
    word = random.choice(MISSING)
    return [word if random.random() < 0.1 else cell for cell in cells]


def reading_of(title: str, cells: list[str]) -> Reading:
    counts: dict[str, int] = {}
    for cell in cells:
        counts[cell] = counts.get(cell, 0) + 1
    empty = counts.pop("", 0)
    return read_column(Column(title, counts, empty, len(cells)))


def numbers_are_numbers(random: random.Random) -> str | None:
    notation, digits = random.choice(NOTATIONS), random.choice([1, 2, 4])
    before, after = random.choice([("", ""), (random.choice(CURRENCIES), ""), ("", "%")])
    cells = [f"{before}{number(random, notation, digits)}{after}" for _ in range(CELLS)]
    reading = reading_of("amount", with_missing(random, cells))
    if (str(reading.type), reading.doubts) != ("number", ()):
        return f"{cells[:3]}: {reading}"
    return None if reading.number_format and reading.number_format.decimal == notation[0] else f"{cells[:3]}: {reading}"


def three_digits_alone_are_a_question(random: random.Random) -> str | None:
    sign = random.choice(".,")
    cells = [f"{random.randrange(1, 1000)}{sign}{random.randrange(1000):03}" for _ in range(CELLS)]
    reading = reading_of("amount", with_missing(random, cells))
    return None if [each.kind for each in reading.doubts] == ["decimal_character"] else f"{cells[:3]}: {reading}"


def whole_numbers_are_integers(random: random.Random) -> str | None:
    cells = [str(random.randrange(-(10**5), 10 ** random.randrange(1, 17))) for _ in range(CELLS)]
    reading = reading_of("pieces", with_missing(random, cells))
    return None if (str(reading.type), reading.doubts) == ("integer", ()) else f"{cells[:3]}: {reading}"


def an_odd_value_makes_a_text(random: random.Random) -> str | None:
    notation = random.choice(NOTATIONS)
    cells = [number(random, notation, random.choice([0, 2]) if notation[1] not in ",." else 2) for _ in range(CELLS)]
    cells, odd = with_missing(random, cells), random.choice(ODD)
    cells[random.choice([0, 1, CELLS // 2, CELLS - 2, CELLS - 1])] = odd
    reading = reading_of("amount", cells)
    return None if str(reading.type) == "string" else f"{odd} in {cells[:3]}: {reading}"


def days(random: random.Random) -> list[datetime]:
    begin = datetime(random.randrange(1950, 2050), 1, 1)  # noqa: DTZ001
    return [begin + timedelta(minutes=random.randrange(60 * 24 * 700)) for _ in range(CELLS)]


def dates_are_dates(random: random.Random) -> str | None:
    form, clock = random.choice(DATES), random.choice(["", "", *CLOCKS])
    if form == "%Y%m%d":
        clock = ""
    cells = [each.strftime(form + clock) for each in days(random)]
    reading = reading_of("when", with_missing(random, cells))
    if str(reading.type) != ("datetime" if clock else "date") or reading.doubts:
        return f"{cells[:3]}: {reading}"
    order = UNKNOWN_FIRST.get(form)
    return None if order is None or reading.date_orders == (order,) else f"{cells[:3]}: {reading}"


def ambiguous_dates_are_a_question(random: random.Random) -> str | None:
    form = random.choice(list(UNKNOWN_FIRST)) + random.choice(["", *CLOCKS[1:]])
    found = [each for each in days(random) if each.day <= 12]
    cells = [each.strftime(form) for each in found]
    reading = reading_of("when", with_missing(random, cells))
    asked = [each.kind for each in reading.doubts]
    return None if asked == ["date_order"] and len(reading.date_orders) == 2 else f"{cells[:3]}: {reading}"


def one_date_beyond_proves_the_order(random: random.Random) -> str | None:
    form, order = random.choice(list(UNKNOWN_FIRST.items()))
    cells = [each.strftime(form) for each in days(random) if each.day <= 12]
    proof = datetime(2024, random.randrange(1, 13), random.randrange(13, 29))  # noqa: DTZ001
    cells.insert(random.choice([0, len(cells) // 2, len(cells)]), proof.strftime(form))
    reading = reading_of("when", cells)
    return None if reading.date_orders == (order,) and not reading.doubts else f"{cells[:3]}: {reading}"


def codes_are_texts(random: random.Random) -> str | None:
    width = random.randrange(3, 12)
    kind = random.choice(["zeros", "long", "exponent", "dotted"])
    cells = {
        "zeros": [f"{random.randrange(10**width):0{width}}" for _ in range(CELLS)] + ["0" * (width - 1) + "7"],
        "long": [str(random.randrange(10**18, 10**25)) for _ in range(CELLS)],
        "exponent": [f"{random.randrange(1, 10)}E{random.randrange(1, 10)}" for _ in range(CELLS)],
        "dotted": [".".join(str(random.randrange(100)) for _ in range(3)) for _ in range(CELLS)] + ["10.0.33"],
    }[kind]
    reading = reading_of("thing", cells)
    return None if str(reading.type) == "string" else f"{cells[:3]}: {reading}"


KINDS = [
    numbers_are_numbers,
    three_digits_alone_are_a_question,
    whole_numbers_are_integers,
    an_odd_value_makes_a_text,
    dates_are_dates,
    ambiguous_dates_are_a_question,
    one_date_beyond_proves_the_order,
    codes_are_texts,
]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_generated_columns(kind: Callable[[random.Random], str | None]) -> None:
    wrong = [found for seed in SEEDS[: len(SEEDS) // len(KINDS)] if (found := kind(random.Random(seed))) is not None]

    assert wrong == []
