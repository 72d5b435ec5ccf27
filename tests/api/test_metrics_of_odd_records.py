"""Metrics of records at the ends of what fits: days of two centuries, numbers of any size, nothing at all.

Each answer is compared with one computed from the records in plain Python.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import date
from decimal import Decimal, localcontext
from math import ceil
from random import Random
from typing import Any

import pytest

from logistics_core.settings import Settings
from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.loading.loader import load_file
from logistics_pipeline.loading.options import load_options
from tests.contract_texts import synced_catalogue

READINGS = """\
$schema: https://datapackage.org/profiles/2.0/dataresource.json
name: readings
path: readings.ndjson
title: Readings
singular: reading
schema:
  primaryKey: [reading]
  fields:
    - {name: reading, type: integer, constraints: {required: true}}
    - {name: read_on, type: date, constraints: {required: true}}
    - {name: meter, type: string, role: dimension}
    - {name: amount, type: number}
    - {name: pieces, type: integer}
    - {name: is_valid, type: boolean}
datedBy: {field: read_on}
metrics:
  - {name: readings_made, aggregate: rows}
  - {name: amounts, aggregate: sum, field: amount}
  - {name: mean_amount, aggregate: avg, field: amount}
  - {name: least, aggregate: min, field: amount}
  - {name: most, aggregate: max, field: amount}
  - {name: total_pieces, aggregate: sum, field: pieces}
  - {name: meters, aggregate: distinct, field: meter}
  - {name: median, aggregate: quantile, field: amount, quantile: 0.5}
  - {name: p90, aggregate: quantile, field: amount, quantile: 0.9}
  - {name: balance, aggregate: difference, of: [amounts, total_pieces]}
  - {name: per_piece, aggregate: ratio, of: [amounts, total_pieces]}
  - {name: first_read, aggregate: min, field: read_on}
