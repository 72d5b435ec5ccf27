"""Metrics of datasets of a user's own: time zones, values that are absent, many groups, approximations, no metrics
declared. Each case is a mistake that tools of this kind are known for."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from math import ceil
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from logistics_core.metrics.periods import Grain
from logistics_core.settings import Settings
from logistics_pipeline.analytics import rollup_choice
from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.loading.loader import load_file
from logistics_pipeline.loading.options import LoadOptions, load_options
from tests.contract_texts import synced_catalogue

BERLIN = ZoneInfo("Europe/Berlin")
PASSAGES = """\
$schema: https://datapackage.org/profiles/2.0/dataresource.json
name: passages
path: passages.csv
title: Passages
singular: passage
schema:
  primaryKey: [passage]
  fields:
    - {name: passage, type: integer, constraints: {required: true}}
    - {name: passed_at, type: datetime, timeZone: true, constraints: {required: true}}
    - {name: gate, type: string, role: dimension}
    - {name: plate, type: string, role: dimension}
    - {name: speed, type: number, unit: km/h}
    - {name: toll, type: number, unit: currency}
    - {name: is_late, type: boolean}
datedBy: {field: passed_at, timeZone: Europe/Berlin}
"""
DECLARED = (
    PASSAGES.replace("name: passages", "name: crossings")
    .replace("path: passages", "path: crossings")
    .replace("singular: passage", "singular: crossing")
    + """\
metrics:
  - {name: crossings_made, aggregate: rows}
  - {name: plates, aggregate: distinct, field: plate}
  - {name: median_speed, aggregate: quantile, field: speed, quantile: 0.5}
  - {name: last_passed, aggregate: max, field: passed_at}
  - {name: tolls, aggregate: sum, field: toll}
  - {name: fast_tolls, aggregate: sum, field: toll, filter: [{field: speed, operator: gt, value: 100}]}
  - {name: slow_tolls, aggregate: difference, of: [tolls, fast_tolls]}
  - {name: slow_share_of_tolls, aggregate: ratio, of: [slow_tolls, tolls]}
