"""Sources against servers that are given their answers: WireMock, which breaks connections, and Prism, which holds
requests to an OpenAPI document.

They are packages for Node.js, in the folder that LOGISTICS_TEST_SOURCE_PEERS names; .ci/run fills it.
"""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from logistics_pipeline.sources.pulls import Pull, PullState
from tests.ports import free_port
from tests.sources.servers.fleet import fleet_of
from tests.sources.site import Site
from tests.sources.test_real_peers import FIELDS, PEERS, flat, found, node, peers, rows, serving  # noqa: F401

pytestmark = pytest.mark.slow

FLEET = fleet_of(3, 30)
TRIPS = [flat(trip) for trip in FLEET.trips_by()]
RESOURCE = {"name": "trips", "dataset": "trips", "path": "/trips", "records": "items", "key": ["id"], "fields": FIELDS}


def pull(site: Site, url: str, resource: dict[str, Any], **source: Any) -> Pull:
    document = {"kind": "rest", "baseUrl": url, "private": True, **source, "resources": [RESOURCE | resource]}
    (pulled,) = site.pull(site.write_definition("mocked", document))
    return pulled


# -- WireMock --------------------------------------------------------------------------------------------------------


@dataclass
class WireMock:
    """A server whose answers a test sets."""

    url: str

    def answer(self, request: dict[str, Any], response: dict[str, Any], **more: Any) -> None:
        mapping = {"request": {"method": "GET"} | request, "response": response} | more
        httpx2.post(f"{self.url}/__admin/mappings", json=mapping).raise_for_status()

    def serve_pages(self, size: int = 10) -> None:
        """Trips by page number; the last page is an empty one."""
        for number in range(len(TRIPS) // size + 1):
            page = {"items": TRIPS[number * size : (number + 1) * size], "total": len(TRIPS)}
            self.answer(of_page(number + 1), {"status": 200, "jsonBody": page}, priority=5)

    def fail_once(self, request: dict[str, Any], response: dict[str, Any]) -> None:
        """The first request of that kind is answered so."""
        state = {"scenarioName": json.dumps(request), "requiredScenarioState": "Started", "newScenarioState": "over"}
        self.answer(request, response, priority=1, **state)

    def requests(self, page: int) -> int:
        asked = httpx2.post(f"{self.url}/__admin/requests/count", json={"method": "GET"} | of_page(page))
        return int(asked.json()["count"])


def of_page(number: int) -> dict[str, Any]:
    return {"urlPath": "/trips", "queryParameters": {"page": {"equalTo": str(number)}}}


@pytest.fixture(scope="module")
def wiremock_url(peers: Path) -> Iterator[str]:  # noqa: F811
    java = shutil.which("java")
    assert java is not None, f"{PEERS} is set, but Java is not installed"
    (jar,) = (peers / "node_modules" / "wiremock" / "build").glob("wiremock-standalone-*.jar")
    url = f"http://127.0.0.1:{(port := free_port())}"
    command = [java, "-Xmx128m", "-XX:TieredStopAtLevel=1", "-jar", str(jar), "--port", str(port)]
    command += ["--bind-address", "127.0.0.1", "--disable-banner"]
    with serving(command, f"{url}/__admin/mappings"):
        yield url


@pytest.fixture
def wiremock(wiremock_url: str) -> WireMock:
    httpx2.post(f"{wiremock_url}/__admin/reset").raise_for_status()
    made = WireMock(wiremock_url)
    made.serve_pages()
    return made


PAGES = {"total": "total", "pagination": {"type": "page", "parameter": "page"}}
BROKEN: dict[str, dict[str, Any]] = {
    "reset": {"fault": "CONNECTION_RESET_BY_PEER"},
    "empty": {"fault": "EMPTY_RESPONSE"},
    "garbage in place of a chunk": {"status": 200, "fault": "MALFORMED_RESPONSE_CHUNK"},
    "garbage": {"fault": "RANDOM_DATA_THEN_CLOSE"},
    "503": {"status": 503, "headers": {"Retry-After": "1"}, "body": "down"},
    "429": {"status": 429, "headers": {"Retry-After": "1"}},
    "half of a body": {"status": 200, "body": '{"items": [', "headers": {"Content-Length": "5000"}},
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_answer_costs_a_request_and_no_record(site: Site, wiremock: WireMock, fault: str) -> None:
    wiremock.fail_once(of_page(2), BROKEN[fault])

    pulled = pull(site, wiremock.url, PAGES, retries={"attempts": 3})

    assert pulled.error is None and pulled.state is PullState.COMPLETE
    assert found(site) == rows(FLEET) and site.contradictions() == []
    assert wiremock.requests(2) == 2 and wiremock.requests(1) == 1
    assert pulled.retries == 1 and pulled.rate_limited == (fault in ("429", "503"))


def test_a_slow_drip_is_given_up(site: Site, wiremock: WireMock) -> None:
    drip = {
        "status": 200,
        "jsonBody": {"items": TRIPS},
        "chunkedDribbleDelay": {"numberOfChunks": 60, "totalDuration": 60_000},
    }
    wiremock.fail_once(of_page(2), drip)

    pulled = pull(site, wiremock.url, PAGES, retries={"attempts": 3}, timeout={"page": "2s"})

    assert pulled.error is None and found(site) == rows(FLEET)
    assert pulled.retries == 1 and pulled.seconds < 40


# -- Prism -----------------------------------------------------------------------------------------------------------


def openapi() -> dict[str, Any]:
    """The description of the API: a key, a page from 1 on, times in a form of their own."""
    number = {"name": "page", "in": "query", "required": True, "schema": {"type": "integer", "minimum": 1}}
    since = {"name": "since", "in": "query", "required": True, "schema": {"type": "string", "format": "date-time"}}
    trip = {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}}}
    body = {"type": "object", "properties": {"items": {"type": "array", "items": trip}, "pages": {"type": "integer"}}}
    answer = {"schema": body, "example": {"items": TRIPS, "pages": 1}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Fleet", "version": "1"},
        "security": [{"key": []}],
        "components": {"securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "X-Fleet-Key"}}},
        "paths": {
            "/trips": {
                "get": {
                    "parameters": [number, since],
                    "responses": {"200": {"description": "Trips", "content": {"application/json": answer}}},
                }
            }
        },
    }


@pytest.fixture(scope="module")
def prism(peers: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:  # noqa: F811
    described = tmp_path_factory.mktemp("prism") / "fleet.yaml"
    described.write_text(yaml.safe_dump(openapi()))
    url = f"http://127.0.0.1:{(port := free_port())}"
    command = [*node(peers, "@stoplight/prism-cli", "dist/index.js"), "mock", "-h", "127.0.0.1", "-p", str(port)]
    with serving([*command, str(described)], f"{url}/trips"):
        yield url


def authentication(site: Site) -> dict[str, Any]:
    (site.folder / "key.txt").write_text("k3y")
    return {"type": "apiKey", "name": "X-Fleet-Key", "token": f"file:{site.folder / 'key.txt'}"}


DESCRIBED = {
    "pagination": {"type": "page", "parameter": "page", "pages": "pages"},
    "incremental": {"field": "updated_at", "parameter": "since", "start": "2026-01-01"},
}


def test_requests_are_those_that_the_openapi_document_describes(site: Site, prism: str) -> None:
    pulled = pull(site, prism, DESCRIBED, authentication=authentication(site))

    assert pulled.error is None and found(site) == rows(FLEET)


@pytest.mark.parametrize(
    ("change", "kind", "said"),
    [
        ({"pagination": {"type": "page", "parameter": "page", "pages": "pages", "start": 0}}, "status", "422"),
        ({"incremental": {"parameter": "since", "start": "2026-01-01", "format": "date"}}, "status", "422"),
        ({"pagination": {"type": "none"}}, "status", "422"),
    ],
)
def test_what_the_document_does_not_describe_is_refused_and_said(
    site: Site, prism: str, change: dict[str, Any], kind: str, said: str
) -> None:
    pulled = pull(site, prism, DESCRIBED | change, authentication=authentication(site))

    assert pulled.state is PullState.FAILED and pulled.error_kind == kind
    assert said in (pulled.error or "") and "Invalid request" in (pulled.error or "")


def test_a_key_that_is_not_sent_is_said(site: Site, prism: str) -> None:
    pulled = pull(site, prism, DESCRIBED)

    assert pulled.error_kind == "authentication" and "401" in (pulled.error or "")
