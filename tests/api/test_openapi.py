"""The OpenAPI is a promise to generated clients: names, problems, units; and its page needs no Internet."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import sync_playwright

CHROMIUM = "/usr/bin/chromium"

OPERATIONS = {
    "/api/dashboard": "read_dashboard",
    "/api/shipments/analytics": "read_shipment_analytics",
    "/api/vehicles/metrics": "read_vehicle_metrics",
    "/api/vehicles/{vehicle_id}/details": "read_vehicle_details",
    "/api/shipments/routes": "read_shipment_routes",
    "/api/route/reliability": "read_route_reliability",
    "/api/route/cost-value": "read_route_cost_value",
    "/api/route/optimization": "read_route_optimization",
    "/api/route/top-performing": "read_top_routes",
    "/api/route/matrix": "read_route_matrix",
    "/api/route/details": "read_route_details",
    "/api/costs/overview": "read_cost_overview",
    "/api/figures/daily": "read_daily_figures",
    "/api/figures/summary": "read_summary",
    "/api/system/status": "read_system_status",
    "/api/events": "read_events",
    "/health": "read_health",
    "/ready": "read_readiness",
}
MEASURES = ("cost", "revenue", "time", "mileage", "fuel", "weight", "efficiency", "trend")
UNITS = re.compile(r"hours|kg|km|litre|%|currency|cost|revenue", re.IGNORECASE)


@pytest.fixture(scope="module")
def shared(serve: Any) -> Any:
    with serve("postgresql://nobody@127.0.0.1:1/nothing") as api:  # none of this needs a database
        yield api


def test_the_document_is_sent_as_small_as_asked_for_and_not_again(shared: Any) -> None:
    plain = shared.request("/openapi.json", headers={"Accept-Encoding": "identity"})
    small = shared.request("/openapi.json", headers={"Accept-Encoding": "gzip, br"})
    assert plain.json() == small.json() == shared.app.openapi()
    assert small.headers["content-encoding"] == "br"
    assert plain.headers["vary"] == "Accept-Encoding"
    known = shared.client.get("/openapi.json", headers={"If-None-Match": plain.headers["etag"]})
    assert (known.status_code, known.content) == (304, b"")
    assert shared.client.post("/openapi.json").status_code == 405


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
    declared = {path: item["get"]["operationId"] for path, item in document["paths"].items() if "get" in item}
    assert OPERATIONS.items() <= declared.items()


def test_it_is_an_openapi(document: Any) -> None:
    from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR  # here: it takes seconds to import

    errors = [f"{error.instance_path}: {error.message}" for error in OPENAPI_31_VALIDATOR.iter_errors(document)]
    assert errors == []


def test_every_operation_has_a_name_of_its_own(document: Any) -> None:
    names = [operation["operationId"] for item in document["paths"].values() for operation in item.values()]
    assert len(names) == len(set(names)) >= 39
    for item in document["paths"].values():
        for operation in item.values():
            for response in operation["responses"].values():
                for link in response.get("links", {}).values():
                    assert link["operationId"] in names


def test_every_parameter_shows_what_to_write(document: Any) -> None:
    for path, item in document["paths"].items():
        for operation in item.values():
            for parameter in operation.get("parameters", []):
                schema = parameter["schema"]
                assert {"type": "null"} not in schema.get("anyOf", []), (path, parameter["name"])
                assert {"examples", "default", "enum"} & schema.keys() or "enum" in str(schema), (
                    path,
                    parameter["name"],
                )
                assert not {"ge", "gt", "le", "lt"} & schema.keys(), (path, parameter["name"])  # not words of OpenAPI


def test_what_refuses_a_client_says_when_to_come_back(document: Any) -> None:
    for item in document["paths"].values():
        for operation in item.values():
            for status in {"429", "503"} & operation["responses"].keys():
                assert operation["responses"][status]["headers"]["Retry-After"]["required"]


def test_every_operation_says_what_it_is(document: Any) -> None:
    operations = [(path, operation) for path, item in document["paths"].items() for operation in item.values()]
    for path, operation in operations:
        assert operation["tags"], path
        assert operation["summary"] and operation["description"], path
        for parameter in operation.get("parameters", []):
            assert parameter.get("description"), (path, parameter["name"])


@pytest.mark.parametrize("path", [path for path in OPERATIONS if path.startswith("/api")])
def test_problems_are_declared_as_problem_json(document: Any, path: str) -> None:
    responses = document["paths"][path]["get"]["responses"]
    assert responses.keys() >= {"200", "401", "422", "503"}
    for status in responses.keys() - {"200", "304"}:
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


@pytest.mark.parametrize(("page", "files"), [("/docs", 4), ("/redoc", 3)])
def test_the_pages_of_documentation_ask_nobody_else(shared: Any, page: str, files: int) -> None:
    response = shared.request(page)
    named = re.findall(r"""(?:src|href|spec-url)="([^"]+)"|url: '([^']+)'""", response.text)
    urls = [url for pair in named for url in pair if url]
    assert len(urls) == files
    assert "//" not in re.sub(r"<!--.*?-->", "", response.text, flags=re.DOTALL)
    for url in urls:
        found = shared.request(url)
        assert found.status_code == 200
        assert len(found.content) > 1000
    policy = response.headers["content-security-policy"]
    assert policy.startswith("default-src 'self'; script-src 'self'")
    assert policy.count("'sha256-") == response.text.count("<script>")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("page", "shows"), [("/docs", "read_dashboard"), ("/redoc", "Get the key figures of a date range")]
)
def test_the_pages_of_documentation_work_in_a_browser_without_internet(shared: Any, page: str, shows: str) -> None:
    if not Path(CHROMIUM).exists():
        pytest.skip("Chromium is not installed here")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        opened = browser.new_page()
        base = str(shared.client.base_url)
        asked: list[str] = []
        opened.on("request", lambda request: asked.append(request.url))
        opened.goto(f"{base}{page}")
        selector = f"[id$='{shows}']" if page == "/docs" else f"text={shows}"
        opened.wait_for_selector(selector, state="attached", timeout=30_000)
        browser.close()
    outside = [url for url in asked if not url.startswith((base, "data:", "blob:"))]
    # What the policy keeps from being sent is told as a request, too: ReDoc's logo.
    assert set(outside) <= {"https://cdn.redoc.ly/redoc/logo-mini.svg"}


def test_the_key_and_what_refuses_a_client_are_declared(document: Any) -> None:
    assert document["components"]["securitySchemes"]["ApiKey"]["name"] == "X-API-Key"
    operation = document["paths"]["/api/dashboard"]["get"]
    assert operation["security"] == [{"ApiKey": []}, {"Bearer": []}, {"Session": []}, {}]
    assert {"401", "403", "429"} <= operation["responses"].keys()
    assert "security" not in document["paths"]["/health"]["get"]


def test_events_are_declared_in_words_that_openapi_3_1_knows(document: Any) -> None:
    content = document["paths"]["/api/events"]["get"]["responses"]["200"]["content"]
    assert content["text/event-stream"]["schema"] == {"type": "string"}
    assert "itemSchema" not in str(document)
    assert document["openapi"].startswith("3.1")


def test_the_index_leads_only_to_what_exists(shared: Any, document: Any) -> None:
    links = {name: path for name, path in shared.get("/api").items() if name != "export_formats"}
    assert set(links.values()) <= {*document["paths"], "/docs", "/redoc", "/openapi.json"}
