"""The OpenAPI is a promise to generated clients: names, problems, units; and its page needs no Internet."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

OPERATIONS = {
    "/api/dashboard": "read_dashboard",
    "/api/shipments/analytics": "read_shipment_analytics",
    "/api/vehicles/metrics": "read_vehicle_metrics",
    "/api/system/status": "read_system_status",
    "/health": "read_health",
    "/ready": "read_readiness",
}
MEASURES = ("cost", "revenue", "time", "mileage", "fuel", "weight", "efficiency", "trend")
UNITS = re.compile(r"hours|kg|km|litre|%|currency|cost|revenue", re.IGNORECASE)


@pytest.fixture(scope="module")
def shared(serve: Any) -> Any:
    with serve("postgresql://nobody@127.0.0.1:1/nothing") as api:  # none of this needs a database
        yield api


@pytest.fixture(scope="module")
def document(shared: Any) -> Any:
    return shared.get("/openapi.json")


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for name, value in node.items():
            if name == "$ref":
                yield value
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def test_operations_keep_their_names(document: Any) -> None:
    assert {path: item["get"]["operationId"] for path, item in document["paths"].items()} == OPERATIONS


def test_every_operation_says_what_it_is(document: Any) -> None:
    for path, item in document["paths"].items():
        operation = item["get"]
        assert operation["tags"], path
        assert operation["summary"] and operation["description"], path
        for parameter in operation.get("parameters", []):
            assert parameter["description"], (path, parameter["name"])


@pytest.mark.parametrize("path", [path for path in OPERATIONS if path.startswith("/api")])
def test_problems_are_declared_as_problem_json(document: Any, path: str) -> None:
    responses = document["paths"][path]["get"]["responses"]
    assert responses.keys() == {"200", "422", "503", "504"}
    for status in ("422", "503", "504"):
        assert responses[status]["content"] == {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
        }


def test_every_reference_leads_somewhere_and_nothing_is_left_of_the_frameworks_errors(document: Any) -> None:
    schemas = document["components"]["schemas"]
    for reference in set(references(document)):
        assert reference.removeprefix("#/components/schemas/") in schemas
    assert "HTTPValidationError" not in schemas


def test_every_measure_has_a_unit(document: Any) -> None:
    measured = 0
    for name, schema in document["components"]["schemas"].items():
        for field, declared in schema.get("properties", {}).items():
            if "number" in str(declared) and any(measure in field for measure in MEASURES):
                assert UNITS.search(declared["description"]), f"{name}.{field}"
                measured += 1
    assert measured >= 20


def test_the_bounds_of_dates_are_declared(document: Any) -> None:
    start = document["paths"]["/api/dashboard"]["get"]["parameters"][0]
    assert start["name"] == "start" and start["required"]
    assert start["schema"]["format"] == "date"
    pattern = re.compile(start["schema"]["pattern"])
    assert all(map(pattern.match, ["1900-01-01", "2100-12-31", "2024-02-29"]))
    assert not any(map(pattern.match, ["1899-12-31", "2101-01-01", "0", "20240101", "2024-1-1"]))


def test_the_documentation_page_asks_nobody_else(shared: Any) -> None:
    page = shared.request("/docs").text
    named = re.findall(r"""(?:src|href)="([^"]+)"|url: '([^']+)'""", page)
    urls = [url for pair in named for url in pair if url]
    assert len(urls) == 4
    assert "//" not in re.sub(r"<!--.*?-->", "", page).replace("window.location.origin", "")
    for url in urls:
        response = shared.request(url)
        assert response.status_code == 200
        assert len(response.content) > 1000


def test_the_index_leads_only_to_what_exists(shared: Any) -> None:
    links = shared.get("/")
    known = {*OPERATIONS, "/docs", "/openapi.json"}
    assert set(links.values()) == known
