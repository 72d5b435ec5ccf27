"""How a file's own columns decide what its numbers and dates mean: nothing is guessed, no value is altered."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logistics_core.catalogue import Catalogue, Dataset, Field, FieldType, Role
from logistics_pipeline.loading.contract.dates import DateOrder
from logistics_pipeline.loading.contract.file_evidence import FileEvidence
from logistics_pipeline.loading.contract.file_formats import NOT_LOOKED_FOR, FileFormats
from logistics_pipeline.loading.formats.reader import Checkpoint, detect_format
from logistics_pipeline.loading.parse.parsers import ReadTask, find_formats, read_chunks
from tests.datasets import SHIPMENTS, VEHICLE_LOGS

SPACES = ("\u00a0", "\u202f", "\u2009", " ")


class Read(NamedTuple):
    """What became of a file."""

    values: dict[int, str]
    """COPY text of the column under test by record number."""
    reasons: dict[int, str]
    notes: list[str]
    formats: FileFormats | None
    checkpoints: list[Checkpoint]


def table(name: str, *fields: Field) -> Dataset:
    key = Field(f"{name}_id", "Key", FieldType.STRING, Role.IDENTIFIER, "Key")
    return Dataset(f"{name}s", name, name, key.name, (key, *fields), "A key and the fields under test.")


def amounts(**properties: object) -> Dataset:
    field = Field("amount", "Amount", FieldType.NUMBER, Role.MEASURE, "Amount", required=False)
    return table("payment", replace(field, **properties))  # type: ignore[arg-type]


def days(**properties: object) -> Dataset:
    field = Field("day", "Day", FieldType.DATE, Role.TIME, "Day", required=False)
    return table("event", replace(field, **properties))  # type: ignore[arg-type]


def as_csv(dataset: Dataset, texts: Sequence[object]) -> bytes:
    """Rows between vertical bars, which no value contains."""
    rows = [f"K{number}|{'' if text is None else text}" for number, text in enumerate(texts, start=1)]
    return "\n".join(["|".join(dataset.columns), *rows, ""]).encode()


def as_lines(dataset: Dataset, values: Sequence[object]) -> bytes:
    key, name = dataset.columns
    records = ({key: f"K{number}", name: value} for number, value in enumerate(values, start=1))
    return "\n".join(json.dumps(record) for record in records).encode()


def read(
    path: Path,
    dataset: Dataset,
    content: bytes,
    *,
    order: DateOrder | None = None,
    chunk_bytes: int = 1000,
    reference: bool = False,
    after: Checkpoint = Checkpoint(),  # noqa: B008
    formats: FileFormats = NOT_LOOKED_FOR,
) -> Read:
    path.write_bytes(content)
    layout = detect_format(path, dataset, Catalogue({dataset.name: dataset}), 10_000).layout
    task = ReadTask(path, dataset, layout, 7, after, order, chunk_bytes, 1 << 20, reference, formats=formats)
    chunks = list(read_chunks(task))
    assert [chunk.error for chunk in chunks if chunk.error] == []
    rows = [line.split("\t") for chunk in chunks for line in chunk.text.decode().splitlines()]
    found = [chunk.formats for chunk in chunks if chunk.formats is not None]
    assert len(found) <= 1
    return Read(
        {int(row[-2]): row[1] for row in sorted(rows, key=lambda row: int(row[-2]))},
        {each.raw_record.record_no: each.rejection.reason for chunk in chunks for each in chunk.rejects},
        [note for chunk in chunks for note in chunk.notes],
        found[0] if found else None,
        [chunk.checkpoint for chunk in chunks],
    )


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("formats") / "file"


def read_column(path: Path, texts: Sequence[object], **properties: object) -> Read:
    dataset = amounts(**properties)
    return read(path, dataset, as_csv(dataset, texts))


# -- numbers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "texts, expected",
    [
        (["12,5", "7"], ["12.5", "7"]),
        (["1.234,56", "1.234", "1.234.567"], ["1234.56", "1234", "1234567"]),
        (["1,234.5", "1,234", "12"], ["1234.5", "1234", "12"]),
        (["1\u00a0234,5", "1 234", "12"], ["1234.5", "1234", "12"]),
        (["1'234.50", "1\u2019234"], ["1234.50", "1234"]),
        (["1,234,567", "1,234"], ["1234567", "1234"]),
        (["12,34,567.5", "1,234"], ["1234567.5", "1234"]),
        (["12.5", "1,234"], ["12.5", "1234"]),
        (["1 234", "5"], ["1234", "5"]),
        (["0,123", "1,234"], ["0.123", "1.234"]),
        (["1,5", "1,234"], ["1.5", "1.234"]),
        (["1,5e3", "2"], ["1.5e3", "2"]),
        (["$1,234.56", "$3", "$ 4.5", "0"], ["1234.56", "3", "4.5", "0"]),
        (["3.20 EUR", "4 EUR"], ["3.20", "4"]),
        (["\u20ac 3", "3,5 \u20ac", "1.000,00 \u20ac"], ["3", "3.5", "1000.00"]),
        (["CHF 1'234.50", "7 CHF"], ["1234.50", "7"]),
        (["-$5", "$-5", "\u22125 $"], ["-5", "-5", "-5"]),
        (["1.234", "5"], ["1.234", "5"]),
        (["1.234", "1 234"], ["1.234", "1234"]),
        (["1,5", "NA", "N/A", "NULL", r"\N", "-", ""], ["1.5", *[r"\N"] * 6]),
    ],
)
def test_numbers_are_read_as_their_whole_column_is_written(path: Path, texts: list[str], expected: list[str]) -> None:
    for column, wanted in ((texts, expected), (texts[::-1], expected[::-1])):
        found = read_column(path, column)
        assert found.reasons == {}
        assert [_number(each) for each in found.values.values()] == [_number(each) for each in wanted]


def _number(text: str) -> tuple[Decimal, object] | None:
    """A number and how many decimals it has: no digit may be lost."""
    return None if text == r"\N" else (Decimal(text), Decimal(text).as_tuple().exponent)


@pytest.mark.parametrize(
    "texts, rejected, said",
    [
        (["1,234"], [1], 'is ambiguous: "1,234" may be 1.234 or 1234, and no value of its column in this file tells'),
        (["1,234", "1.234", "7"], [1, 2], "is ambiguous"),
        (["12.5", "12,5"], [2], '"12.5" in record 1 has a decimal point, "12,5" in record 2 a decimal comma'),
        (["12,5", "1.234.567", "1 234,5", "1.234"], [1, 2, 3, 4], "in a column that is not written in one way"),
        (["$5", "\u20ac5"], [1, 2], 'in one currency in all records of a file, which has "$5" in record 1 and'),
        (["$5", "5", "0"], [1], 'a currency in all records of a file or in none, which has "$5" in record 1 and "5"'),
        (["$1,234"], [1], "is ambiguous"),
        (["1,23,4"], [1], 'must be a number, found the text "1,23,4"'),
        (["1,5", "null"], [2], 'must be a number, found the text "null"'),
        (["5 kg", "5%", "(5)", "5 XYZ", "--5", "$5$"], [1, 2, 3, 4, 5, 6], "must be a number, found the text"),
        (["na", "Null", "n/a", "--"], [1, 2, 3, 4], "must be a number, found the text"),
    ],
)
def test_numbers_that_the_column_does_not_explain_are_rejected(
    path: Path, texts: list[str], rejected: list[int], said: str
) -> None:
    found = read_column(path, texts)

    assert sorted(found.reasons) == rejected
    assert said in found.reasons[rejected[0]]


def test_a_currency_belongs_to_money(path: Path) -> None:
    assert read_column(path, ["$5"], unit="currency").values == {1: "5"}
    assert read_column(path, ["$5"], unit="kg").reasons == {1: 'amount must be a number, found the text "$5"'}


def test_an_early_value_waits_for_the_proof_at_the_end(path: Path) -> None:
    """1.234 is plain, but not in this file: nothing of it may be stored before the last row is known."""
    found = read_column(path, ["1.234", *["7"] * 2000, "12,5"])

    assert (found.values[1], found.values[2002]) == ("1234", "12.5")
    assert found.notes == [
        'Numbers in amount have a decimal comma and thousands grouped by points: "12,5" in record 2002 proves it'
    ]


def test_another_column_with_a_decimal_comma_makes_a_point_ambiguous(path: Path) -> None:
    rows = ["S1;A;B;1.250;12,50;3;L1", "S2;A;B;900;13,50;1.5;L1"]
    found = read(path, SHIPMENTS, "\n".join([";".join(SHIPMENTS.columns), *rows, ""]).encode())

    assert list(found.values) == [2]
    assert found.reasons[1].startswith('weight is ambiguous: "1.250" may be 1.250 or 1250, and no value of its column')
    assert 'another column has a decimal comma: "12,50" in record 1' in found.reasons[1]


def test_what_was_understood_is_said(path: Path) -> None:
    assert read_column(path, ["1.234,5 \u20ac"]).notes == [
        "Numbers in amount have a decimal comma and thousands grouped by points: "
        '"1.234,5 \u20ac" in record 1 proves it',
        'Amounts in amount are in \u20ac, which is left out: "1.234,5 \u20ac" in record 1 is one',
    ]
    assert read_column(path, ["12.5", "1.234"]).notes == []
    assert read_column(path, ["1,234"]).notes == []


def test_the_contract_can_say_how_numbers_are_written(path: Path) -> None:
    comma = read_column(path, ["1,234", "1.234", "7"], decimal_char=",")
    assert (comma.values, list(comma.reasons)) == ({1: "1.234", 3: "7"}, [2])
    groups = read_column(path, ["1,234", "1.234"], decimal_char=".", group_char=",")
    assert groups.values == {1: "1234", 2: "1.234"}
    both = read_column(path, ["1,234", "1.234"], decimal_char=",", group_char=".")
    assert both.values == {1: "1.234", 2: "1234"}
    assert read_column(path, ["$5"], is_bare_number=True).reasons == {1: 'amount must be a number, found the text "$5"'}
    loose = read_column(path, ["95%", "ca. 3 kg", "-2 \u00b0C", "$5", "x"], is_bare_number=False)
    assert (loose.values, list(loose.reasons)) == ({1: "95", 2: "3", 3: "-2", 4: "5"}, [5])


ACCOUNTS = [
    ("(1,234.50)", "-1234.50"), ("(5)", "-5"), ("( 7.25 )", "-7.25"), ("12.5", "12.5"), ("-3", "-3"), ("1,000", "1000"),
    ("(0.00)", "-0.00"), ("(.5)", "-0.5"), ("NA", r"\N"),
]  # fmt: skip


@pytest.mark.parametrize("count", [1, 400])
def test_parentheses_are_minus_signs_where_the_contract_says_so(path: Path, count: int) -> None:
    texts = [text for text, _ in ACCOUNTS] * count
    dataset = amounts(has_negative_parentheses=True)
    for content in (as_csv(dataset, texts), as_lines(dataset, texts)):
        for reference in (False, True):
            found = read(path, dataset, content, reference=reference)
            assert found.reasons == {}
            assert list(found.values.values()) == [value for _, value in ACCOUNTS] * count
    assert list(read_column(path, texts).reasons) == [
        number for number, text in enumerate(texts, start=1) if text.startswith("(")
    ]


@pytest.mark.parametrize(
    "text", ["(-5)", "-(5)", "(5", "5)", "((5))", "()", "(x)", "(+5)", "(1e-3)", "(5) (6)", "(5)%"]
)
def test_what_is_no_number_in_parentheses_is_rejected(path: Path, text: str) -> None:
    for properties in ({}, {"decimal_char": "."}):
        found = read_column(path, ["1.5", text], has_negative_parentheses=True, **properties)
        assert list(found.reasons) == [2], found.values


@pytest.mark.parametrize(
    ("texts", "values", "properties"),
    [
        (["(1.234,50)", "7,5"], ["-1234.50", "7.5"], {}),
        (["(1.234,50)", "7"], ["-1234.50", "7"], {"decimal_char": ",", "group_char": "."}),
        (["($1,234.50)", "$7", "0"], ["-1234.50", "7", "0"], {}),
        (["(5.5%)", "7%"], ["-5.5", "7"], {"is_bare_number": False}),
        (["(1,234)", "(17)", "(0)"], ["-1234", "-17", "0"], {"type": FieldType.INTEGER, "group_char": ",",
                                                            "decimal_char": "."}),
    ],
)  # fmt: skip
def test_numbers_in_parentheses_are_written_in_any_format(
    path: Path, texts: list[str], values: list[str], properties: dict[str, object]
) -> None:
    dataset = amounts(has_negative_parentheses=True, **properties)
    for reference in (False, True):
        found = read(path, dataset, as_csv(dataset, texts), reference=reference)
        assert [Decimal(each) for each in found.values.values()] == list(map(Decimal, values)), found.reasons


def test_numbers_of_json_are_what_they_are(path: Path) -> None:
    dataset = amounts()
    found = read(path, dataset, as_lines(dataset, [1.234, "1.234", "12,5", 12.5, 7, None, "NA", True]))

    assert found.values == {1: "1.234", 2: "1234", 3: "12.5", 4: "12.5", 5: "7", 6: r"\N", 7: r"\N"}
    assert list(found.reasons) == [8]


# -- a column in any notation, with one odd value somewhere: the truth is known, the reading must be it or a refusal


class Notation(NamedTuple):
    decimal: str
    group: str
    before: str
    after: str

    def write(self, number: Decimal) -> str:
        """As a program of that country would: by hand, to share nothing with what is tested."""
        sign, digits, _ = number.as_tuple()
        places = -int(number.as_tuple().exponent)
        text = "".join(map(str, digits)).rjust(places + 1, "0")
        whole, fraction = (text[:-places], text[-places:]) if places else (text, "")
        parts = []
        while self.group and len(whole) > 3:
            whole, part = whole[:-3], whole[-3:]
            parts.insert(0, part)
        body = self.group.join([whole, *parts]) + (self.decimal + fraction if fraction else "")
        return f"{'-' if sign else ''}{self.before}{body}{self.after}"


NOTATIONS = [
    Notation(decimal, group, before, after)
    for (decimal, group), (before, after) in product(
        [(".", ""), (".", ","), (".", "'"), (",", ""), (",", "."), *((",", space) for space in SPACES), (".", " ")],
        [("", ""), ("$", ""), ("\u20ac\u00a0", ""), ("", " EUR"), ("", "\u00a0\u20ac"), ("CHF ", "")],
    )
]
numbers = st.decimals(-(10**7), 10**7, places=2) | st.integers(-(10**7), 10**7).map(Decimal)
numbers |= st.decimals(-(10**4), 10**4, places=3) | st.sampled_from([Decimal("1.234"), Decimal("0.125"), Decimal(0)])


def meanings(text: str) -> set[tuple[str, str, Decimal]]:
    """The slow oracle: every way to read a text as (decimal character, group character, number)."""
    for currency in ("$", "EUR", "\u20ac", "CHF"):
        text = text.replace(currency, "")
    text = text.strip()
    found = set()
    for decimal, group in [(d, g) for d, g in product(".,", ["", ".", ",", "'", " "]) if d != g]:
        kinds = SPACES if group == " " else tuple(group)
        whole, has_point, fraction = text.lstrip("-").strip().partition(decimal)
        for kind in kinds:
            whole = whole.replace(kind, "_")
        parts = whole.split("_")
        is_grouped = all(len(part) == 3 for part in parts[1:]) and len(parts[0]) <= 3 and parts[0][:1] != "0"
        if "".join(parts).isdigit() and (len(parts) == 1 or is_grouped) and (fraction.isdigit() or not has_point):
            sign = "-" if text.startswith("-") else ""
            found.add((decimal, group, Decimal(f"{sign}{''.join(parts)}.{fraction or '0'}")))
    return found


@pytest.mark.slow
@given(st.data(), st.sampled_from(NOTATIONS), st.lists(numbers, min_size=1, max_size=8), st.sampled_from([60, 10_000]))
@settings(max_examples=150, deadline=None)
def test_a_column_in_any_notation_is_read_as_meant_or_refused(
    path: Path, data: st.DataObject, notation: Notation, truth: list[Decimal], chunk_bytes: int
) -> None:
    texts = [notation.write(number) for number in truth]
    if data.draw(st.booleans()):
        odd = data.draw(st.sampled_from(NOTATIONS)).write(data.draw(numbers))
        place = data.draw(st.integers(0, len(texts)))
        texts.insert(place, odd)
        truth.insert(place, Decimal("NaN"))
    dataset = amounts()
    content = as_csv(dataset, texts)
    found = read(path, dataset, content, chunk_bytes=chunk_bytes)

    everything = [meanings(text) for text in texts]
    formats = set.intersection(*({(decimal, group) for decimal, group, _ in each} for each in everything))
    signs = {frozenset(text) & frozenset("$EC\u20ac") for text in texts if not set(text) <= set("-0.,")}
    has_one_currency = len(signs) <= 1
    for number, (text, meaning) in enumerate(zip(texts, everything, strict=True), start=1):
        is_plain = text.lstrip("-").replace(".", "", 1).isdigit()
        possible = {value for decimal, group, value in meaning if (decimal, group) in formats}
        if (".", "") in formats:  # the contract's own notation fits the whole column
            possible = {value for decimal, group, value in meaning if (decimal, group) == (".", "")}
        if number in found.values:
            assert Decimal(found.values[number]) in {value for _, _, value in meaning}
            assert possible == {Decimal(found.values[number])} or (is_plain and not formats)
        elif has_one_currency:
            assert len(possible) != 1, "the column leaves one reading, and yet it is refused"
    if not any(number.is_nan() for number in truth) and (".", "") not in formats:
        for number, value in found.values.items():
            assert Decimal(value) == truth[number - 1]
            assert Decimal(value).as_tuple().exponent == truth[number - 1].as_tuple().exponent
    assert_always_the_same(path, dataset, content, found)


def assert_always_the_same(
    path: Path, dataset: Dataset, content: bytes, found: Read, order: DateOrder | None = None
) -> None:
    """Neither the parser nor the size of chunks matters, nor where a load resumes, with or without what it knew."""
    for reference in (False, True):
        again = read(path, dataset, content, order=order, chunk_bytes=7, reference=reference)
        assert (again.values, again.reasons) == (found.values, found.reasons)
        for after in (again.checkpoints[len(again.checkpoints) // 2],):
            stored = NOT_LOOKED_FOR
            if again.formats is not None:
                stored = FileFormats.from_json(json.loads(json.dumps(again.formats.to_json())))
                assert stored == again.formats
            for formats in (NOT_LOOKED_FOR, stored):
                rest = read(path, dataset, content, order=order, after=after, reference=reference, formats=formats)
                assert rest.values == {n: value for n, value in found.values.items() if n > after.records}
                assert rest.reasons == {n: reason for n, reason in found.reasons.items() if n > after.records}


@given(
    st.lists(
        st.sampled_from(["1,5", "1.234", "1,234", "NA", "x", "7", "-2,5", 1.5, 1.234, 3, None, "", [], "-0"]),
        max_size=12,
    )
)
@settings(max_examples=100, deadline=None)
def test_the_parsers_agree_about_json_with_numbers_in_texts(path: Path, values: list[object]) -> None:
    dataset = amounts()
    content = as_lines(dataset, [*values, 1])
    assert_always_the_same(path, dataset, content, read(path, dataset, content))


# -- dates ---------------------------------------------------------------------------------------------------------


def read_days(path: Path, texts: Sequence[object], order: DateOrder | None = None, **properties: object) -> Read:
    dataset = days(**properties)
    return read(path, dataset, as_csv(dataset, texts), order=order)


@pytest.mark.parametrize(
    "texts, expected",
    [
        (["13/07/2024", "02/03/2024"], ["2024-07-13", "2024-03-02"]),
        (["02/03/2024", "12/29/2017"], ["2024-02-03", "2017-12-29"]),
        (["02/03/2024 14:30", "13.07.2024 02:30 PM"], ["2024-03-02", "2024-07-13"]),
        (["02/03/24", "13/07/99"], ["2024-03-02", "1999-07-13"]),
        (["99/12/31", "24/02/03"], ["1999-12-31", "2024-02-03"]),
        (["2001/01/02 00:47", "2001.01.02"], ["2001-01-02", "2001-01-02"]),
        (["13/07/2024", "2024-01-02", "5 Mar 2024", "NA"], ["2024-07-13", "2024-01-02", "2024-03-05", r"\N"]),
    ],
)
def test_dates_are_read_in_the_order_that_their_column_proves(
    path: Path, texts: list[str], expected: list[str]
) -> None:
    for column, wanted in ((texts, expected), (texts[::-1], expected[::-1])):
        found = read_days(path, column)
        assert (list(found.values.values()), found.reasons) == (wanted, {})


@pytest.mark.parametrize(
    "texts, rejected, said",
    [
        (
            ["02/03/2024", "03/04/2024"],
            [1, 2],
            "may be day first or month first, and no value of its column in this file",
        ),
        (["02/03/2024", "03/04/2024"], [1, 2], "(2 depend on it); set LOGISTICS_DATE_ORDER to dmy or mdy"),
        (["02/03/2024", "31/31/2024", "30/02/2024"], [1, 2, 3], "no value of its column in this file tells which (1"),
        (["02/03/2024", "13/07/2024 25:00"], [1, 2], "no value of its column in this file tells which"),
        (["13/07/24", "02/03/24"], [1, 2], "may be day first or year first"),
        (["13/07/2024", "12/29/2017", "02/03/2024", "2024-01-01"], [1, 2, 3], "a column with dates of both orders"),
        (
            ["13/07/2024", "12/29/2017"],
            [1, 2],
            '"13/07/2024" in record 1 is not month first, "12/29/2017" in record 2 not day first',
        ),
    ],
)
def test_dates_that_the_column_does_not_explain_are_rejected(
    path: Path, texts: list[str], rejected: list[int], said: str
) -> None:
    found = read_days(path, texts)

    assert (sorted(found.reasons), found.notes) == (rejected, [])
    assert said in found.reasons[rejected[0]]


def test_the_proof_may_be_the_last_of_many_and_is_said(path: Path) -> None:
    found = read_days(path, [*["02/03/2024"] * 3000, "13/07/2024"])

    assert set(found.values.values()) == {"2024-03-02", "2024-07-13"}
    assert found.notes == ['Dates in day are day first: "13/07/2024" in record 3001 proves it']


def test_a_setting_goes_before_the_file_which_is_said_where_they_differ(path: Path) -> None:
    found = read_days(path, ["12/29/2017", "02/03/2024"], order="dmy")

    assert found.values == {2: "2024-03-02"}
    assert 'found "12/29/2017": it proves month first (mdy), but by LOGISTICS_DATE_ORDER' in found.reasons[1]


def test_a_date_of_a_record_that_is_rejected_for_another_reason_counts(path: Path) -> None:
    rows = ["L1,V1,02/03/2024,x,1", "L2,,13/07/2024,1,1", "L3,V1,12/29/2017"]  # the last row is too short to be read
    content = "\n".join([",".join(VEHICLE_LOGS.columns), *rows, ""]).encode()

    found = read(path, VEHICLE_LOGS, content.replace(b",x,", b",1,"))

    assert (list(found.values), sorted(found.reasons)) == ([1], [2, 3])
    assert found.notes == ['Dates in trip_date are day first: "13/07/2024" in record 2 proves it']


STYLES = ("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%m-%d-%Y", "%d/%m/%y", "%m/%d/%y", "%y/%m/%d")
TIMES = ("", " 14:30", " 02:30:05 PM", ", 2:30 pm", "T23:59:59", " 00:00:00.5 +02:00", "\u202f12:00\u202fAM")


def days_meant(text: str) -> dict[str, date]:
    """The slow oracle: a day by every order of its numbers in which it exists."""
    first, second, third = (int(part) for part in text.replace(".", "/").replace("-", "/").split("/"))
    has_century = len(text) > 8
    found = {}
    for order, (year, month, day) in {
        "dmy": (third, second, first),
        "mdy": (third, first, second),
        "ymd": (first, second, third),
    }.items():
        if has_century and order == "ymd":
            continue
        full = year if has_century else year + (1900 if year >= 69 else 2000)
        if 1 <= month <= 12 and 1 <= day <= 31:
            candidate = date(full, month, 1) + timedelta(days=day - 1)
            if candidate.month == month:
                found[order] = candidate
    return found


@given(
    st.data(),
    st.sampled_from(STYLES),
    st.lists(st.dates(date(1969, 1, 1), date(2068, 12, 31)), min_size=1, max_size=6),
    st.sampled_from([30, 10_000]),
)
@settings(max_examples=150, deadline=None)
def test_a_column_of_dates_in_any_order_is_read_as_meant_or_refused(
    path: Path, data: st.DataObject, style: str, truth: list[date], chunk_bytes: int
) -> None:
    written = [day.strftime(style) for day in truth]
    is_pure = data.draw(st.booleans())
    if not is_pure:
        odd = data.draw(st.dates(date(1969, 1, 1), date(2068, 12, 31))).strftime(data.draw(st.sampled_from(STYLES)))
        written.insert(data.draw(st.integers(0, len(written))), odd)
    dataset = days()
    content = as_csv(dataset, [text + data.draw(st.sampled_from(TIMES)) for text in written])
    found = read(path, dataset, content, chunk_bytes=chunk_bytes)

    meant = [days_meant(text) for text in written]
    orders = set.intersection(*(set(each) for each in meant))
    if len(orders) == 1:
        (order,) = orders
        assert found.values == {number: str(each[order]) for number, each in enumerate(meant, start=1)}
        assert not is_pure or list(found.values.values()) == [str(day) for day in truth]
    else:
        assert found.values == {}
        assert all("is ambiguous" in reason for reason in found.reasons.values())
    assert_always_the_same(path, dataset, content, found)


def test_a_file_that_breaks_off_is_read_as_far_as_it_goes_proves(path: Path) -> None:
    dataset = days()
    path.write_bytes(b'[{"event_id": "1", "day": "02/03/2024"}, {"event_id": "2", "day": "13/07/2024"}, {"event')
    layout = detect_format(path, dataset, Catalogue({dataset.name: dataset}), 10_000).layout
    for chunk_bytes in (20, 1000):
        chunks = list(read_chunks(ReadTask(path, dataset, layout, 7, Checkpoint(), None, chunk_bytes, 10_000)))
        rows = b"".join(chunk.text for chunk in chunks).splitlines()
        assert rows == [b"1\t2024-03-02\t1\t7", b"2\t2024-07-13\t2\t7"]
        assert chunks[-1].error is not None


def test_texts_too_long_for_a_number_cost_nothing(path: Path) -> None:
    for text in ("1," * 50_000, "x" * 100_000, "1" + " " * 100_000 + "1", "\u20ac" * 100_000 + "5"):
        for properties in ({}, {"is_bare_number": False}):
            found = read_column(path, ["1,5", text], **properties)
            assert (list(found.values), list(found.reasons)) == ([1], [2])


# -- missing words and bounds --------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["NA", "N/A", "NULL", r"\N", "-", " NA "])
def test_words_for_nothing(path: Path, word: str) -> None:
    for dataset in (amounts(), days()):
        for content in (as_csv(dataset, [word, ""]), as_lines(dataset, [word, *[None] * 20])):
            assert set(read(path, dataset, content).values.values()) == {r"\N"}
    required = read(path, days(required=True), as_csv(days(), [word]))
    assert required.reasons == {1: f'day is missing, found the text "{word.strip()}"'}


@pytest.mark.parametrize("is_required", [False, True])
def test_texts_keep_the_usual_words_unless_the_contract_lists_them(path: Path, is_required: bool) -> None:
    text = Field("country", "Country", FieldType.STRING, Role.DIMENSION, "Country", required=is_required)
    listed = replace(text, missing_values=frozenset({"NA", "none"}))
    for content in (as_csv, as_lines):
        texts = ["NA", "-", "none", "NULL"]
        usual = read(path, table("place", text), content(table("place", text), texts))
        assert list(usual.values.values()) == texts
        own = read(path, table("place", listed), content(table("place", listed), texts))
        if is_required:
            assert list(own.reasons) == [1, 3]
            assert own.reasons[1] == 'country is missing, found the text "NA"'
        else:
            assert list(own.values.values()) == [r"\N", "-", r"\N", "NULL"]


def test_words_of_the_contract_replace_the_usual_ones(path: Path) -> None:
    own = frozenset({"-999", "9999", "k. A."})
    assert read_column(path, ["-999", "9999", "k. A.", "999"], missing_values=own).values == {
        1: r"\N", 2: r"\N", 3: r"\N", 4: "999"
    }  # fmt: skip
    assert list(read_column(path, ["NA"], missing_values=own).reasons) == [1]
    assert read_column(path, ["$5", "9999", "-999"], missing_values=own).values == {1: "5", 2: r"\N", 3: r"\N"}
    assert read_column(path, ["5,5", "9999", "-999"], missing_values=own).values == {1: "5.5", 2: r"\N", 3: r"\N"}
    assert read_days(path, ["9999-12-31", "2024-01-01"], missing_values=frozenset({"9999-12-31"})).values == {
        1: r"\N", 2: "2024-01-01"
    }  # fmt: skip
    dataset = amounts(missing_values=own)
    assert read(path, dataset, as_lines(dataset, [9999, "9999"])).values == {1: "9999", 2: r"\N"}


def test_a_word_before_a_time_is_no_date(path: Path) -> None:
    texts = ["NA", "", "NA 10:00:00", "2024-01-01 25:00:00", "2024-01-01 10:00:00", "2024-01-01T10:00 10:00"]
    found = read_days(path, [*texts, "2024-01-01T10:00"])

    assert found.values == {1: r"\N", 2: r"\N", 5: "2024-01-01", 7: "2024-01-01"}


def test_bounds_of_dates_and_numbers(path: Path) -> None:
    found = read_days(
        path,
        ["1999-12-31", "2000-01-01", "2030-12-31 10:00:00", "2080-01-01"],
        first_day=date(2000, 1, 1),
        last_day=date(2030, 12, 31),
    )
    assert found.values == {2: "2000-01-01", 3: "2030-12-31"}
    assert found.reasons == {
        1: "day must not be before 2000-01-01, found 1999-12-31",
        4: "day must not be after 2030-12-31, found 2080-01-01",
    }
    texts = ["0.5", "0.50000000000000001", "7", "99.99999999999999999", "100", "1e3", "-1", ""]
    inclusive = read_column(path, texts, at_least=Decimal("0.5"), at_most=Decimal(100))
    assert (list(inclusive.values), list(inclusive.reasons)) == ([1, 2, 3, 4, 5, 8], [6, 7]) or sorted(
        inclusive.reasons
    ) == [6, 7]
    exclusive = read_column(path, texts, above=Decimal("0.5"), below=Decimal(100))
    assert sorted(exclusive.values) == [2, 3, 4, 8]
    assert exclusive.reasons[5] == "amount must be less than 100, found 100"
    assert sorted(read_column(path, ["-5", "3"], at_most=Decimal(-1)).values) == [1]


def test_the_built_in_datasets_take_what_a_spreadsheet_writes(path: Path) -> None:
    rows = ["S1;A;B;1.234,5;$;2,5;L1", "S2;NA;B;-;12,00 \u20ac;NA;L1", "S3;A;B;3;7,50 \u20ac;;L1"]
    content = "\n".join([";".join(SHIPMENTS.columns), *rows, ""]).encode()
    path.write_bytes(content)
    layout = detect_format(path, SHIPMENTS, Catalogue({"shipments": SHIPMENTS}), 10_000).layout
    (chunk,) = read_chunks(ReadTask(path, SHIPMENTS, layout, 7, Checkpoint(), None, 1000, 10_000))

    assert sorted(chunk.text.decode().splitlines()) == [
        "S2\tNA\tB\t\\N\t12.00\t\\N\tL1\t2\t7",
        "S3\tA\tB\t3\t7.50\t\\N\tL1\t3\t7",
    ]
    assert [each.rejection.reason for each in chunk.rejects] == ['cost must be a number, found the text "$"']


@pytest.mark.parametrize("is_array", [False, True], ids=["lines", "array"])
@pytest.mark.parametrize(
    "other",
    [
        b'"text"',
        b'"broken \xff byte"',
        b'"\\ud800"',
        b"1e400",
        b"9" * 5000,
        b"NaN",
        b"[" * 200 + b"]" * 200,
        b'{"day": "13/02/2024"}',
        b'{"broken": ',
    ],
    ids=["text", "bytes", "surrogate", "exponent", "digits", "constant", "deep", "nested", "broken"],
)
@pytest.mark.parametrize("name", [b"event_id", b"other"])
def test_the_search_for_formats_takes_the_same_records_as_the_reference(
    path: Path, name: bytes, other: bytes, is_array: bool
) -> None:
    if is_array and other.startswith((b"[[", b'{"broken"')):
        other = b"[[1]]"  # an array ends with an error there
    lines = [b'{"event_id": "K%d", "day": "02/03/2024"}' % number for number in range(40)]
    lines[20] = b'{"day": "13/07/2024", "%b": %b}' % (name, other)
    lines[30] = b'{"event_id": "K", "more": {}, "day": "2024-01-01"}'
    content = b"[" + b",\n".join(lines) + b"]" if is_array else b"\n".join(lines)

    fast = read(path, days(), content)

    assert fast.formats is not None
    assert fast.formats == read(path, days(), content, reference=True).formats


@pytest.mark.parametrize(
    "values", [[7, "5 \u20ac", "8", 9], ["0", "12", "5 \u20ac", "7"], [0, "8", 7, "5 \u20ac"]], ids=str
)
def test_the_first_number_without_a_currency_is_named_however_the_file_is_cut(path: Path, values: list[object]) -> None:
    dataset = amounts()
    content = as_lines(dataset, values)

    for chunk_bytes, reference in product((1, 60, 1000), (False, True)):
        reasons = read(path, dataset, content, chunk_bytes=chunk_bytes, reference=reference).reasons
        first = next(number for number, value in enumerate(values, start=1) if value not in (0, "0", "5 \u20ac"))
        assert next(iter(reasons.values())).count(f'"{values[first - 1]}" in record {first},') == 1, reasons


@pytest.mark.parametrize("word", ["?", "", "0", "x"])
@pytest.mark.parametrize(
    "properties", [{}, {"decimal_char": ","}, {"decimal_char": ".", "is_bare_number": False}], ids=str
)
def test_what_is_no_number_never_becomes_a_missing_value_of_the_contract(
    path: Path, word: str, properties: dict[str, object]
) -> None:
    dataset = amounts(missing_values=frozenset({word}), **properties)
    values = ["1 234,5" if properties.get("decimal_char") != "." else "1.5 kg", "prose", "1;5", word, "--"]

    for encode, reference in product((as_csv, as_lines), (False, True)):
        found = read(path, dataset, encode(dataset, values), reference=reference)
        assert {2, 5} <= set(found.reasons), (found, reference)
        assert found.values[4] == r"\N"


_JSON_NUMBERS = st.sampled_from([0, 7, -5, 1.25, None, True, [1, 2], {}, "1,5", "1.234", "$7", "x", "two, days", "NaN"])
_JSON_DAYS = st.sampled_from(
    [
        "2024-03-05",
        "02/03/2024",
        "13/07/2024",
        "30/02/2024",
        " 02.03.24 ",
        "x" * 70,
        "",
        None,
        7,
        True,
        [1],
        {"day": "1"},
    ]
)


@given(st.lists(st.tuples(_JSON_NUMBERS, _JSON_DAYS), min_size=1, max_size=40), st.sampled_from([60, 400, 10_000]))
@settings(max_examples=150, deadline=None)
def test_the_search_for_formats_leaves_out_only_values_that_prove_nothing(
    path: Path, pairs: list[tuple[object, object]], chunk_bytes: int
) -> None:
    dataset = table("event", *amounts().fields[1:], *days().fields[1:])
    records = [{"event_id": f"K{number}", "amount": n, "day": day} for number, (n, day) in enumerate(pairs)]
    for content in (json.dumps(records), "\n".join(map(json.dumps, records))):
        path.write_text(content)
        layout = detect_format(path, dataset, Catalogue({dataset.name: dataset}), 10_000).layout
        task = ReadTask(path, dataset, layout, 7, Checkpoint(), None, chunk_bytes, 1 << 20)

        found, _ = find_formats(task)

        assert found == find_formats(replace(task, reference_parser=True))[0]
        assert found == _formats_of_all_at_once(dataset, pairs)


def _formats_of_all_at_once(dataset: Dataset, pairs: Sequence[tuple[object, object]]) -> FileFormats:
    """The outcome if every value is looked at on its own, in one part."""
    numbers = [Decimal(str(n)) if isinstance(n, float) else n for n, _ in pairs]
    evidence = FileEvidence(dataset, None)
    evidence.add([[None] * len(pairs), numbers, [day for _, day in pairs]], 1)
    return evidence.formats()


@pytest.mark.slow
def test_dates_of_numbers_are_counted_however_often_they_repeat(path: Path) -> None:
    records = [{"event_id": f"K{n}", "day": "02/03/2024" if n % 3 else f"2024-01-{n % 28 + 1:02}"} for n in range(300)]
    path.write_text(json.dumps(records))
    layout = detect_format(path, days(), Catalogue({days().name: days()}), 10_000).layout

    found, _ = find_formats(ReadTask(path, days(), layout, 7, Checkpoint(), None, 500, 1 << 20))

    assert found.dates["day"].cells == 200
    assert found.dates["day"].excluded["ymd"] == ("02/03/2024", 2)
