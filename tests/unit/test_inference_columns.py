"""Types of single columns: the kinds that other tools read wrongly, each with values of its own."""

from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path

import pytest

from logistics_core.catalogue import FieldType
from logistics_pipeline.inference.column_reading import read_column
from logistics_pipeline.inference.column_types import Column, Reading
from logistics_pipeline.inference.propose import propose

CELLS = 3_000


def column(title: str, values: list[str], last: list[str] | None = None, cells: int = CELLS) -> Column:
    """A column of many cells, of which the odd ones come last."""
    texts = [*islice(cycle(values), cells - len(last or [])), *(last or [])]
    counts: dict[str, int] = {}
    for text in texts:
        counts[text] = counts.get(text, 0) + 1
    return Column(title, {text: count for text, count in counts.items() if text}, counts.get("", 0), cells)


def read(title: str, values: list[str], last: list[str] | None = None) -> Reading:
    return read_column(column(title, values, last))


NUMBERS = [str(number) for number in range(1, 400)]
ZIPS = [f"{number}" for number in range(10115, 10900, 7)]


def gtin(stem: int) -> str:
    digits = f"{stem:012}"
    total = sum(int(digit) * (3 if index % 2 else 1) for index, digit in enumerate(digits))
    return f"{digits}{-total % 10}"