"""
AMOUNTS = (
    None, "0", "-0.5", "0.000000000000000000001", "-99999999999999999999999999.99", "99999999999999999999999999.99",
    "3", "1e15", "7.25", "-7.25", "123456.789",
)  # fmt: skip
PIECES = (None, 0, 9_223_372_036_854_775_807, -9_223_372_036_854_775_808, 1, -1, 12)
METERS = (
    None,
    "null",
    "NULL",
    "None",
    "x  y",
    "'; DROP TABLE x; --",
    "Größe",
    "a,b",
    '"',
    "\\",
    "\u00e9",
    "e\u0301",
    "x" * 255,
)
DAYS = [
    date(1900, 1, 1), date(1900, 2, 28), date(1900, 3, 1), date(1999, 12, 31),
    date(2000, 2, 29), date(2020, 2, 29), date(2020, 12, 28), date(2020, 12, 31), date(2021, 1, 1), date(2021, 1, 3),
    date(2021, 1, 4), date(2023, 2, 28), date(2023, 3, 1), date(2024, 2, 1), date(2024, 2, 28), date(2024, 2, 29),
    date(2024, 3, 1), date(2024, 3, 31), date(2024, 4, 1), date(2024, 12, 30), date(2024, 12, 31), date(2025, 2, 28),
    date(2025, 2, 27), date(2025, 3, 1), date(2100, 1, 1), date(2100, 12, 31),
]  # fmt: skip
LAST = DAYS[-1]
Record = dict[str, Any]


def records() -> list[Record]:
    chance = Random(13)
    return [
        {
            "reading": number,
            "read_on": DAYS[number % len(DAYS)] if number % 2 else chance.choice(DAYS),
            "meter": chance.choice(METERS),
            "amount": chance.choice(AMOUNTS),
            "pieces": chance.choice(PIECES),
            "is_valid": chance.choice((True, False, None)),
        }
        for number in range(700)
    ]


READ = records()


@pytest.fixture(scope="module")
def api(new_database: Callable[[], AbstractContextManager[str]], serve: Any, tmp_path_factory: Any) -> Iterator[Any]:
    data_dir = tmp_path_factory.mktemp("data")
    (data_dir / "contracts").mkdir()
    (data_dir / "contracts" / "readings.yaml").write_text(READINGS)
    (data_dir / "raw").mkdir()
    path = data_dir / "raw" / "readings.ndjson"
    path.write_text("".join(json.dumps(each, default=str) + "\n" for each in READ))
    with new_database() as url:
        catalogue = synced_catalogue(url, data_dir / "contracts")
        options = replace(load_options(Settings(database_url=url, data_dir=data_dir)), catalogue=catalogue)
        found = options.folder.look_at(path)
        assert found is not None
        report = load_file(url, found, options)
        assert (report.file.records_loaded, report.file.records_rejected) == (len(READ), 0)
        refresh(url)
        with serve(url, data_dir=data_dir) as served:
            yield served


# -- in plain Python ---------------------------------------------------------------------------------------------------


def first_day(day: date, grain: str) -> date:
    match grain:
        case "day":
            return day
        case "week":
            return date.fromordinal(max(1, day.toordinal() - day.weekday()))
        case "month":
            return day.replace(day=1)
        case "quarter":
            return date(day.year, (day.month + 2) // 3 * 3 - 2, 1)
    return date(day.year, 1, 1)


def quantile(values: list[Decimal], share: Decimal) -> Decimal | None:
    return sorted(values)[ceil(share * len(values)) - 1] if values else None


def figures(found: list[Record]) -> dict[str, Any]:
    with localcontext(prec=80):
        amounts = [Decimal(each["amount"]) for each in found if each["amount"] is not None]
        pieces = [each["pieces"] for each in found if each["pieces"] is not None]
        total, count = sum(amounts, Decimal(0)) if amounts else None, sum(pieces) if pieces else None
        return {
            "readings_made": len(found),
            "amounts": total,
            "mean_amount": None if total is None else total / len(amounts),
            "least": min(amounts, default=None),
            "most": max(amounts, default=None),
            "total_pieces": count,
            "meters": len({each["meter"] for each in found} - {None}),
            "median": quantile(amounts, Decimal("0.5")),
            "p90": quantile(amounts, Decimal("0.9")),
            "balance": None if total is None or count is None else total - count,
            "per_piece": None if total is None or not count else total / count,
            "first_read": min((each["read_on"].isoformat() for each in found), default=None),
        }


QUOTIENTS = ("mean_amount", "per_piece")


def check(found: Record, expected: Record) -> None:
    for name, value in expected.items():
        if name in QUOTIENTS and value is not None:
            assert found[name] is not None
            assert abs(Decimal(found[name]) - value) <= abs(value) * Decimal("1e-15"), name
        else:
            assert found[name] == value, name


def grouped(key: Callable[[Record], Any]) -> dict[Any, dict[str, Any]]:
    groups = defaultdict(list)
    for each in READ:
        groups[key(each)].append(each)
    return {name: figures(found) for name, found in groups.items()}


# -- questions ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("exact", ["false", "true"])
@pytest.mark.parametrize("grain", ["day", "week", "month", "quarter", "year"])
def test_days_of_two_centuries_are_in_their_periods(api: Any, grain: str, exact: str) -> None:
    found = api.get("/api/metrics/readings", grain=grain, limit=10_000, exact=exact)["data"]
    expected = grouped(lambda each: first_day(each["read_on"], grain).isoformat())
    assert [each["period"] for each in found] == sorted(expected)
    for each in found:
        check(each, expected[each["period"]])


@pytest.mark.parametrize("path", ["meter", "is_valid", "read_on", "amount", "pieces"])
def test_groups_of_any_value(api: Any, path: str) -> None:
    found = api.get("/api/metrics/readings", by=path, limit=10_000)["data"]

    def key(record: Record) -> Any:
        value = record[path]
        if path == "amount" and value is not None:
            return Decimal(value).normalize()
        return value.isoformat() if isinstance(value, date) else value

    expected = grouped(key)
    assert len(found) == len(expected)
    for each in found:
        value = each[path]
        check(each, expected[Decimal(value).normalize() if path == "amount" and value is not None else value])


def within(start: date, end: date) -> dict[str, Any]:
    return figures([each for each in READ if start <= each["read_on"] <= end])


@pytest.mark.parametrize(
    ("start", "end", "compare", "other_start", "other_end"),
    [
        (date(2024, 2, 1), date(2024, 2, 29), "year", date(2023, 2, 1), date(2023, 2, 28)),
        (date(2025, 2, 1), date(2025, 2, 28), "year", date(2024, 2, 1), date(2024, 2, 29)),
        (date(2024, 2, 29), date(2024, 2, 29), "year", date(2023, 2, 28), date(2023, 2, 28)),
        (date(2024, 2, 29), date(2024, 2, 29), "weekdays", date(2023, 3, 2), date(2023, 3, 2)),
        (date(2024, 3, 1), date(2024, 3, 31), "previous", date(2024, 2, 1), date(2024, 2, 29)),
        (date(2020, 12, 28), date(2021, 1, 3), "weekdays", date(2019, 12, 30), date(2020, 1, 5)),
        (date(2021, 1, 1), date(2021, 12, 31), "previous", date(2020, 1, 1), date(2020, 12, 31)),
        (date(2025, 1, 1), date(2025, 2, 28), "year", date(2024, 1, 1), date(2024, 2, 29)),
    ],
)
def test_ranges_across_leap_days_and_week_53_are_compared(
    api: Any, start: date, end: date, compare: str, other_start: date, other_end: date
) -> None:
    asked = {"start": start.isoformat(), "end": end.isoformat(), "compare": compare}
    answer = api.get("/api/metrics/readings", **asked)
    (found,) = answer["data"]
    expected, before = within(start, end), within(other_start, other_end)
    check(found, expected)
    check({name: found[f"{name}_previous"] for name in before}, before)
    for name in ("readings_made", "amounts", "total_pieces"):
        now, then = expected[name], before[name]
        change = None if now is None or not then else 100 * (Decimal(now) - Decimal(then)) / abs(Decimal(then))
        assert found[f"{name}_change"] == (None if change is None else pytest.approx(change, abs=Decimal("0.006")))


def test_ratios_with_a_zero_below_are_nothing(api: Any) -> None:
    for record in READ:
        if record["pieces"] == 0:
            asked = {"filter": json.dumps({"reading": {"eq": record["reading"]}}), "metrics": "per_piece,total_pieces"}
            assert api.get("/api/metrics/readings", **asked)["data"] == [{"per_piece": None, "total_pieces": 0}]
            return
    raise AssertionError


@pytest.mark.parametrize("grain", ["day", "week", "month", "year"])
def test_running_totals_and_shares_add_up(api: Any, grain: str) -> None:
    asked = {"grain": grain, "metrics": "readings_made,total_pieces", "show": "running,share", "limit": 10_000}
    rows = api.get("/api/metrics/readings", **asked)["data"]
    made = pieces = 0
    for row in rows:
        made, pieces = made + row["readings_made"], pieces + (row["total_pieces"] or 0)
        assert (row["readings_made_running"], row["total_pieces_running"]) == (made, pieces)
    assert made == len(READ)


def test_key_figures_of_odd_records(api: Any) -> None:
    names = ",".join(f"readings.{name}" for name in figures([]))
    found = api.get("/api/kpi", metrics=names, start="2024-02-01", end="2024-02-29", compare="year")["figures"]
    expected = within(date(2024, 2, 1), date(2024, 2, 29))
    check({each["metric"].partition(".")[2]: each["value"] for each in found}, expected)
    newest = api.get("/api/kpi", metrics=names)["figures"][0]["range"]
    assert newest["end"] == max(each["read_on"] for each in READ if each["read_on"].year < 2100).isoformat()


@pytest.mark.parametrize("grain", [None, "day", "week", "month", "quarter", "year"])
@pytest.mark.parametrize("compare", ["previous", "year", "weekdays"])
@pytest.mark.parametrize(
    "range_",
    [
        (date(1900, 1, 1), date(1900, 3, 1)),
        (date(2099, 11, 30), LAST),
        (LAST, LAST),
        (date(1900, 1, 1), date(1900, 1, 1)),
    ],
)
def test_the_first_and_the_last_days_that_there_can_be_are_compared_or_not_at_all(
    api: Any, grain: str | None, compare: str, range_: tuple[date, date]
) -> None:
    asked = {"start": range_[0].isoformat(), "end": range_[1].isoformat(), "compare": compare}
    found = api.get("/api/metrics/readings", **asked, **({"grain": grain} if grain else {}))["data"]
    assert sum(each["readings_made"] for each in found) == within(*range_)["readings_made"]


@pytest.mark.parametrize("format", ["csv", "ndjson", "parquet"])
def test_odd_records_as_files(api: Any, format: str) -> None:
    response = api.client.get("/api/metrics/readings", params={"by": "meter", "grain": "year", "format": format})
    assert response.status_code == 200


def test_graphql_says_the_same(api: Any) -> None:
    text = "{ readingsMetrics(metrics: [READINGS_MADE, TOTAL_PIECES], grain: YEAR) "
    text += "{ rows { period readingsMade totalPieces } } }"
    response = api.client.post("/graphql", json={"query": text})
    body = json.loads(response.text, parse_float=Decimal)
    assert "errors" not in body, body
    rest = api.get("/api/metrics/readings", metrics="readings_made,total_pieces", grain="year")["data"]
    found = [
        (each["period"], int(each["readingsMade"]), None if each["totalPieces"] is None else int(each["totalPieces"]))
        for each in body["data"]["readingsMetrics"]["rows"]
    ]
    assert found == [(each["period"], each["readings_made"], each["total_pieces"]) for each in rest]


def test_the_same_part_of_an_unfinished_month_is_compared(api: Any) -> None:
    newest = max(each["read_on"] for each in READ if each["read_on"].year < 2100)
    asked = {"grain": "month", "compare": "previous", "start": "2025-03-01", "end": "2025-03-31", "metrics": "amounts"}
    answer = api.get("/api/metrics/readings", **asked)
    assert newest == date(2025, 3, 1)
    assert answer["data"][0]["amounts_previous"] == within(date(2025, 2, 1), date(2025, 2, 1))["amounts"]
