"""GraphQL over HTTP: rows, metrics and REST's documents, statuses and media types, limits, and what is kept."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import httpx2
import psycopg
import pytest
import yaml

from logistics_api.graphql.service import GraphqlService
from logistics_api.rows import queries
from logistics_core.catalogue import Catalogue, Dataset
from tests.api.conftest import Api, Serve
from tests.api.world import load_world
from tests.checkout import PROJECT_ROOT
from tests.contract_texts import FUEL, synced_catalogue
from tests.many_types import DOCUMENT, readings

GRAPHQL_JSON = "application/graphql-response+json"


class Graphql:
    """A client of /graphql."""

    def __init__(self, api: Api) -> None:
        self.api, self.http = api, api.client

    def send(self, query: str, *, accept: str = GRAPHQL_JSON, **body: Any) -> httpx2.Response:
        headers = {"Accept": accept, "Content-Type": "application/json"}
        return self.http.post("/graphql", content=json.dumps({"query": query, **body}), headers=headers)

    def data(self, query: str, **variables: Any) -> Any:
        response = self.send(query, variables=variables)
        assert response.status_code == 200, response.text
        return json.loads(response.content, parse_float=Decimal)["data"]

    def refusal(self, query: str, **body: Any) -> str:
        response = self.send(query, **body)
        assert response.status_code == 400, response.text
        found = response.json()
        assert "data" not in found
        return str(found["errors"][0]["message"])


@pytest.fixture(scope="module")
def site(
    new_database: Callable[[], AbstractContextManager[str]], serve: Serve, tmp_path_factory: Any
) -> Iterator[Graphql]:
    data_dir: Path = tmp_path_factory.mktemp("data")
    with new_database() as url:
        load_world(url, data_dir / "raw")
        with serve(url, data_dir=data_dir) as running:
            yield Graphql(running)


def test_rows_have_the_values_of_rest(site: Graphql) -> None:
    rows = site.data("{ shipments(first: 200) { nodes { shipmentId origin weight cost deliveryTime logId day } } }")
    rest = site.api.get("/api/shipments", limit=200, fields="shipment_id,origin,weight,cost,delivery_time,log_id,day")

    assert [list(row.values()) for row in rows["shipments"]["nodes"]] == [list(row.values()) for row in rest["data"]]


def test_references_are_followed_both_ways(site: Graphql) -> None:
    found = site.data(
        "query ($id: String!) { shipment(shipmentId: $id) { log { vehicle { vehicleId logs(first: 2) "
        "{ nodes { logId vehicleId } pageInfo { hasNextPage } } } } } }",
        id="SHP-000003",
    )

    vehicle = found["shipment"]["log"]["vehicle"]
    assert vehicle["vehicleId"] == "V-003"
    assert {log["vehicleId"] for log in vehicle["logs"]["nodes"]} == {"V-003"}
    assert len(vehicle["logs"]["nodes"]) == 2 and vehicle["logs"]["pageInfo"]["hasNextPage"]


@pytest.mark.parametrize("order", ["SHIPMENT_ID_ASC", "SHIPMENT_ID_DESC", "DAY_DESC", "COST_ASC", "WEIGHT_DESC"])
def test_pages_follow_each_other(site: Graphql, order: str) -> None:
    query = (
        "query ($after: String, $order: ShipmentsOrder) { shipments(first: 90, after: $after, orderBy: $order) "
        "{ nodes { shipmentId } pageInfo { hasNextPage endCursor } } }"
    )
    rows, after = [], None
    while True:
        page = site.data(query, after=after, order=order)["shipments"]
        rows += [row["shipmentId"] for row in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    sort = {"ASC": "", "DESC": "-"}[order.rpartition("_")[2]] + order.rpartition("_")[0].lower()
    rest = site.api.get("/api/shipments", limit=1000, sort=sort)

    assert rows == [row["shipment_id"] for row in rest["data"]]


def test_cursors_are_those_of_rest(site: Graphql) -> None:
    page = site.data("{ shipments(first: 7, orderBy: DAY_DESC) { pageInfo { endCursor } } }")["shipments"]
    rest = site.api.get("/api/shipments", limit=7, sort="-day")
    behind = site.api.get("/api/shipments", limit=3, sort="-day", cursor=page["pageInfo"]["endCursor"])

    assert page["pageInfo"]["endCursor"] == rest["next_cursor"]
    assert behind["data"] == site.api.get("/api/shipments", limit=10, sort="-day")["data"][7:]


@pytest.mark.parametrize("count", ["ESTIMATED", "CAPPED"])
@pytest.mark.parametrize(
    ("given", "asked"), [("", {}), ("filter: {origin: {ne: null}, cost: {gte: 100}}, ", {"cost_from": 100})]
)
def test_totals_are_those_of_rest(site: Graphql, count: str, given: str, asked: dict[str, Any]) -> None:
    found = site.data(
        f"{{ shipments({given}first: 2) {{ total(count: {count}) {{ rows kind }} nodes {{ cost }} }} "
        "vehicles(first: 1) { nodes { logs(first: 1000) { total { rows } nodes { logId } } } } }"
    )
    rest = site.api.get("/api/shipments", limit=2, count=count.lower(), **asked)["total"]

    total = found["shipments"]["total"]
    assert {**total, "kind": total["kind"].lower()} == rest
    (vehicle,) = found["vehicles"]["nodes"]
    assert vehicle["logs"]["total"]["rows"] == len(vehicle["logs"]["nodes"])


def test_totals_of_many_rows_are_estimates(site: Graphql, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "SMALL", 1)
    monkeypatch.setattr(queries, "CAP", 3)
    document = "{ shipments(first: 2%s) { total(count: %s) { rows kind } } } # of few"
    estimated = [site.data(document % (given, "ESTIMATED")) for given in ("", ", filter: {cost: {lt: -1}}")]
    capped = site.data(document % ("", "CAPPED"))

    assert estimated[0]["shipments"]["total"]["kind"] == "ESTIMATED"
    assert estimated[0]["shipments"]["total"]["rows"] > 3
    assert estimated[1]["shipments"]["total"] == {"rows": 0, "kind": "EXACT"}
    assert capped["shipments"]["total"] == {"rows": 3, "kind": "AT_LEAST"}


def test_metrics_are_those_of_rest(site: Graphql) -> None:
    found = site.data(
        "{ shipmentsMetrics(metrics: [REVENUE, SHIPMENTS], by: [ORIGIN], grain: MONTH, compare: PREVIOUS, "
        "filter: {destination: {ne: null}}, order: [PERIOD_ASC, REVENUE_DESC]) "
        "{ groups source rows { period origin revenue revenuePrevious revenueChange shipments } } }"
    )["shipmentsMetrics"]
    rest = site.api.get(
        "/api/metrics/shipments",
        metrics="revenue,shipments",
        by="origin",
        grain="month",
        compare="previous",
        order="period,-revenue",
        filter='{"destination":{"ne":null}}',
    )

    columns = ("period", "origin", "revenue", "revenue_previous", "revenue_change", "shipments")
    assert [list(row.values()) for row in found["rows"]] == [[row[name] for name in columns] for row in rest["data"]]
    assert (found["groups"], found["source"].lower()) == (rest["groups"], rest["source"])


def test_what_rows_refer_to_filters_them_and_their_metrics(site: Graphql) -> None:
    document = (
        "query ($name: String!) { shipments(first: 1000, orderBy: SHIPMENT_ID_ASC, filter: "
        "{or: [{log: {vehicle: {name: {eq: $name}}}}, {log: {mileage: {isNull: true}}}]}) { nodes { shipmentId } } "
        "shipmentsMetrics(metrics: [SHIPMENTS], "
        "filter: {log: {vehicle: {name: {eq: $name}}}, vehicleId: {ne: null}}) { rows { shipments } } }"
    )
    name = site.api.get("/api/vehicles", limit=1)["data"][0]["name"]
    found = site.data(document, name=name)

    vehicles = {row["vehicle_id"] for row in site.api.get("/api/vehicles", limit=1000)["data"] if row["name"] == name}
    rows = site.api.get("/api/shipments", limit=1000, sort="shipment_id")["data"]
    wanted = [row["shipment_id"] for row in rows if row["vehicle_id"] in vehicles or row["vehicle_id"] is None]
    assert [row["shipmentId"] for row in found["shipments"]["nodes"]] == wanted
    counted = site.api.get("/api/metrics/shipments", metrics="shipments", filter=json.dumps({"log.vehicle.name": name}))
    assert found["shipmentsMetrics"]["rows"][0]["shipments"] == counted["data"][0]["shipments"] > 0


def test_metrics_show_what_rest_shows(site: Graphql) -> None:
    found = site.data(
        "{ shipmentsMetrics(metrics: [REVENUE, SHIPMENTS], by: [ORIGIN], grain: MONTH, periods: 3, "
        "show: [RUNNING, SHARE, AVERAGE], order: [PERIOD_ASC, ORIGIN_ASC]) "
        "{ t: total { revenue shipments origin } undated approximations { metric } "
        "rows { period origin revenue revenueRunning revenueShare shipmentsAverage } } }"
    )
    question = {"metrics": "revenue,shipments", "by": "origin", "grain": "month", "order": "period,origin"}
    rest = site.api.get("/api/metrics/shipments", **question, show="running,share,average", periods=3, total=True)

    columns = ("period", "origin", "revenue", "revenue_running", "revenue_share", "shipments_average")
    metrics = found["shipmentsMetrics"]
    assert [list(row.values()) for row in metrics["rows"]] == [[row[name] for name in columns] for row in rest["data"]]
    assert metrics["t"] == rest["total"] | {"origin": None}
    assert (metrics["undated"], metrics["approximations"]) == (rest["undated"], [])


def test_documents_of_rest_are_roots(site: Graphql) -> None:
    found = site.data(
        "{ datasets { name fields { name unit } } contracts { dataset } quality { datasets { dataset score } } "
        'files(limit: 2, state: ["loaded"]) { nextCursor items { fileId path records { loaded } } } '
        "rejects(limit: 1) { items { reason recordNo } } "
        'kpi(metrics: "shipments.revenue") { figures { value change series { period value } } } }'
    )
    files = site.api.get("/api/ingestion/files", limit=2, state="loaded")
    figure = site.api.get("/api/kpi", metrics="shipments.revenue")["figures"][0]

    assert [each["name"] for each in found["datasets"]] == ["vehicles", "vehicle_logs", "shipments", "fuel_cards"]
    assert found["files"]["nextCursor"] == files["next_cursor"]
    assert [each["path"] for each in found["files"]["items"]] == [each["path"] for each in files["items"]]
    assert found["kpi"]["figures"][0]["value"] == figure["value"]
    assert found["kpi"]["figures"][0]["series"] == figure["series"]
    assert found["quality"]["datasets"][0]["dataset"] == "vehicles"
    assert found["rejects"]["items"][0]["reason"]


# -- refusals and limits -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("{ shipments(first: 1001) { nodes { cost } } }", "from 1 to 1,000"),
        ("{ shipments(first: 0) { nodes { cost } } }", "from 1 to 1,000"),
        ("{ vehicles(first: 1000) { nodes { logs(first: 1000) { nodes { mileage } } } } }", "costs"),
        ("{ shipments(after: \"nonsense\") { nodes { cost } } }", "cursor"),
        ("{ shipments(filter: {cost: {in: []}}) { nodes { cost } } }", "in takes 1 to"),
        ("{ shipments(filter: {cost: null}) { nodes { cost } } }", "filter.cost is null"),
        ("{ shipments(filter: {cost: {lt: null}}) { nodes { cost } } }", "not null"),
        ("{ shipments(filter: {or: []}) { nodes { cost } } }", "empty"),
        ("{ shipments(filter: {day: {eq: \"2024-02-30\"}}) { nodes { cost } } }", "2024-02-30"),
        ("{ shipments(filter: {origin: {eq: \"a\\u0000\"}}) { nodes { cost } } }", "NUL"),
        ("{ nothing }", "Cannot query field"),
        ("{ shipmentsMetrics(metrics: [REVENUE], grain: DAY, start: \"2024-02-01\", end: \"2024-01-01\") "
         "{ rows { revenue } } }", "not before start"),
        ("{ files(limit: 5000) { items { path } } }", "limit"),
        ("{ " + " ".join(f"a{n}: datasets {{ name }}" for n in range(31)) + " }", "aliases"),
        ("{ a: datasets { " + " ".join(["name"] * 2_100) + " } }", "tokens"),
        ("{ vehicles { nodes " + "{ logs { nodes { vehicle " * 6 + "{ name }" + " } } }" * 6 + " } }", "levels deep"),
        (f"{{ {'a' * 64}: datasets {{ name }} }}", "63 characters"),
        ("query A { datasets { name } } query B { datasets { name } }", "several operations"),
    ],
)  # fmt: skip
def test_refusals_come_before_any_statement(site: Graphql, query: str, message: str) -> None:
    response = site.send(query)

    assert response.status_code == 400, response.text
    assert message in response.json()["errors"][0]["message"]
    assert "db;" not in response.headers["server-timing"]


def test_fragments_do_not_multiply_without_end(site: Graphql) -> None:
    def fragment(number: int) -> str:
        fields = (f"a{number}x{k}: logs(first: 1) {{ nodes {{ vehicle {{ ...F{number + 1} }} }} }}" for k in range(5))
        return f"fragment F{number} on Vehicle {{ {' '.join(fields)} }}"

    query = f'{{ vehicle(vehicleId: "V-001") {{ ...F0 }} }} {" ".join(map(fragment, range(3)))}'

    assert "deep" in site.refusal(f"{query} {fragment(3)} fragment F4 on Vehicle {{ name }}")
    wide = " ".join(f"...F{n}" for n in range(3))
    pieces = [f"fragment F{n} on Dataset {{ {' '.join(f'a{k}: name' for k in range(9))} }}" for n in range(3)]
    assert "Unknown type" in site.refusal(f"{{ datasets {{ {wide} }} }} {' '.join(pieces)}")


def test_the_cost_is_said(site: Graphql) -> None:
    response = site.send("{ vehicles(first: 10) { nodes { name logs(first: 5) { nodes { logId mileage } } } } }")

    # 10 pages' rows of 2 fields, and 5 rows of 2 fields for each of them; a page itself counts once per row
    assert response.json()["extensions"] == {"cost": 10 + 10 * 2 + 50 + 50 * 2}


def test_suggestions_are_hidden_from_anonymous(site: Graphql) -> None:
    assert "Did you mean" not in site.refusal('{ shipment(shipmentId: "x") { orign } }')


# -- HTTP --------------------------------------------------------------------------------------------------------------


def test_a_persisted_document_is_asked_for_by_its_hash(site: Graphql) -> None:
    query = "{ shipmentsMetrics(metrics: [REVENUE]) { rows { revenue } } }"
    digest = sha256(query.encode()).hexdigest()
    extensions = json.dumps({"persistedQuery": {"version": 1, "sha256Hash": digest}})

    unknown = site.http.get("/graphql", params={"extensions": extensions})
    assert unknown.json()["errors"][0]["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"
    wrong = site.send(query, extensions={"persistedQuery": {"version": 1, "sha256Hash": "0" * 64}})
    assert "SHA-256" in wrong.json()["errors"][0]["message"]
    sent = site.send(query, extensions=json.loads(extensions))
    found = site.http.get("/graphql", params={"extensions": extensions})
    also = site.http.get("/graphql", params={"documentId": f"sha256:{digest}"})

    assert sent.json() == found.json() == also.json()
    assert found.headers["data-version"]
    again = site.http.get(
        "/graphql", params={"extensions": extensions}, headers={"If-None-Match": found.headers["etag"]}
    )
    assert again.status_code == 304


def test_figures_are_kept_and_rows_are_not(site: Graphql) -> None:
    figures = "{ shipmentsMetrics(metrics: [REVENUE], by: [DESTINATION]) { rows { destination revenue } } }"
    first, second = site.send(figures), site.send(figures)
    rows = [site.send("{ shipments(first: 1) { nodes { cost } } }") for _ in range(2)]

    assert first.content == second.content
    assert "cache;desc=miss" in first.headers["server-timing"] and "cache;desc=hit" in second.headers["server-timing"]
    assert "etag" in second.headers
    assert all(each.headers["cache-control"] == "no-store" and "etag" not in each.headers for each in rows)


def test_a_mutation_needs_post_and_its_scope(
    new_database: Callable[[], AbstractContextManager[str]], serve: Serve
) -> None:
    query = 'mutation { acceptContract(proposalId: "0d2b2c5e-6f2d-4b6e-9a43-3a1f3a0f3f52") { state } }'
    with new_database() as url, serve(url, api_anonymous="read") as running:
        site = Graphql(running)
        assert site.send(query).status_code == 401
        assert site.http.get("/graphql", params={"query": query}).status_code == 405
    with new_database() as url, serve(url) as running:
        site = Graphql(running)
        assert "no proposal" in site.refusal(query)
        assert "UUID" in site.refusal('mutation { acceptContract(proposalId: "x") { state } }')
        foreign = site.http.post("/graphql", json={"query": query}, headers={"Origin": "https://elsewhere.example"})
        assert foreign.status_code == 403


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b'"x"', "application/json", 400),
        (b"{}", "application/json", 400),
        (b'{"query": 1}', "application/json", 400),
        (b'{"query": "{ datasets { name } }", "variables": []}', "application/json", 400),
        (b'{"query": "{ datasets { name } }"}', "text/plain", 415),
        (b'{"query": "{ datasets { name } }"}', "application/json; charset=latin-1", 415),
        (b'{"query": "{ datasets { name } }", "x": "' + b"x" * (1 << 20) + b'"}', "application/json", 413),
        (b"[" * 100_000, "application/json", 400),
    ],
)  # fmt: skip
def test_what_is_no_request_is_refused(site: Graphql, body: bytes, content_type: str, status: int) -> None:
    response = site.http.post("/graphql", content=body, headers={"Content-Type": content_type})

    assert response.status_code == status, response.text
    assert response.json()["errors"][0]["message"]


def test_introspection_is_allowed_by_setting(
    new_database: Callable[[], AbstractContextManager[str]], serve: Serve, site: Graphql
) -> None:
    query = "{ __schema { queryType { name } } __typename datasets { __typename } }"
    assert site.data(query)["__schema"] == {"queryType": {"name": "Query"}}
    assert site.data("query ($n: String!) { __type(name: $n) { name } }", n="Shipment") == {
        "__type": {"name": "Shipment"}
    }
    with new_database() as url, serve(url, graphql_introspection="keys") as running:
        assert "introspection" in Graphql(running).refusal(query)


def test_browsers_get_graphiql(site: Graphql) -> None:
    page = site.http.get("/graphql", headers={"Accept": "text/html,*/*"})

    assert page.headers["content-type"].startswith("text/html") and "graphiql.min.js" in page.text
    assert "'unsafe-eval'" not in page.headers["content-security-policy"]
    assert site.http.get("/graphiql/graphiql.min.js").status_code == 200


def test_the_examples_of_the_documentation_are_answered(site: Graphql) -> None:
    page = (PROJECT_ROOT / "docs" / "graphql.md").read_text()
    examples = re.findall(r"^```graphql\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL)
    queries = [text for text in examples if not text.startswith("subscription")]
    subscriptions = [text for text in examples if text.startswith("subscription")]

    answers = [site.data(query) for query in queries]
    assert len(answers) == 2 and len(subscriptions) == 1
    assert len(answers[0]["shipments"]["nodes"]) == 3
    assert answers[1]["shipmentsMetrics"]["rows"] and answers[1]["kpi"]["figures"]
    for subscription in subscriptions:
        assert "Subscriptions are answered" in site.send(subscription).json()["errors"][0]["message"]


def test_a_schema_of_twenty_datasets_is_made_within_a_tenth_of_a_second() -> None:
    datasets = {each.name: each for each in (_numbered(number) for number in range(20))}
    catalogue = Catalogue(datasets)
    GraphqlService(catalogue, 1)  # what is imported and made once
    since = process_time()
    service = GraphqlService(catalogue, 1)
    seconds = process_time() - since

    assert service.schema.query_type is not None and "samples_19" not in service.schema.query_type.fields
    assert "samples19" in service.schema.query_type.fields
    assert seconds < 0.1 * MACHINE_IS_SHARED


MACHINE_IS_SHARED = 4
"""Other tests run beside this one: even CPU time is longer then."""


@pytest.mark.slow
def test_a_changed_contract_of_twenty_is_in_the_schema_at_once(
    new_database: Callable[[], AbstractContextManager[str]], serve: Serve, tmp_path: Path
) -> None:
    for number in range(20):
        text = yaml.safe_dump(DOCUMENT | {"name": f"samples_{number}", "singular": f"sample_{number}", "indexes": []})
        (tmp_path / f"samples_{number}.yaml").write_text(text)
    with new_database() as url:
        synced_catalogue(url, tmp_path)
        with serve(url) as running:
            site, changed = Graphql(running), yaml.safe_load(text)
            for name in ("colour", "taste", "smell"):
                changed["schema"]["fields"].append({"name": name, "type": "string"})
                (tmp_path / "samples_19.yaml").write_text(yaml.safe_dump(changed))
                synced_catalogue(url, tmp_path)
                since = perf_counter()
                while site.send(f"{{ samples19(first: 1) {{ nodes {{ {name} }} }} }}").status_code != 200:
                    assert perf_counter() - since < 5, "it takes a tenth of that on a machine at rest"


def _numbered(number: int) -> Dataset:
    return replace(readings(), name=f"samples_{number}", singular=f"sample_{number}")


def test_a_dataset_of_which_the_api_learns_is_in_the_schema(
    new_database: Callable[[], AbstractContextManager[str]], serve: Serve, tmp_path: Path, wait_until: Any
) -> None:
    query = "{ fuels: fuel(first: 1) { nodes { payment paidOn litres } } }"
    with new_database() as url, serve(url) as running:
        site = Graphql(running)
        assert "Cannot query field" in site.refusal(query)
        (tmp_path / "fuel.yaml").write_text(FUEL)
        synced_catalogue(url, tmp_path)
        wait_until(lambda: site.send(query).status_code == 200)
        assert site.data(query) == {"fuels": {"nodes": []}}
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("UPDATE catalogue.datasets SET retired_at = now() WHERE dataset = 'fuel'")
            connection.execute("NOTIFY contracts")
        wait_until(lambda: site.send(query).status_code == 400)