"""
)
SIGHTINGS = (
    DECLARED.replace("name: crossings", "name: sightings")
    .replace("path: crossings", "path: sightings")
    .replace("singular: crossing", "singular: sighting")
)
"""Its distinct counts and quantiles are kept by weeks, months and years, as those of very large datasets are."""
RECORDS = 12_500
GATES = ("North", "null", "", "South")


def passage(number: int, seconds: int) -> dict[str, Any]:
    moment = datetime(2024, 3, 29, 20, tzinfo=UTC) + timedelta(seconds=seconds * number)
    return {
        "passage": number,
        "passed_at": moment.astimezone(BERLIN),
        "gate": GATES[number % 4],
        "plate": f"P{number % 12_100}",
        "speed": "" if number % 9 == 0 else Decimal(number * 37 % 12_000) / 100,
        "toll": "" if number % 5 == 0 else Decimal(number % 400) / 100,
        "is_late": ["true", "false", ""][number % 3],
    }


PASSED = [passage(number, 420) for number in range(RECORDS)]
CROSSED = [passage(number, 2) for number in range(RECORDS)]
"""All of them in two days, in which there are more plates than a sketch has registers."""
SIGHTED = [passage(number, 2_800) for number in range(RECORDS)]
"""From 29 March 2024 to 7 May 2025."""


@dataclass(frozen=True)
class Site:
    url: str
    options: LoadOptions
    api: Any


@pytest.fixture(scope="module")
def site(new_database: Callable[[], AbstractContextManager[str]], serve: Any, tmp_path_factory: Any) -> Iterator[Site]:
    data_dir = tmp_path_factory.mktemp("data")
    contracts = data_dir / "contracts"
    contracts.mkdir()
    for name, text in (("passages", PASSAGES), ("crossings", DECLARED), ("sightings", SIGHTINGS)):
        (contracts / f"{name}.yaml").write_text(text)
    with new_database() as url, pytest.MonkeyPatch.context() as patch:
        patch.setattr(rollup_choice, "SMALL_VALUES", 9_000)
        by_day_too = rollup_choice._Chooser._fits
        patch.setattr(
            rollup_choice._Chooser,
            "_fits",
            lambda chooser, rollup: (
                rollup.unit is not Grain.DAY if chooser.dataset.name == "sightings" else by_day_too(chooser, rollup)
            ),
        )
        catalogue = synced_catalogue(url, contracts)
        options = replace(load_options(Settings(database_url=url, data_dir=data_dir)), catalogue=catalogue)
        for name, records in (("passages", PASSED), ("crossings", CROSSED), ("sightings", SIGHTED)):
            load(url, options, data_dir / "raw" / f"{name}.csv", records)
        refresh(url)
        with serve(url, data_dir=data_dir) as api:
            yield Site(url, options, api)


def load(url: str, options: LoadOptions, path: Path, records: list[dict[str, Any]]) -> None:
    path.parent.mkdir(exist_ok=True)
    lines = [",".join(records[0]), *(",".join(str(value) for value in each.values()) for each in records)]
    path.write_text("\n".join(lines) + "\n")
    found = options.folder.look_at(path)
    assert found is not None
    assert load_file(url, found, options).is_loaded


def by_day(records: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    found = defaultdict(list)
    for record in records:
        found[record["passed_at"].date().isoformat()].append(record)
    return found


@pytest.mark.slow
def test_days_are_those_of_the_time_zone_across_the_change_to_summer_time(site: Site) -> None:
    days = by_day(PASSED)
    answer = site.api.get("/api/metrics/passages", metrics="records,sum_toll", grain="day", limit=100)
    assert answer["source"] == "rollup"
    assert {row["period"]: row["records"] for row in answer["data"]} == {
        day: len(each) for day, each in list(days.items())[:100]
    }
    assert len(days["2024-03-31"]) < len(days["2024-04-01"])  # 23 hours
    rows = site.api.get(
        "/api/metrics/passages",
        metrics="records,sum_toll",
        grain="day",
        limit=100,
        filter='{"passage":{"gte":0}}',
    )
    assert rows["source"] == "rows"
    assert rows["data"] == answer["data"]


def test_a_value_that_is_absent_is_a_group_of_its_own_and_not_the_text_null(site: Site) -> None:
    rows = site.api.get("/api/metrics/passages", by="gate", metrics="records", order="gate")["data"]
    quarter = RECORDS // 4
    assert [(row["gate"], row["records"]) for row in rows] == [
        ("North", quarter), ("South", quarter), ("null", quarter), (None, quarter),
    ]  # fmt: skip
    absent = site.api.get("/api/metrics/passages", metrics="records", filter='{"gate":null}')["data"]
    assert absent == [{"records": quarter}]


def test_the_usual_metrics(site: Site) -> None:
    (found,) = (each for each in site.api.get("/api/metrics")["datasets"] if each["dataset"] == "passages")
    names = [each["name"] for each in found["metrics"]]
    assert names == [
        "records", "avg_speed", "min_speed", "max_speed", "sum_toll", "avg_toll", "count_is_late", "known_is_late",
        "ratio_is_late",
    ]  # fmt: skip
    (row,) = site.api.get("/api/metrics/passages")["data"]
    speeds = [each["speed"] for each in PASSED if each["speed"] != ""]
    assert abs(row["avg_speed"] - sum(speeds) / len(speeds)) < Decimal("1e-12")
    assert (row["min_speed"], row["max_speed"]) == (min(speeds), max(speeds))
    assert row["count_is_late"] == sum(each["is_late"] == "true" for each in PASSED)
    assert row["ratio_is_late"] == pytest.approx(Decimal("0.5"), abs=Decimal("0.001"))


def test_more_groups_than_an_answer_has(site: Site) -> None:
    answer = site.api.get("/api/metrics/passages", by="plate", metrics="records", limit=10_000, total="true")
    assert answer["source"] == "rows"
    assert (answer["groups"], len(answer["data"])) == (12_100, 10_000)
    assert answer["total"] == {"records": RECORDS}


def test_approximate_values_are_marked_and_within_their_error(site: Site) -> None:
    query = {"metrics": "plates,median_speed", "grain": "day"}
    about, exact = (site.api.get("/api/metrics/crossings", **query, exact=each) for each in ("false", "true"))
    errors = {each["metric"]: each.get("approximate_within") for each in about["columns"] if each["metric"]}
    assert errors == {"plates": Decimal("0.0163"), "median_speed": Decimal("0.005")}
    assert (about["source"], exact["source"]) == ("rollup", "rows")
    assert all(each.get("approximate_within") is None for each in exact["columns"])
    for day, found in zip(about["data"], exact["data"], strict=True):
        records = [each for each in CROSSED if each["passed_at"].strftime("%Y-%m-%d") == day["period"]]
        speeds = sorted(each["speed"] for each in records if each["speed"] != "")
        assert found["plates"] == len({each["plate"] for each in records})
        assert found["median_speed"] == speeds[ceil(len(speeds) / 2) - 1]
        assert abs(day["plates"] - found["plates"]) <= 4 * errors["plates"] * found["plates"]
        assert abs(day["median_speed"] - found["median_speed"]) <= Decimal("0.005") * found["median_speed"]


def test_graphql_marks_approximate_values_as_well(site: Site) -> None:
    fields = "{ source approximations { metric within } rows { plates } }"
    asked = f"b: crossingsMetrics(metrics: [PLATES], exact: true) {fields}"
    query = f"{{ a: crossingsMetrics(metrics: [PLATES]) {fields} {asked} }}"
    found = site.api.client.post("/graphql", json={"query": query}).json()["data"]
    exact = len({each["plate"] for each in CROSSED})
    assert found["b"] == {"source": "ROWS", "approximations": [], "rows": [{"plates": exact}]}
    assert found["a"]["source"] == "ROLLUP"
    assert found["a"]["approximations"] == [{"metric": "plates", "within": 0.0163}]
    assert found["a"]["rows"][0]["plates"] == pytest.approx(exact, rel=4 * 0.0163)


def expected_values(
    first: date, last: date, key: Callable[[dict[str, Any]], Any] = lambda _: None
) -> dict[Any, tuple[int, Decimal | None]]:
    """Distinct plates and median speed of what was sighted, by a key."""
    groups = defaultdict(list)
    for record in SIGHTED:
        if first <= record["passed_at"].date() <= last:
            groups[key(record)].append(record)
    found = {}
    for name, records in groups.items():
        speeds = sorted(each["speed"] for each in records if each["speed"] != "")
        found[name] = len({each["plate"] for each in records}), speeds[ceil(len(speeds) / 2) - 1]
    return found


def month_of(record: dict[str, Any]) -> str:
    return f"{record['passed_at']:%Y-%m}-01"


@pytest.mark.parametrize(
    ("first", "last", "source"),
    [
        ("2024-05-01", "2025-01-31", "rollup"),
        ("2024-01-17", "2025-02-28", "rollup"),  # begins before all records
        ("2024-04-01", "2025-05-20", "rollup"),  # ends after all records
        ("2020-01-01", "2030-01-01", "rollup"),
        ("2024-05-02", "2025-01-31", "rows"),
        ("2024-05-01", "2025-01-30", "rows"),
        ("2024-03-29", "2024-04-15", "rows"),
    ],
)
@pytest.mark.parametrize("by", ["", "gate"])
def test_whole_periods_are_answered_from_values_kept_by_periods(
    site: Site, first: str, last: str, source: str, by: str
) -> None:
    found = site.api.get(
        "/api/metrics/sightings", metrics="plates,median_speed", start=first, end=last, **({"by": by} if by else {})
    )
    expected = expected_values(
        date.fromisoformat(first), date.fromisoformat(last), lambda each: (each["gate"] or None) if by else None
    )
    assert found["source"] == source
    assert {each.get("gate"): (each["plates"], each["median_speed"]) for each in found["data"]} == expected


@pytest.mark.parametrize(
    ("grain", "label"),
    [
        ("week", lambda each: (each["passed_at"].date() - timedelta(each["passed_at"].weekday())).isoformat()),
        ("month", month_of),
        ("quarter", lambda each: f"{each['passed_at']:%Y}-{(each['passed_at'].month - 1) // 3 * 3 + 1:02}-01"),
        ("year", lambda each: f"{each['passed_at']:%Y}-01-01"),
    ],
)
def test_values_kept_by_periods_are_summed_up_by_longer_ones(
    site: Site, grain: str, label: Callable[[dict[str, Any]], str]
) -> None:
    found = site.api.get("/api/metrics/sightings", metrics="plates,median_speed", grain=grain)
    assert found["source"] == "rollup"
    expected = expected_values(date.min, date.max, label)
    assert {each["period"]: (each["plates"], each["median_speed"]) for each in found["data"]} == expected


def test_values_kept_by_periods_are_compared(site: Site) -> None:
    asked = {"metrics": "plates", "grain": "month", "compare": "previous", "start": "2024-05-01", "end": "2025-04-30"}
    found = site.api.get("/api/metrics/sightings", **asked)
    months = expected_values(date.min, date.max, month_of)
    assert found["source"] == "rollup"
    for each in found["data"]:
        before = (date.fromisoformat(each["period"]) - timedelta(1)).replace(day=1).isoformat()
        assert each["plates_previous"] == months[before][0]


def test_periods_of_the_field_that_dates_records_are_no_single_days(site: Site) -> None:
    asked = {"metrics": "plates", "filter": '{"passed_at": {"lt": "2024-06-01T00:00:00+02:00"}}'}
    found = site.api.get("/api/metrics/sightings", **asked)
    assert (found["source"], found["data"][0]["plates"]) == (
        "rows",
        expected_values(date.min, date(2024, 5, 31))[None][0],
    )


def test_metrics_that_combine_others(site: Site) -> None:
    (row,) = site.api.get(
        "/api/metrics/crossings", metrics="tolls,fast_tolls,slow_tolls,slow_share_of_tolls,last_passed"
    )["data"]
    assert row["slow_tolls"] == row["tolls"] - row["fast_tolls"]
    assert abs(row["slow_share_of_tolls"] - row["slow_tolls"] / row["tolls"]) < Decimal("1e-12")
    assert datetime.fromisoformat(row["last_passed"]) == CROSSED[-1]["passed_at"]


def test_growth_from_nothing_is_no_number(site: Site) -> None:
    answer = site.api.get("/api/metrics/passages", metrics="records", grain="month", compare="previous")
    first = answer["data"][0]
    assert (first["period"], first["records_previous"], first["records_change"]) == ("2024-03-01", 0, None)


def test_a_range_without_records_has_no_rows_and_totals_of_nothing(site: Site) -> None:
    query = {"start": "2019-01-01", "end": "2019-01-31", "metrics": "records,sum_toll,avg_speed"}
    assert site.api.get("/api/metrics/passages", **query, grain="day")["data"] == []
    assert site.api.get("/api/metrics/passages", **query)["data"] == [
        {"records": 0, "sum_toll": None, "avg_speed": None}
    ]
    assert (
        site.api.get("/api/kpi", metrics="passages.sum_toll", start="2019-01-01", end="2019-01-31")["figures"][0][
            "value"
        ]
        is None
    )