HARD = [
    # title, values, odd values at the end, type, kinds of questions
    ("zip", ZIPS, ["01067"], "string", []),
    ("area", ZIPS, ["01067"], "string", []),
    ("amount", ["12,5", "3,25", "1200"], [], "number", []),
    ("amount", ["234,5", "17,25"], ["1.234,56"], "number", []),
    ("amount", ["234.5", "17.25"], ["1,234.56"], "number", []),
    ("amount", ["$234.50", "$17.25"], ["$1,234.56"], "number", []),
    ("amount", ["3.20 EUR", "17.25 EUR"], [], "number", []),
    ("amount", ["\u20ac 3,20", "\u20ac 1.017,25"], [], "number", []),
    ("share", ["12.5%", "3%", "0.75 %"], [], "number", []),
    ("result", ["3.20", "17.25"], ["(3.20)"], "number", []),
    ("result", ["3.25", "17.5"], ["-"], "number", []),
    ("when", ["01/02/2024", "03/04/2024", "11/12/2024"], [], "date", ["date_order"]),
    ("when", ["01/02/2024", "03/04/2024"], ["25/12/2024"], "date", []),
    ("when", ["01/02/2024", "03/04/2024"], ["12/25/2024"], "date", []),
    ("when", ["01/02/2024", "25/12/2024"], ["12/25/2024"], "string", ["date_order"]),
    ("when", ["9-Jan-24", "17-Mar-24"], [], "date", []),
    ("when", ["31.01.2024", "01.02.2024"], [], "date", []),
    ("when", ["1/31/2024 3:05 PM", "2/1/2024 11:40 AM"], [], "datetime", []),
    ("when", ["2024-01-31T10:00:00Z", "2024-02-01T11:30:00Z"], [], "datetime", []),
    ("when", ["2024-01-31 10:00:00", "2024-02-01 11:30:00+02:00"], [], "datetime", ["time_zone"]),
    ("version", ["1.12.45", "2.3.41", "1.1.9"], [], "string", []),
    ("release_no", ["1.12.45", "2.3.41", "1.1.9"], [], "string", []),
    ("value", ["1.12.45", "2.3.41", "1.1.9"], [], "string", []),
    ("value", ["1.12.45", "2.3.41", "1.1.19"], [], "string", ["is_date"]),
    ("value", ["01.12.45", "02.03.41", "17.01.19"], [], "date", []),
    ("part", ["05-14-77", "11-02-81"], [], "string", []),
    ("value", ["05-14-77", "11-02-81"], [], "string", ["is_date"]),
    ("grade", ["3E7", "4E2", "1E1"], [], "string", []),
    ("ratio", ["1.5e-05", "2.25", "1e-07"], [], "number", []),
    ("order", [str(10**18 + number) for number in range(200)], [], "string", []),
    ("item", [gtin(number) for number in range(400_000_000_000, 400_000_000_900, 37)], [], "string", []),
    ("contact", ["+4930901820", "+4989636480"], [], "string", []),
    ("arrival", ["08:15:00", "23:59:00"], ["25:10:00"], "duration", []),
    ("arrival", ["08:15:00", "23:59:00"], [], "time", []),
    ("elapsed", ["PT15M", "PT1H30M", "P1DT2H"], [], "duration", []),
    ("paid", ["yes", "no"], ["N/A"], "boolean", []),
    ("paid", ["0", "1"], [], "integer", []),
    ("paid", ["TRUE", "FALSE"], [], "boolean", []),
    ("country", ["NO", "SE", "DK"], [], "string", []),
    ("year", ["1998", "2004", "2023"], [], "year", []),
    ("start", [str(year) for year in range(1960, 2021)], [], "year", []),
    ("watts", ["1998", "2000", "450"], [], "integer", []),
    ("month", ["202401", "202402", "202312"], [], "yearmonth", []),
    ("when", ["20240131", "20240201", "20231224"], [], "date", []),
    ("order_id", ["20240131", "20240201", "20231224"], [], "integer", []),
    ("stamp", [str(1_700_000_000 + 61 * number) for number in range(300)], [], "integer", ["epoch"]),
    ("stamp", [str(1_700_000_000_000 + 61 * number) for number in range(300)], [], "integer", ["epoch"]),
    ("level", NUMBERS, ["3.7"], "number", []),
    ("level", NUMBERS, ["12A"], "string", ["odd_value"]),
    ("level", NUMBERS, ["n.v.", "n.v."], "string", ["odd_value"]),
    ("level", NUMBERS, ["D1000263"], "string", ["odd_value"]),
    ("level", NUMBERS, ["NULL", "n/a", "#N/A"], "integer", []),
    ("level", NUMBERS, ["-9999"] * 40, "integer", ["missing_value"]),
    ("until", ["2024-01-31", "2024-05-01", "2023-12-12"], ["9999-12-31"] * 9, "date", ["missing_value"]),
    ("weight", ["1.234", "5.678", "12.345"], [], "number", ["decimal_character"]),
    ("weight", ["1,234", "5,678", "12,345"], [], "number", ["decimal_character"]),
    ("weight", ["1,234", "5,678"], ["1,234,567"], "integer", []),
    ("weight", ["1'234.50", "12.25"], [], "number", []),
    ("weight", ["1\u00a0234,5", "12,25"], [], "number", []),
    ("weight", ["12,34,567", "1,00,000"], [], "integer", []),
    ("weight", ["1.234,5", "1,234.5"], [], "string", ["number_format"]),
    ("price", ["$3", "$4"], ["\u20ac5"], "string", ["currency"]),
    ("price", ["$3.50", "$4.20"], ["5.10"], "string", ["currency"]),
    ("tag", ["41_10_1", "41_11_2"], [], "string", []),
    ("host", ["10.0.0.1", "192.168.1.20"], [], "string", []),
    ("mac", ["00:1A:2B:3C:4D:5E"], [], "string", []),
    ("range", ["10-20", "20-30"], [], "string", []),
    ("version", ["1.10", "1.9"], [], "string", []),
    ("host", ["192.168.100.200", "172.100.120.130"], [], "string", []),
    ("stamp", ["20240131T100000Z", "20240201T110000Z"], [], "datetime", []),
    ("opens", ["24:00:00", "08:00:00"], [], "time", []),
    ("amount", ["1 234 kr", "17 kr"], [], "number", []),
    ("amount", ["($5.00)", "$1,234.00"], [], "number", []),
    ("when", ["31/01/24", "01/02/24"], [], "date", ["date_order"]),
    ("extra", ['{"a": 1}', "[1, 2]"], [], "object", []),
    ("note", ["late", "broken", "", "fine"], [], "string", []),
    ("nothing", [""], [], "string", []),
]


@pytest.mark.parametrize(("title", "values", "last", "type", "asked"), HARD)
def test_hard_columns(title: str, values: list[str], last: list[str], type: str, asked: list[str]) -> None:
    reading = read(title, values, last)

    assert str(reading.type) == type, reading
    assert [doubt.kind for doubt in reading.doubts] == asked, reading


