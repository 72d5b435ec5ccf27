"""CSV files of which it is known how they are written and what their columns hold, because they are made that way."""

import csv
import io
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

_CELLS = 200
_COLUMNS_PER_FILE = 10
_DELIMITER = ";"
_NOTATIONS = [
    (".", ","),
    (".", " "),
    (".", "'"),
    (".", ""),
    (",", "."),
    (",", " "),
    (",", "\u00a0"),
    (",", "'"),
    (",", ""),
]
_MISSING = ["", "NA", "N/A", "NULL", "None", "-", "#N/A", "NaN", "\\N", "?"]
_SIGNS = ["$", "\u20ac", "CHF ", "EUR "]
_DAYS = ["%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%d-%b-%Y", "%d %B %Y", "%b %d, %Y", "%d-%m-%Y"]
_CLOCKS = ["T%H:%M:%S", " %H:%M:%S", " %H:%M", " %I:%M %p"]
_TWO_ORDERS = ["%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y"]
_ODD = ["n.v.", "12A", "see note", "D1000263", "007"]


@dataclass(frozen=True)
class Kind:
    """A kind of column, and what is right for it."""

    title: str
    cells: Callable[[random.Random], list[str]]
    types: frozenset[str]
    """Which answers are right. `question` stands for none, with a question."""
    harm: str = ""
    """What another answer does, if it is worse than a text where a number might be."""


@dataclass(frozen=True)
class MadeColumns:
    """A file of columns of one kind."""

    path: Path
    kind: Kind
    titles: tuple[str, ...]
    delimiter: str = _DELIMITER


@dataclass(frozen=True)
class MadeDialect:
    """A file, and how it is written."""

    path: Path
    delimiter: str
    has_header: bool
    titles: tuple[str, ...]
    first_row: tuple[str, ...]
    traits: tuple[str, ...]


def _missing(chance: random.Random, cells: list[str]) -> list[str]:
    word = chance.choice(_MISSING)
    return [word if chance.random() < 0.1 else cell for cell in cells]


def _number(chance: random.Random, notation: tuple[str, str], digits: int) -> str:
    decimal, group = notation
    whole = f"{chance.randrange(10 ** chance.randrange(1, 8)):,}".replace(",", group)
    return f"{whole}{decimal}{chance.randrange(10**digits):0{digits}}"


def _numbers(chance: random.Random) -> list[str]:
    notation, digits = chance.choice(_NOTATIONS), chance.choice([1, 2, 4])
    return _missing(chance, [_number(chance, notation, digits) for _ in range(_CELLS)])


def _amounts(chance: random.Random) -> list[str]:
    notation, sign = chance.choice(_NOTATIONS), chance.choice([*_SIGNS, "%"])
    cells = [_number(chance, notation, 2) for _ in range(_CELLS)]
    return _missing(chance, [f"{cell}%" if sign == "%" else f"{sign}{cell}" for cell in cells])


def _whole_numbers(chance: random.Random) -> list[str]:
    return _missing(chance, [str(chance.randrange(-(10**5), 10 ** chance.randrange(1, 16))) for _ in range(_CELLS)])


