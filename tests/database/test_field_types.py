"""Fields of all types, from a file to the table and back: no value is altered, and PostgreSQL refuses none."""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from logistics_core.catalogue import load_catalogue
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.loading.loader import load_file
from logistics_pipeline.migrations import migrate
from tests.database.conftest import FolderUnderTest
from tests.database.records import as_lines
from tests.many_types import FIELDS, PLAIN, add_contract

TYPES = {
    "reading_id": "text",
    "pieces": "numeric",
    "is_open": "boolean",
    "seen_at": "timestamp without time zone",
    "moment": "timestamp with time zone",
    "starts": "time without time zone",
    "departs": "interval",
    "built": "integer",
    "period": "text",
    "details": "jsonb",
    "tags": "jsonb",
}


@pytest.fixture
def readings(raw_folder: FolderUnderTest, raw_dir: Path) -> FolderUnderTest:
    """The raw folder of an installation that knows the dataset, and its migrated database."""
    catalogue = add_contract(raw_dir.parent)
    migrate(raw_folder.url, catalogue=catalogue)
    return replace(raw_folder, options=replace(raw_folder.options, catalogue=catalogue))


def test_each_type_has_a_column_of_its_own_type(readings: FolderUnderTest, connection: Connection) -> None:
    query = "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'readings'"
    found = dict(connection.execute(query).fetchall())
    assert {name: found[name] for name in TYPES} == TYPES
    collation = connection.execute(
        "SELECT collation_name FROM information_schema.columns WHERE table_name = 'readings' AND column_name = 'period'"
    )
    assert collation.fetchone() == ("C",)
    migrate(
        readings.url, catalogue=load_catalogue(readings.options.folder.path.parent / "contracts")
    )  # changes nothing


# -- text → table → text, by each column's own format ----------------------------------------------------------------

seconds = st.integers(0, 86_399)
days = st.dates(date(1950, 1, 1), date(2049, 12, 31))
moments = st.builds(datetime.combine, st.dates(date(1901, 1, 1), date(2099, 12, 31)), st.times())
fractions = st.sampled_from(["", ".5", ".123456", ".000001", ".999999", ".100"])
json_values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(10**25), 10**25),
        st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9, places=3),
        st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=6),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b:", 'c"', "é", "\\"]), inner),
    max_leaves=6,
)


def json_text(value: Any) -> str:
    """JSON that keeps the digits of decimals."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(name)} : {json_text(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(json_text, value)) + "]"
    return str(value) if isinstance(value, Decimal) else json.dumps(value, ensure_ascii=False)


def grouped(number: int) -> str:
    return f"{number:,}".replace(",", ".")


def clock(total: int, fraction: str) -> str:
    return f"{total // 3600:02}:{total // 60 % 60:02}:{total % 60:02}{fraction}"


TEXTS: dict[str, st.SearchStrategy[str]] = {
    "pieces": st.integers(-1000, 10**40).map(str),
    "grouped": st.integers(-(10**12), 10**12).map(grouped),
    "amount": st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**30), max_value=10**30).map(
        lambda number: f"{number:f}"
    ),
    "is_open": st.sampled_from(["true", "TRUE", "1", "False", "0"]),
    "is_paid": st.sampled_from(["ja", "1", "nein"]),
    "day": days.map(date.isoformat),
    "iso_day": days.map(date.isoformat),
    "us_day": st.dates(date(1970, 1, 1), date(2049, 1, 1)).map(lambda day: day.strftime("%m/%d/%y")),
    "number_day": days.map(lambda day: day.strftime("%Y%m%d")),
    "seen_at": st.builds(lambda stamp, blank: stamp.isoformat(blank), moments, st.sampled_from("T ")),
    "moment": st.builds(
        lambda stamp, minutes: stamp.replace(tzinfo=timezone(timedelta(minutes=minutes))).isoformat(),
        moments,
        st.integers(-900, 900),
    ),
    "clocked": st.builds(
        lambda stamp: stamp.strftime("%d %b %Y %I:%M %p"), moments.filter(lambda stamp: stamp.year > 1910)
    ),
    "starts": st.builds(clock, seconds, fractions),
    "ends": seconds.map(lambda total: f"{total // 3600:02}{total // 60 % 60:02}"),
    "departs": st.one_of(
        st.builds(clock, st.integers(0, 10**9), fractions),
        st.builds("P{}Y{}M{}DT{}H{}M{}S".format, *[st.integers(0, 3000)] * 3, *[st.integers(0, 3000)] * 3),
    ),
    "lap": st.builds("{}:{:02}".format, st.integers(0, 10**6), st.integers(0, 59)),
    "built": st.integers(1000, 9999).map(str),
    "period": st.builds("{}-{:02}".format, st.integers(1000, 9999), st.integers(1, 12)),
    "month": st.builds("{}{:02}".format, st.integers(1000, 9999), st.integers(1, 12)),
    "details": st.dictionaries(st.text('ab:"\\', max_size=3), json_values, max_size=3).map(json_text),
    "tags": st.lists(json_values, max_size=4).map(json_text),
}

Written = Callable[[str], str]


def stamp_of(text: str) -> datetime:
    return datetime.fromisoformat(text)


def duration_of(text: str) -> tuple[int, int, Decimal]:
    """Months, days and seconds, by rules of the test's own."""
    if text.startswith("P"):
        years, months, days, hours, minutes, seconds = map(int, text[1:-1].replace("T", "").translate(_UNITS).split())
        return years * 12 + months, days, Decimal(hours * 3600 + minutes * 60 + seconds)
    hours, minutes, rest = text.split(":")
    return 0, 0, Decimal(hours) * 3600 + Decimal(minutes) * 60 + Decimal(rest)


