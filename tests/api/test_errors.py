"""Whatever goes wrong is a problem (RFC 9457) that says what, where and what to do, and nothing about our insides."""

import logging
import re
from typing import Any

import psycopg
import pytest

FIGURES = ["/api/dashboard", "/api/shipments/analytics", "/api/vehicles/metrics"]
DAY = "a date as YYYY-MM-DD, 1900-01-01 to 2100-12-31"


@pytest.fixture(scope="module")
def shared(new_database: Any, serve: Any) -> Any:
    with new_database() as url, serve(url) as api:
        yield api


@pytest.mark.parametrize("path", FIGURES)
@pytest.mark.parametrize(
    "found",
    [
        "0",
        "1704067200",
        "2024-1-1",
        "20240101",
        "2024-W01-1",
        "2024-02-30",
        "2024-01-01T00:00:00",
        "2024-01-01 ",
        "2024-01-01\n",
        "٢٠٢٤-٠١-٠١",
        "1899-12-31",
        "2101-01-01",
        "-2024-01-01",
        "today",
        "",
    ],
)
def test_only_iso_dates_within_bounds_are_taken(shared: Any, path: str, found: str) -> None:
    body = shared.refused(422, path, start=found, end="2100-12-31")
    assert body["type"] == "urn:logistics:problem:invalid-parameters"
    assert body["errors"] == [{"parameter": "start", "location": "query", "expected": DAY, "found": found}]


@pytest.mark.parametrize("path", FIGURES)
def test_both_ends_of_the_range_are_required(shared: Any, path: str) -> None:
    body = shared.refused(422, path)
    assert body["detail"] == "2 parameters are invalid: start, end."
    expected = "a value; this parameter is required"
    assert body["errors"] == [
        {"parameter": name, "location": "query", "expected": expected, "found": None} for name in ("start", "end")
    ]


@pytest.mark.parametrize("path", FIGURES)
def test_a_range_that_ends_before_it_starts_is_refused(shared: Any, path: str) -> None:
    body = shared.refused(422, path, start="2024-03-02", end="2024-03-01")
    assert body["errors"] == [
        {
            "parameter": "end",
            "location": "query",
            "expected": "a date not before start (2024-03-02)",
            "found": "2024-03-01",
        }
    ]


@pytest.mark.parametrize("path", [*FIGURES, "/api/system/status", "/api"])
def test_unknown_parameters_are_refused(shared: Any, path: str) -> None:
    span = {"start": "2024-01-01", "end": "2024-01-02"} if path in FIGURES else {}
    body = shared.refused(422, path, **span, page="1")
    assert body["errors"] == [
        {
            "parameter": "page",
            "location": "query",
            "expected": "no such parameter; this path does not take it",
            "found": "1",
        }
    ]


@pytest.mark.parametrize(
    ("name", "found", "expected"),
    [
        ("interval_type", "day", "'week', 'month' or 'year'"),
        ("periods_back", "0", "greater than or equal to 1"),
        ("periods_back", "6001", "less than or equal to 6000"),
        ("periods_back", "one", "an integer such as 12"),
    ],
)
def test_the_comparison_has_bounds(shared: Any, name: str, found: str, expected: str) -> None:
    body = shared.refused(422, "/api/dashboard", start="2024-01-01", end="2024-01-02", **{name: found})
    assert body["errors"] == [{"parameter": name, "location": "query", "expected": expected, "found": found}]


@pytest.mark.parametrize(
    ("query", "name", "found"),
    [
        ("limit=1&limit=3", "limit", "1, 3"),
        ("limit&limit=3", "limit", ", 3"),
        ("limit=1&l%69mit=3", "limit", "1, 3"),
        ("vehicle_id=a&limit=1&vehicle_id=a", "vehicle_id", "a, a"),
    ],
)
def test_a_parameter_that_is_said_twice_is_refused(shared: Any, query: str, name: str, found: str) -> None:
    body = shared.client.get(f"/api/vehicles?{query}")
    assert body.status_code == 422
    shared.check_problem(body)
    assert body.json()["errors"] == [{"parameter": name, "location": "query", "expected": "one value", "found": found}]


def test_a_parameter_that_takes_several_values_is_named_without_their_number(shared: Any) -> None:
    body = shared.refused(422, "/api/ingestion/files", state=["loaded", "perhaps"])
    assert [error["parameter"] for error in body["errors"]] == ["state"]
    assert shared.request("/api/ingestion/files", state=["loaded", "failed"]).status_code == 200


def test_integers_are_decimal_digits_wherever_one_is_declared(shared: Any) -> None:
    declared = [
        (path, parameter["name"])
        for path, item in shared.app.openapi()["paths"].items()
        for parameter in item.get("get", {}).get("parameters", [])
        if parameter["in"] == "query"
        and parameter["schema"].get("type") == "integer"
        and not path.startswith("/api/me/")  # answers those who have signed in
    ]
    assert {"file_id", "record_no", "limit", "page", "periods_back"} <= {name for _, name in declared}
    for path, name in declared:
        for found in ("1_0", "1.0", " 1", "+2", "\u0661", ""):
            errors = shared.refused(422, re.sub("{[^}]+}", "1", path), **{name: found})["errors"]
            assert {
                "parameter": name,
                "location": "query",
                "expected": "an integer such as 12",
                "found": found,
            } in errors


def test_every_refused_parameter_is_listed_and_shortened(shared: Any) -> None:
    body = shared.refused(422, "/api/dashboard", start="x" * 5000, periods_back="-1", other="1")
    assert {error["parameter"] for error in body["errors"]} == {"start", "end", "periods_back", "other"}
    assert max(len(error["found"] or "") for error in body["errors"]) == 200


@pytest.mark.parametrize("path", ["/api/nothing", "/api/dashboard/", "/static-offline-docs/nothing.js"])
def test_an_unknown_path_is_a_problem(shared: Any, path: str) -> None:
    assert shared.refused(404, path)["type"] == "urn:logistics:problem:not-found"


def test_the_instance_is_a_uri_reference_whatever_the_path_holds(shared: Any) -> None:
    assert shared.refused(404, "/api/nothing/%0A/a%20b/%C3%A9")["instance"] == "/api/nothing/%0A/a%20b/%C3%A9"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_nothing_but_reading_is_possible(shared: Any, method: str) -> None:
    response = shared.request("/api/dashboard", method)
    assert response.status_code == 405
    assert response.headers["allow"] == "GET, HEAD"
    assert response.json()["type"] == "urn:logistics:problem:method-not-allowed"


def test_an_unexpected_error_is_logged_with_its_traceback_and_told_without_it(
    api: Any, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("ALTER TABLE analytics.status ALTER data_version TYPE text, ALTER first_day TYPE text")
        connection.execute("DELETE FROM analytics.status")
    with caplog.at_level(logging.ERROR, "logistics_api"):
        response = api.request("/api/system/status", headers={"X-Request-ID": "find-me"})
    assert response.status_code == 500
    body = response.json()
    assert body.keys() == {"type", "title", "status", "detail", "instance", "request_id"}
    assert body["detail"] == "An unexpected error occurred. See the server log for this request_id."
    (record,) = caplog.records
    assert "find-me" in record.getMessage()
    assert record.exc_info is not None and record.exc_info[0] is AssertionError
    assert api.request("/health").status_code == 200