def _odd_values(chance: random.Random) -> list[str]:
    cells = [str(chance.randrange(10**6)) for _ in range(_CELLS)]
    cells[chance.choice([0, 1, _CELLS // 2, _CELLS - 2, _CELLS - 1])] = chance.choice(_ODD)
    return cells


def _times(chance: random.Random, form: str, *, ambiguous: bool = False) -> list[str]:
    begin = datetime(chance.randrange(1970, 2040), 1, 1)  # noqa: DTZ001
    found: list[datetime] = []
    while len(found) < _CELLS:
        moment = begin + timedelta(minutes=chance.randrange(60 * 24 * 700))
        if not ambiguous or moment.day <= 12:
            found.append(moment)
    return [each.strftime(form) for each in found]


def _dates(chance: random.Random) -> list[str]:
    return _missing(chance, _times(chance, chance.choice(_DAYS)))


def _timestamps(chance: random.Random) -> list[str]:
    return _missing(chance, _times(chance, chance.choice(_DAYS) + chance.choice(_CLOCKS)))


def _ambiguous_dates(chance: random.Random) -> list[str]:
    return _times(chance, chance.choice(_TWO_ORDERS), ambiguous=True)


def _ambiguous_decimals(chance: random.Random) -> list[str]:
    sign = chance.choice(".,")
    return [f"{chance.randrange(1, 1000)}{sign}{chance.randrange(1000):03}" for _ in range(_CELLS)]


def _leading_zeros(chance: random.Random) -> list[str]:
    width = chance.randrange(4, 10)
    cells = [str(chance.randrange(10 ** (width - 1), 10**width)) for _ in range(_CELLS)]
    cells[chance.choice([0, _CELLS // 2, _CELLS - 1])] = "0" * (width - 1) + "7"
    return cells


def _long_ids(chance: random.Random) -> list[str]:
    digits = chance.choice([19, 20, 22])
    return [str(chance.randrange(10 ** (digits - 1), 10**digits)) for _ in range(_CELLS)]


def _versions(chance: random.Random) -> list[str]:
    return [".".join(str(chance.randrange(1, 13)) for _ in range(3)) for _ in range(_CELLS - 1)] + ["1.12.45"]


def _part_numbers(chance: random.Random) -> list[str]:
    return [
        f"{chance.randrange(1, 13):02}-{chance.randrange(1, 29):02}-{chance.randrange(70, 99)}" for _ in range(_CELLS)
    ]


def _exponent_codes(chance: random.Random) -> list[str]:
    return [f"{chance.randrange(1, 10)}E{chance.randrange(1, 10)}" for _ in range(_CELLS)]


def _types(*names: str) -> frozenset[str]:
    return frozenset(names)


_TEXT, _ASKED = _types("string", "question"), _types("question", "string")
KINDS = (
    Kind("numbers, 9 notations", _numbers, _types("number")),
    Kind("with a currency or %", _amounts, _types("number")),
    Kind("whole numbers", _whole_numbers, _types("integer")),
    Kind("dates, 9 formats", _dates, _types("date")),
    Kind("timestamps", _timestamps, _types("datetime")),
    Kind("numbers and one odd value", _odd_values, _TEXT, "the value is lost or fails the load"),
    Kind("dates of two orders", _ambiguous_dates, _ASKED, "decided silently"),
    Kind("1.234 or 1,234 alone", _ambiguous_decimals, _ASKED, "decided silently"),
    Kind("codes with leading zeros", _leading_zeros, _TEXT, "zeros are lost"),
    Kind("ids of 19 and more digits", _long_ids, _types("string", "integer"), "digits are lost"),
    Kind("versions such as 1.12.45", _versions, _TEXT, "become dates or numbers"),
    Kind("part numbers such as 05-14-77", _part_numbers, _TEXT, "become dates"),
    Kind("codes such as 3E7", _exponent_codes, _TEXT, "become numbers"),
)


def make_columns(folder: Path, columns_per_kind: int) -> list[MadeColumns]:
    """Writes columns of every kind, some to a file."""
    made = []
    for number, kind in enumerate(KINDS):
        for first in range(0, columns_per_kind, _COLUMNS_PER_FILE):
            chance = random.Random(number * 1_000_003 + first)
            count = min(_COLUMNS_PER_FILE, columns_per_kind - first)
            columns = [kind.cells(chance) for _ in range(count)]
            path = folder / f"columns-{number}-{first}.csv"
            titles = [f"v{each}" for each in range(count)]
            path.write_text(_written([titles, *map(list, zip(*columns, strict=True))], _DELIMITER), "utf-8", newline="")
            made.append(MadeColumns(path, kind, tuple(titles)))
    return made


def _written(rows: Iterable[Iterable[str]], delimiter: str) -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return text.getvalue()


_TITLES = ("nr", "Stra\u00dfe", "day", "price", "remark")
_STREETS = ["Hauptstra\u00dfe 5", "M\u00fchlweg 17", "Am Tor 3", "Ch\u00e2teau 9"]
_REMARKS = ["late", "on time", "", "broken seal", "paid"]
_ENCODINGS = [("UTF-8", "utf-8"), ("UTF-8 with BOM", "utf-8-sig"), ("Windows-1252", "cp1252"), ("UTF-16", "utf-16")]
_QUOTES = [("no quotes", ""), ("double quotes", '"'), ("single quotes", "'")]
_LINE_ENDS = [("LF", "\n"), ("CRLF", "\r\n"), ("CR", "\r")]
_PREAMBLES = [("no preamble", 0), ("2 lines above", 2)]
_HEADERS = [("header", True), ("no header", False)]
_DELIMITERS = [("comma", ","), ("semicolon", ";"), ("tab", "\t"), ("pipe", "|")]


def make_dialects(folder: Path, files: int) -> list[MadeDialect]:
    """Writes the same kind of table in as many ways."""
    return list(_dialects(folder, files))


def _dialects(folder: Path, files: int) -> Iterator[MadeDialect]:
    for number in range(files):
        chance = random.Random(number)
        delimiter, quote, encoding = chance.choice(_DELIMITERS), chance.choice(_QUOTES), chance.choice(_ENCODINGS)
        line_end, preamble, header = chance.choice(_LINE_ENDS), chance.choice(_PREAMBLES), chance.choice(_HEADERS)
        rows = [_row(chance, each, delimiter[1], quote[1]) for each in range(40)]
        lines = ["Report of the month", "made by hand"][: preamble[1]]
        lines += [_line(row, delimiter[1], quote[1]) for row in ([_TITLES] if header[1] else []) + rows]
        path = folder / f"dialect-{number}.csv"
        path.write_bytes("".join(f"{line}{line_end[1]}" for line in lines).encode(encoding[1]))
        traits = tuple(each[0] for each in (delimiter, quote, encoding, line_end, preamble, header))
        yield MadeDialect(path, delimiter[1], header[1], _TITLES, rows[0], traits)


def _row(chance: random.Random, number: int, delimiter: str, quote: str) -> tuple[str, ...]:
    price = f"{chance.randrange(1, 999)}.{chance.randrange(100):02}"
    remark = chance.choice(_REMARKS)
    if quote and remark and chance.random() < 0.3:
        remark = f"{remark}{delimiter} {quote}{remark}{quote}"
    day = f"2024-{chance.randrange(1, 13):02}-{chance.randrange(1, 29):02}"
    return str(1_000 + number), chance.choice(_STREETS), day, price, remark


def _line(cells: tuple[str, ...], delimiter: str, quote: str) -> str:
    return delimiter.join(f"{quote}{cell.replace(quote, quote * 2)}{quote}" if quote else cell for cell in cells)


def make_timed_file(path: Path, size: int) -> None:
    """Writes a file of orders of about so many bytes."""
    chance = random.Random(size)
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write("order_no,customer,ordered_at,weight_kg,price,country,remark\n")
        written, number = 0, 0
        while written < size:
            day = f"2024-{chance.randrange(1, 13):02}-{chance.randrange(1, 29):02}T{chance.randrange(24):02}:05:00"
            written += file.write(
                f"A-{number:08},C{chance.randrange(10**5):06},{day},{chance.randrange(10**6) / 1000},"
                f"{chance.randrange(10**5) / 100:.2f},{chance.choice(['DE', 'FR', 'NO'])},{chance.choice(_REMARKS)}\n"
            )
            number += 1
