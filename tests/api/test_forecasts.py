"""Forecasts by the API: the newest and earlier ones beside what came true; how right they were; when they are kept."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import psycopg
import pytest
from psycopg import sql

from logistics_api.forecasts.documents import columns_of, rows
from logistics_api.forecasts.parameters import Question
from logistics_core.catalogue.metrics import Condition, Operator
from logistics_core.catalogue.model import Field, FieldType, Role
from logistics_core.metrics.paths import FieldPath
from logistics_core.settings import Settings
from logistics_pipeline.analytics.refresh import refresh
from logistics_pipeline.files.folder import RawFolder
from logistics_pipeline.forecasting.refitting import refit
from logistics_pipeline.loading.loader import load_file
from logistics_pipeline.loading.options import LoadOptions, load_options
from tests.contract_texts import synced_catalogue
from tests.forecast_records import FIRST, RIDES, as_csv, rides

BY_DRIVER = """\
  - metrics: [fares]
    by: [[driver]]
    horizon: 14
"""
"""Levels of another kind: fits of the same metric, of other series."""

DAYS = 63
MORE = 14
LAST = FIRST + timedelta(DAYS - 1)


@dataclass(frozen=True)
class Site:
    url: str
    options: LoadOptions
    raw_dir: Path
    api: Any

    def load(self, name: str, records: list[dict[str, Any]]) -> None:
        path = self.raw_dir / name
        path.write_bytes(as_csv(records))
        found = RawFolder(self.raw_dir).look_at(path)
        assert found is not None
        load_file(self.url, replace(found, dataset="rides"), self.options)
        refresh(self.url)

    def fit(self) -> None:
        refit(self.url, "rides", most_series=100)


@pytest.fixture(scope="module")
def site(new_database: Callable[[], AbstractContextManager[str]], serve: Any, tmp_path_factory: Any) -> Iterator[Site]:
    """Nine weeks of rides, a fit, two more weeks, another fit."""
    data_dir = tmp_path_factory.mktemp("data")
    (data_dir / "contracts").mkdir()
    (data_dir / "raw").mkdir()
    (data_dir / "contracts" / "rides.yaml").write_text(RIDES + BY_DRIVER)
    with new_database() as url:
        catalogue = synced_catalogue(url, data_dir / "contracts")
        options = replace(load_options(Settings(database_url=url, data_dir=data_dir)), catalogue=catalogue)
        with serve(url, data_dir=data_dir) as api:
            found = Site(url, options, data_dir / "raw", api)
            found.load("rides-1.csv", rides(DAYS))
            found.fit()
            found.load("rides-2.csv", rides(MORE, start=DAYS))
            with psycopg.connect(url) as connection:  # as if the first fit had been long ago
                connection.execute("UPDATE forecast.runs SET issued_at = '2024-03-04 06:00Z'")
            found.fit()
            yield found


def fares(day: int, **of: Any) -> float:
    found = [each for each in rides(1, start=day) if all(each[name] == value for name, value in of.items())]
    return sum(each["fare"] or 0 for each in found)


def test_what_is_forecast_is_listed_with_its_newest_fit(site: Site) -> None:
    listed = {each["dataset"]: each["forecasts"] for each in site.api.get("/api/forecasts")["datasets"]}
    assert list(listed) == ["shipments", "rides"]
    assert [(each["metric"], each["horizon"]) for each in listed["rides"]] == [
        ("rides_made", 14), ("fares", 14), ("mean_fare", 14), ("drivers", 7), ("median_fare", 7), ("fares", 14),
    ]  # fmt: skip
    fit = listed["rides"][1]
    assert [level["by"] for level in fit["levels"]] == [[], ["depot"], ["depot", "line"]]
    assert fit["run"]["last_period"] == str(LAST + timedelta(MORE))
    assert fit["levels"][2]["is_tracked"] is True
    assert fit["levels"][0]["is_tracked"] is False  # 14 forecasts of one series are not enough
    assert all(each["run"] is None for each in listed["shipments"])


def test_forecasts_of_the_total_are_the_default(site: Site) -> None:
    found = site.api.get("/api/forecasts/rides", metric="fares")
    assert (found["by"], found["grain"], found["groups"]) == ([], "day", 1)
    (series,) = found["data"]
    assert [point["period"] for point in series["points"]] == [
        str(LAST + timedelta(MORE + step)) for step in range(1, 15)
    ]
    for point in series["points"]:
        assert len(point["quantiles"]) == len(found["probabilities"]) == 7
        assert point["quantiles"] == sorted(point["quantiles"])
        assert point["actual"] is None
        last_week = (date.fromisoformat(point["period"]) - FIRST).days
        while last_week >= DAYS + MORE:
            last_week -= 7
        assert float(point["naive"]) == pytest.approx(fares(last_week), rel=1e-5)


def test_what_was_said_then_stands_beside_what_came_true(site: Site) -> None:
    found = site.api.get("/api/forecasts/rides", metric="fares", as_of="2024-03-04", by="depot")
    assert found["run"]["last_period"] == str(LAST)
    assert {str(series["key"]["depot"]) for series in found["data"]} == {"North", "South", "None"}
    for series in found["data"]:
        for point in series["points"]:
            day = (date.fromisoformat(point["period"]) - FIRST).days
            assert float(point["actual"]) == pytest.approx(fares(day, depot=series["key"]["depot"]))
            assert point["first_actual"] == point["actual"]
    one_day = site.api.get(
        "/api/forecasts/rides", metric="fares", as_of="2024-03-04T12:00Z", start="2024-03-10", end="2024-03-10"
    )
    assert [point["step"] for point in one_day["data"][0]["points"]] == [7]
    before = site.api.get("/api/forecasts/rides", as_of="2024-03-03")
    assert (before["run"], before["data"], before["groups"]) == (None, [], 0)


def test_special_days_ahead_are_named(site: Site) -> None:
    found = site.api.get("/api/forecasts/rides", metric="drivers")
    assert found["special_days"] == [{"day": "2024-03-20", "name": "Spring fair"}]
    assert site.api.get("/api/forecasts/rides", metric="fares")["special_days"] == []


def test_pages_of_one_fit_have_every_series_once(site: Site) -> None:
    by = {"metric": "fares", "by": "depot,line"}
    everything = site.api.get("/api/forecasts/rides", **by)
    run, pages = everything["run"]["run_id"], []
    for offset in range(0, 8, 4):
        page = site.api.get("/api/forecasts/rides", **by, run=run, limit=4, offset=offset)
        assert page["groups"] == everything["groups"] == 6
        pages += page["data"]
    assert pages == everything["data"]
    beyond = site.api.get("/api/forecasts/rides", **by, offset=50)
    assert (beyond["data"], beyond["groups"]) == ([], 6)


def test_earlier_forecasts_of_the_same_series(site: Site) -> None:
    (series,) = site.api.get("/api/forecasts/rides", metric="fares", past=3)["data"]
    (past,) = series["past"]
    assert past["last_period"] == str(LAST)
    then = site.api.get("/api/forecasts/rides", metric="fares", run=past["run_id"])["data"][0]["points"]
    assert past["points"] == [{"period": each["period"], "point": each["point"]} for each in then]


def test_series_are_filtered_by_the_fields_of_their_level(site: Site) -> None:
    def keys(**query: Any) -> list[Any]:
        found = site.api.get("/api/forecasts/rides", metric="fares", **query)
        return [tuple(series["key"].values()) for series in found["data"]]

    assert keys(filter='{"depot":"North"}') == [("North",)]  # the coarsest level that has the field
    assert sorted(keys(filter='{"depot":{"isNull":true},"line":{"gte":1}}')) == [(None, 1), (None, 2)]
    assert keys(by="depot,line", filter='{"line":2,"depot":{"in":["South"]}}') == [("South", 2)]
    assert len(keys(by="depot,line")) == 6
    assert len(keys(by="depot,line", limit="2")) == 2


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({"metric": "nothing"}, "metric"),
        ({"by": "line"}, "by"),
        ({"grain": "week"}, "grain"),
        ({"filter": '{"fare":1}'}, "filter"),
        ({"by": "", "filter": '{"depot":"North"}'}, "filter"),
        ({"probabilities": "0.33"}, "probabilities"),
        ({"probabilities": "0.5.1"}, "probabilities"),
        ({"as_of": "yesterday"}, "as_of"),
        ({"as_of": "2024-05-01T12:00"}, "as_of"),
        ({"start": "2024-05-02", "end": "2024-05-01"}, "end"),
    ],
)
def test_what_is_not_forecast_is_refused_by_name(site: Site, query: dict[str, str], parameter: str) -> None:
    refused = site.api.refused(422, "/api/forecasts/rides", **query)
    assert [error["parameter"] for error in refused["errors"]] == [parameter]


def test_a_dataset_without_forecasts_says_so(site: Site) -> None:
    assert site.api.refused(404, "/api/forecasts/vehicles")["detail"].endswith("shipments, rides.")
    site.api.refused(404, "/api/forecasts/nothing")
    site.api.refused(404, "/api/forecasts/accuracy", dataset="nothing")


def test_files_have_a_row_per_series_and_period(site: Site) -> None:
    query = {"metric": "fares", "by": "depot", "probabilities": "0.9,0.1", "horizon": "3"}
    document = site.api.get("/api/forecasts/rides", **query)
    text = site.api.client.get("/api/forecasts/rides", params=query | {"format": "csv"})
    found = list(csv.DictReader(io.StringIO(text.text)))
    assert len(found) == 9
    assert list(found[0]) == ["depot", "is_rest", "period", "step", "fares", "q10", "q90", "naive", "actual", "method"]
    first = document["data"][0]
    assert (found[0]["depot"], found[0]["q90"]) == (first["key"]["depot"], str(first["points"][0]["quantiles"][1]))
    lines = site.api.client.get("/api/forecasts/rides", params=query | {"format": "ndjson"}).text.splitlines()
    assert [json.loads(line)["period"] for line in lines] == [row["period"] for row in found]


@pytest.mark.parametrize(
    ("fields", "metric", "columns"),
    [
        (("method", "period"), "fares", ["method", "period", "is_rest", "forecast_period", "step", "fares", "q90"]),
        (("depot",), "actual", ["depot", "is_rest", "period", "step", "actual", "q90"]),
        (("step", "forecast_step"), "step", ["step", "forecast_step", "is_rest", "period"]),
    ],
)
def test_columns_of_files_have_different_names(fields: tuple[str, ...], metric: str, columns: list[str]) -> None:
    asked = cast(Question, SimpleNamespace(level=fields, metric=SimpleNamespace(name=metric)))
    found = columns_of(asked, (0.9,))
    assert found[: len(columns)] == columns
    assert len(set(found)) == len(found) == len(fields) + 8
    point = {"period": "2024-01-01", "step": 1, "point": 5, "quantiles": [6], "naive": 4, "actual": None}
    series = {"key": dict.fromkeys(fields, "x"), "is_rest": False, "method": "seasonal naive", "points": [point]}
    (row,) = rows(asked, (0.9,), [series])
    assert list(row.values()) == [*("x" for _ in fields), False, "2024-01-01", 1, 5, 6, 4, None, "seasonal naive"]


def test_accuracy_is_that_of_issued_forecasts(site: Site) -> None:
    found = site.api.get("/api/forecasts/accuracy", dataset="rides", metric="fares")
    then = site.api.get("/api/forecasts/rides", metric="fares", as_of="2024-03-04")["data"][0]["points"]
    errors = [float(point["point"]) - float(point["actual"]) for point in then]
    actual = sum(float(point["actual"]) for point in then)
    assert (found["fits"], int(found["total"]["forecasts"])) == (1, 14)
    assert float(found["total"]["error"]) == pytest.approx(sum(map(abs, errors)) / actual)
    assert float(found["total"]["bias"]) == pytest.approx(sum(errors) / actual, rel=1e-4)  # stored with seven digits
    naive = sum(abs(float(point["naive"]) - float(point["actual"])) for point in then)
    assert float(found["total"]["naive_error"]) == pytest.approx(naive / actual)
    assert [(each["first_step"], int(each["forecasts"])) for each in found["by_steps"]] == [(1, 1), (2, 6), (8, 7)]
    assert [(each["first_period"], int(each["forecasts"])) for each in found["over_time"]] == [
        (str(LAST + timedelta(8)), 7), (str(LAST + timedelta(1)), 7),
    ]  # fmt: skip


def test_accuracy_of_one_series_is_a_part_of_that_of_its_level(site: Site) -> None:
    query = {"dataset": "rides", "metric": "rides_made", "by": "depot"}
    level = site.api.get("/api/forecasts/accuracy", **query)
    parts = [
        site.api.get("/api/forecasts/accuracy", **query, filter=json.dumps({"depot": depot}))
        for depot in ("North", "South", None)
    ]
    assert sum(int(each["total"]["forecasts"]) for each in parts) == int(level["total"]["forecasts"]) == 42
    tracked = site.api.get("/api/forecasts/rides", metric="rides_made", filter='{"depot":"North"}')["data"][0][
        "tracked"
    ]
    for name in ("error", "naive_error", "bias", "coverage_90", "value_added"):
        assert tracked[name] == pytest.approx(parts[0]["total"][name]), name


def test_graphql_answers_what_rest_answers(site: Site) -> None:
    query = """
    {
      forecasts { dataset forecasts { metric grain run { runId horizon } levels { by accuracy { error naiveError } } } }
      forecast(dataset: "rides", metric: "fares", by: "depot", past: 1) {
        groups run { runId } data { key method points { period point quantiles } past { runId } }
      }
      forecastAccuracy(dataset: "rides", metric: "fares") { total { forecasts error valueAdded } overTime { error } }
    }
    """
    response = site.api.client.post("/graphql", json={"query": query})
    found = response.json()["data"]
    rest = site.api.get("/api/forecasts/rides", metric="fares", by="depot", past="1")
    assert found["forecast"]["groups"] == rest["groups"]
    for ours, theirs in zip(found["forecast"]["data"], rest["data"], strict=True):
        assert ours["key"] == theirs["key"]
        assert [point["period"] for point in ours["points"]] == [point["period"] for point in theirs["points"]]
        assert [past["runId"] for past in ours["past"]] == [past["run_id"] for past in theirs["past"]]
    accuracy = site.api.get("/api/forecasts/accuracy", dataset="rides", metric="fares")
    assert found["forecastAccuracy"]["total"]["error"] == pytest.approx(float(accuracy["total"]["error"]))
    assert [each["dataset"] for each in found["forecasts"]] == ["shipments", "rides"]
    assert response.headers["data-version"]


def test_answers_are_kept_until_the_next_fit(site: Site, wait_until: Any) -> None:
    path = "/api/forecasts/rides?metric=drivers"
    first = site.api.client.get(path)
    again = site.api.client.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.headers["etag"]) == (304, first.headers["etag"])
    run = first.json()["run"]["run_id"]
    site.fit()
    wait_until(lambda: site.api.client.get(path).json()["run"]["run_id"] > run)
    assert site.api.client.get(path).headers["data-version"] == first.headers["data-version"]


def test_a_field_may_have_had_another_type_when_a_series_was_forecast(database_url: str) -> None:
    number = FieldPath((), Field("platform", "Platform", FieldType.INTEGER, Role.DIMENSION, ""))
    above_three = Condition("platform", Operator.GT, 3)
    asked = Question(cast(Any, None), cast(Any, None), cast(Any, None), ("platform",), (number,), above_three)
    condition = asked.filter_sql(sql.Literal)
    keys = "VALUES ('[\"north\"]'::jsonb), ('[5]'), ('[\"7\"]'), ('[2]'), ('[null]')"
    with psycopg.connect(database_url) as connection:
        found = connection.execute(sql.SQL(f"SELECT key FROM ({keys}) AS series (key) WHERE {{}}").format(condition))
        assert [key for (key,) in found] == [[5], ["7"]]