def test_an_ambiguous_date_counts_the_cells_that_hang_on_it() -> None:
    reading = read("when", ["01/02/2024", "03/04/2024"])

    assert reading.date_orders == ("dmy", "mdy")
    assert reading.doubts[0].text == "`01/02/2024`: day first or month first? 3,000 cells depend on it."


ISO_DAYS = [f"2024-05-{day:02}" for day in range(1, 29)]
GERMAN_DAYS = [f"{day:02}.05.2024" for day in range(1, 29)]


@pytest.mark.parametrize("count", [2, 3, 7, 28])
@pytest.mark.parametrize(
    ("days", "odd"),
    [(ISO_DAYS, "2024-02-31"), (ISO_DAYS, "2024-13-01"), (ISO_DAYS, "soon"), (ISO_DAYS, "20240231"), (ISO_DAYS, "7"),
     (GERMAN_DAYS, "31.02.2024"), (GERMAN_DAYS, "0.0.2024"),
     ([f"{day}T10:00:00Z" for day in ISO_DAYS], "2024-05-32T1")],
)  # fmt: skip
def test_one_cell_that_is_no_date_is_a_question_in_files_of_any_length(days: list[str], odd: str, count: int) -> None:
    days = days[-count:]  # so that the order of the numbers is proven
    reading = read_column(Column("paid on", dict.fromkeys([*days, odd], 1), 0, count + 1, frozenset()))

    assert (str(reading.type), [doubt.kind for doubt in reading.doubts]) == ("string", ["odd_value"])
    assert reading.doubts[0].values == (odd,)
    assert reading.otherwise is not None and reading.otherwise.type in (FieldType.DATE, FieldType.DATETIME)


def test_dates_among_words_are_texts() -> None:
    words = dict.fromkeys([*ISO_DAYS[:3], "soon", "later", "never"], 1)

    assert read_column(Column("paid on", words, 0, 6, frozenset())).doubts == ()


def test_notation_is_part_of_the_reading() -> None:
    reading = read("amount", ["234,5"], ["1.234,56"])

    assert reading.number_format == (",", ".")
    assert "`1.234,56` proves it" in reading.because[-1]
    assert read("amount", ["3.20 EUR"]).currency == "EUR"
    assert read("share", ["12.5%"]).is_percent
    assert read("result", ["3.20", "17.25"], ["(3.20)"]).has_parentheses


def test_words_for_nothing_are_kept_with_the_type() -> None:
    reading = read("level", NUMBERS, ["NULL", "n/a", "NULL"])

    assert reading.missing == ("NULL", "n/a")
    assert "`NULL` (2), `n/a` (1) stands for nothing" in reading.because


def test_a_text_column_keeps_na() -> None:
    reading = read("country", ["NA", "DE", "FR"])

    assert (str(reading.type), reading.missing) == ("string", ())


@pytest.mark.parametrize("place", [0, 1, 1_499, 2_998, 2_999])
def test_one_odd_value_counts_wherever_it_stands(place: int) -> None:
    texts = [NUMBERS[index % len(NUMBERS)] for index in range(CELLS)]
    texts[place] = "007"
    counts: dict[str, int] = {}
    for text in texts:
        counts[text] = counts.get(text, 0) + 1

    assert str(read_column(Column("n", counts, 0, CELLS)).type) == "string"


def test_a_group_without_a_decimal_character_proves_none() -> None:
    reading = read("amount", ["1 234 kr", "17 kr"])

    assert (reading.number_format, reading.group) == (None, " ")


@pytest.mark.parametrize(
    ("title", "value", "role"),
    [
        ("karte", lambda i: f"{700_000_000_000 + 1_234_567 * i}", "dimension"),
        ("Kartennummer", lambda i: f"{5 + 13 * i}", "dimension"),
        ("cents", lambda i: f"{10 ** (i % 11) + i}", "measure"),
        ("grams", lambda i: f"{10_000 + i}", "measure"),
    ],
)
def test_numbers_of_cards_are_no_measures(title: str, value: Callable[[int], str], role: str, tmp_path: Path) -> None:
    path = tmp_path / "cards.csv"
    path.write_text(f"id;{title}\n" + "".join(f"R-{i};{value(i // 2)}\n" for i in range(80)))
    assert propose(path).columns[1].role == role