_UNITS = str.maketrans("YMDHS", "     ")

MEANINGS: dict[str, Callable[[str], object]] = {
    "pieces": Decimal,
    "grouped": lambda text: Decimal(text.replace(".", "")),
    "amount": lambda text: (Decimal(text), Decimal(text).as_tuple().exponent),
    "is_open": lambda text: text.lower() in ("true", "1"),
    "is_paid": lambda text: text != "nein",
    "day": str,
    "iso_day": str,
    "us_day": lambda text: datetime.strptime(text, "%m/%d/%y").replace(tzinfo=UTC).date().isoformat(),
    "number_day": lambda text: f"{text[:4]}-{text[4:6]}-{text[6:]}",
    "seen_at": stamp_of,
    "moment": lambda text: stamp_of(text).astimezone(UTC),
    "clocked": lambda text: datetime.strptime(text, "%d %b %Y %I:%M %p").replace(tzinfo=UTC).replace(tzinfo=None),
    "starts": time.fromisoformat,
    "ends": lambda text: time(int(text[:2]), int(text[2:])),
    "departs": duration_of,
    "lap": lambda text: (0, 0, Decimal(text.split(":")[0]) * 60 + Decimal(text.split(":")[1])),
    "built": int,
    "period": str,
    "month": lambda text: f"{text[:4]}-{text[4:]}",
    "details": lambda text: json.loads(text, parse_float=Decimal),
    "tags": lambda text: json.loads(text, parse_float=Decimal),
}
"""What a text means, by readers other than ours."""

STORED: dict[str, tuple[str, Callable[[Any], object]]] = {
    "amount": ("{}::text", MEANINGS["amount"]),
    "starts": ("{}::text", time.fromisoformat),
    "ends": ("{}::text", time.fromisoformat),
    "moment": ("{}", lambda moment: moment.astimezone(UTC)),
    "details": ("{}::text", MEANINGS["details"]),
    "tags": ("{}::text", MEANINGS["tags"]),
    "day": ("{}::text", str),
    "iso_day": ("{}::text", str),
    "us_day": ("{}::text", str),
    "number_day": ("{}::text", str),
    **dict.fromkeys(
        ("departs", "lap"),
        (
            "ARRAY[extract(year FROM {0}) * 12 + extract(month FROM {0}), extract(day FROM {0}), "
            "extract(hour FROM {0}) * 3600 + extract(minute FROM {0}) * 60 + extract(second FROM {0})]",
            lambda parts: (int(parts[0]), int(parts[1]), parts[2]),
        ),
    ),
}
"""How the table's value is read, and what it means; other columns are read as psycopg does."""

NATIVE = {"pieces", "amount", "is_open", "built", "number_day", "month", "details", "tags"}


def as_json_line(record: Mapping[str, str]) -> str:
    """Values as JSON has them, where it has such: numbers, booleans, arrays and objects."""
    members = []
    for name, text in record.items():
        plain = name in NATIVE and (name != "is_open" or text in ("true", "1", "0")) and not text.startswith("0" * 2)
        members.append(f"{json.dumps(name)}: {text if plain else json.dumps(text)}")
    return "{" + ", ".join(members) + "}"


def csv_of(records: Sequence[Mapping[str, str]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(PLAIN))
    writer.writeheader()
    writer.writerows(records)
    return text.getvalue().encode()


WRITERS: dict[str, Callable[[Sequence[Mapping[str, str]]], bytes]] = {
    "csv": csv_of,
    "ndjson": lambda records: "\n".join(map(as_json_line, records)).encode(),
    "json": lambda records: f"[{','.join(map(as_json_line, records))}]".encode(),
}


@given(st.data())
@settings(
    max_examples=10,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # each example loads three files: to shrink takes minutes
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_no_value_is_altered_by_a_load(readings: FolderUnderTest, connection: Connection, data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 12))
    columns = {name: data.draw(st.lists(TEXTS[name], min_size=count, max_size=count)) for name in TEXTS}
    records = [
        {"reading_id": f"R{number}"} | {name: column[number] for name, column in columns.items()}
        for number in range(count)
    ]
    for suffix, write in WRITERS.items():
        file = readings.drop(
            f"readings/{len(connection.execute('SELECT FROM ingest.files').fetchall())}.{suffix}", write(records)
        )
        report = load_file(readings.url, file, readings.options)
        assert (report.file.records_loaded, report.file.records_rejected) == (count, 0), report
        for name, column in columns.items():
            expression, meaning = STORED.get(name, ("{}", lambda value: value))
            rows = connection.execute(
                f"SELECT {expression.format(name)} FROM raw.readings WHERE file_id = %s ORDER BY record_no",
                (report.file.file_id,),
            ).fetchall()
            assert [meaning(value) for (value,) in rows] == [MEANINGS[name](text) for text in column], (suffix, name)


# -- what does not fit ----------------------------------------------------------------------------------------------

REFUSED = {
    "pieces": ("007", 'must be an integer without leading zeros, found the text "007"'),
    "grouped": ("12.34", 'must be an integer, found the text "12.34"'),
    "is_open": ("yes", "must be one of true, True, TRUE, 1 or false, False, FALSE, 0, found the text"),
    "iso_day": ("5 Mar 2024", "must be a date written as 2024-03-05"),
    "us_day": ("13/01/24", "must be a day that exists, written as %m/%d/%y (the format in the contract)"),
    "seen_at": ("2024-03-05 14:30Z", "must not have a time zone"),
    "moment": ("2024-03-05 14:30", "must have a time zone such as Z or +02:00"),
    "clocked": ("5 Mar 2024 14:30 PM", "must be written as %d %b %Y %I:%M %p"),
    "starts": ("25:10:00", "must be a time of day such as 14:30:00"),
    "departs": ("12:30", "is ambiguous"),
    "built": ("98", "must be a year of four digits"),
    "period": ("2024-13", "must be a month such as 2024-03"),
    "details": ('{"a": 1, "a": 2}', 'holds the name "a" twice in one object: one would be lost'),
    "tags": ('["\\u0000"]', "holds a NUL character"),
    "day": ("x" * 100_000, "must be a date, found the text"),
}


@pytest.mark.parametrize("suffix", ["csv", "ndjson"])
def test_what_does_not_fit_is_rejected_with_field_value_and_what_was_expected(
    suffix: str, readings: FolderUnderTest, connection: Connection
) -> None:
    records = [PLAIN | {"reading_id": f"R{name}", name: text} for name, (text, _) in REFUSED.items()]
    content = csv_of(records) if suffix == "csv" else as_lines(records)
    report = readings.drop_and_load(f"readings.{suffix}", content)

    loaded = connection.execute("SELECT reading_id FROM raw.readings").fetchall()
    assert (loaded, report.file.records_rejected) == ([], len(REFUSED))
    query = "SELECT field, reason FROM ingest.rejects ORDER BY record_no"
    for (field, reason), (name, (_, said)) in zip(connection.execute(query).fetchall(), REFUSED.items(), strict=True):
        assert field == name
        assert reason.startswith(f"{name} {said}")


LIMITS = {
    "pieces": ["9" * 40, "-1000"],
    "amount": ["9" * 100 + "." + "9" * 100, "-" + "9" * 100, "1e-99"],
    "day": ["1900-01-01", "2100-12-31"],
    "seen_at": ["1900-01-01T00:00", "2100-12-31 23:59:59.999999", "2100-12-31 24:00"],
    "moment": ["1900-01-01T00:00+23:59", "2100-12-31T23:59:59.999999-23:59", "2024-03-05 24:00 UTC"],
    "starts": ["24:00", "00:00:00.000001"],
    "departs": ["2147483647:00:00", "-2147483647:00:00", "P2147483647M", "-P2147483647D", "P178956970Y7M", "PT0S"],
    "lap": ["9999999999:59"],
    "built": ["1000", "9999"],
    "period": ["0001-01", "9999-12"],
    "details": ['{"a": ' + "9" * 1000 + ', "b": -1e-1000, "c": 1e999}', '{"": {}}', '{"a":"\\ud83d\\ude00"}'],
    "tags": ["[" * 100 + "]" * 100, '["' + "x" * 60_000 + '"]'],
}
"""The outermost values that the contract takes. PostgreSQL must take them, too."""


def test_the_database_takes_whatever_the_contract_takes(readings: FolderUnderTest, connection: Connection) -> None:
    cells = [(name, text) for name, texts in LIMITS.items() for text in texts]
    records = [PLAIN | {"reading_id": f"R{number}", name: text} for number, (name, text) in enumerate(cells)]
    report = readings.drop_and_load("readings.csv", csv_of(records))

    reasons = connection.execute("SELECT reason FROM ingest.rejects").fetchall()
    assert (report.file.records_loaded, reasons) == (len(cells), [])


def test_values_are_the_same_when_rows_are_merged_one_by_one(readings: FolderUnderTest, connection: Connection) -> None:
    names = [name for name in FIELDS if name != "reading_id"]
    select = f"SELECT {', '.join(f'{name}::text' for name in names)} FROM raw.readings WHERE reading_id = 'R-1'"
    readings.drop_and_load("readings.csv", csv_of([PLAIN]))
    expected = connection.execute(select).fetchone()
    connection.execute("ALTER TABLE raw.readings ADD CHECK (reading_id <> 'R-2')")
    connection.commit()

    again = readings.drop_and_load("readings/2.csv", csv_of([PLAIN, PLAIN | {"reading_id": "R-2"}]))

    assert (again.file.records_loaded, again.file.records_rejected) == (1, 1)
    assert connection.execute(select).fetchone() == expected
