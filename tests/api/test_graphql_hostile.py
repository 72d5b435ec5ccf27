"""Documents that are meant to harm: each is refused, or answered within its limits, and nothing of the inside shows."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx2
import pytest
from graphql import (
    GraphQLObjectType,
    GraphQLOutputType,
    build_client_schema,
    get_introspection_query,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
    is_required_argument,
)

from tests.api.conftest import Api, Serve
from tests.api.world import load_world

INSIDE = (
    "Traceback",
    "psycopg",
    "SELECT ",
    "logistics_api",
    "logistics_core",
    "site-packages",
    "<class",
    "object at 0x",
)
SECONDS = 20
"""Far more than any of them takes, also on a busy machine; without limits they would take hours."""


@pytest.fixture(scope="module")
def api(new_database: Callable[[], AbstractContextManager[str]], serve: Serve, tmp_path_factory: Any) -> Iterator[Api]:
    data_dir: Path = tmp_path_factory.mktemp("data")
    with new_database() as url:
        load_world(url, data_dir / "raw")
        with serve(url, data_dir=data_dir) as running:
            yield running


def ask(api: Api, body: Any, **headers: str) -> httpx2.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    since = time.monotonic()
    response = api.client.post("/graphql", content=content, headers={"Content-Type": "application/json", **headers})
    assert time.monotonic() - since < SECONDS
    check(response)
    return response


def check(response: httpx2.Response) -> None:
    assert response.status_code < 500, response.text[:500]
    assert not [word for word in INSIDE if word in response.text], response.text[:500]


def _chain(length: int) -> str:
    parts = (f"fragment F{n} on Vehicle {{ name ...F{n + 1} }}" for n in range(length))
    return f"{{ vehicles {{ nodes {{ ...F0 }} }} }} {' '.join(parts)} fragment F{length} on Vehicle {{ name }}"


def _doubling(levels: int) -> str:
    """Fragments of which each has the next one twice: 2 to the power of their number of fields."""
    parts = (
        f"fragment F{n} on Vehicle {{ logs(first: 1) {{ nodes {{ vehicle {{ ...F{n + 1} }} }} }} ...F{n + 1} }}"
        for n in range(levels)
    )
    return f"{{ vehicles {{ nodes {{ ...F0 }} }} }} {' '.join(parts)} fragment F{levels} on Vehicle {{ name }}"


def _overlapping(fields: int) -> str:
    """Fields that must be compared with each other to be merged."""
    alike = " ".join(f"x: {'name' if n % 2 else 'vehicleId'}" for n in range(fields))
    return f"{{ vehicles {{ nodes {{ {alike} }} }} }}"


def _variables(count: int) -> str:
    return f"query ({' '.join(f'$v{n}: Int = {n}' for n in range(count))}) {{ datasets {{ name }} }}"


DOCUMENTS = {
    "fragments that lead to each other": "{ vehicles { nodes { ...A } } } fragment A on Vehicle { ...B } fragment B on "
    "Vehicle { ...A }",
    "a fragment of itself": "{ vehicles { nodes { ...A } } } "
    "fragment A on Vehicle { logs { nodes { vehicle { ...A } } } }",
    "a chain of fragments": _chain(150),
    "a chain of more fragments": _chain(1_000),
    "fragments that double": _doubling(60),
    "fields that overlap": _overlapping(400),
    "aliases": "{" + " ".join(f"a{n}: vehicles {{ nodes {{ name }} }}" for n in range(400)) + "}",
    "aliases of different fields": "{ vehicles(first: 1) { nodes {" + " ".join(
        f"{a}{n}: {f}" for n in range(30) for a, f in (("a", "name"), ("b", "vehicleId"), ("c", "totalMileage"))
    ) + "} } }",
    "an alias of the engine": '{ vehicles { nodes { __proto__: name constructor: vehicleId } } }',
    "aliases of SQL": "{ Rows: vehicles(first: 1) { Row1: nodes { Object: name Position: vehicleId Found: __typename "
    "Row: source { file: fileId Element: recordNo } } Parts1: total { Counted: rows Total: kind } } "
    "Answer: shipmentsMetrics(by: [ORIGIN]) { Rows: rows { Row: origin Object: revenue Element: shipments } } }",
    "costs that multiply": "{ vehicles(first: 1000) { nodes { logs(first: 1000) { nodes { shipments(first: 1000) "
    "{ nodes { cost } } } } } } }",
    "costs of edges": "{ vehicles(first: 1000) { edges { node { logs(first: 300) { edges { node { logId } } } } } } }",
    "totals that multiply": "{ vehicles(first: 1000) { nodes { a: logs(first: 1) { total { rows } } b: logs(first: 1) "
    "{ total { rows } } c: logs(first: 1) { total { rows } } } } }",
    "directives": "{ vehicles(first: 1) { nodes { name " + "@include(if: true) " * 400 + "} } }",
    "unknown directives": "{ vehicles @stream @defer(label: \"x\") { nodes @live { name @deprecated } } }",
    "directives in all places": "query @skip(if: true) { ...F @skip(if: false) } "
    "fragment F on Query @include(if: true) { __typename }",
    "many variables": _variables(300),
    "a variable of itself": "query ($a: Int = $a) { datasets { name } }",
    "numbers without end": "{ vehicles(first: " + "9" * 4_000 + ") { nodes { name } } }",
    "a number with a great exponent": "{ shipments(first: 1, filter: {cost: {gt: 1e999999999}}) { nodes { cost } } }",
    "a deep list": "{ shipments(filter: {cost: {in: " + "[" * 500 + "1" + "]" * 500 + "}}) { nodes { cost } } }",
    "a deep filter": "{ shipments(filter: " + "{not: " * 200 + "{}" + "}" * 200 + ") { nodes { cost } } }",
    "a filter around references": "{ shipments(filter: {log: {not: {vehicle: {or: [{not: {name: {eq: null}}}]}}}}) "
    "{ nodes { cost } } }",
    "a wide filter": "{ shipments(filter: {or: [" + "{cost: {gt: 1}} " * 200 + "]}) { nodes { cost } } }",
    "a pattern": '{ shipments(filter: {origin: {startsWith: "%_\\\\"}}) { nodes { origin } } }',
    "SQL in texts": '{ shipments(filter: {origin: {eq: "\'; DROP TABLE raw.shipments; --"}}) { nodes { origin } } }',
    "placeholders in texts": '{ shipments(filter: {origin: {in: ["%s", "%(p1)s", "%%", "{}", "$1"]}}) '
    "{ nodes { origin } } }",
    "a cursor of another question": '{ shipments(after: "AAAA") { nodes { origin } } }',
    "introspection without end": "{ __schema { types { fields { type { fields { type { fields { type { fields { type "
    "{ fields { name } } } } } } } } } } }",
    "subscription of many": "subscription { changed(dataset: \"vehicles\") { dataset } loadProgress { path } }",
    "a mutation of many": "mutation {"
    + " ".join(f'm{n}: acceptContract(proposalId: "x") {{ state }}' for n in range(31))
    + "}",
    "operations of one name": "query A { datasets { name } } query A { datasets { title } }",
    "nothing": "",
    "a comment": "#" * 50_000,
    "a text that does not end": '{ vehicle(vehicleId: "' + "x" * 50_000,
    "a byte order mark": "\ufeff{ __typename }",
    "the end of a right-to-left text": '{ vehicle(vehicleId: "\u202e\u0000") { name } }',
    "braces": "{" * 1_900,
    "brackets": "[" * 1_900,
    "a type system": "type Query { a: Int } extend schema { query: Query }",
    "kpi of everything": '{ kpi(metrics: "' + "shipments.revenue," * 300 + '") { figures { value } } }',
    "metrics of everything": "{ shipmentsMetrics(by: [ORIGIN ORIGIN DESTINATION], limit: 10000) { rows { origin } } }",
    "metrics that accumulate without periods": "{ shipmentsMetrics(show: [RUNNING], periods: 99999) "
    "{ rows { revenue } } }",
    "metrics of all days": '{ shipmentsMetrics(grain: DAY, compare: YEAR, start: "0001-01-01", end: "9999-12-31") '
    "{ rows { revenue } } }",
}  # fmt: skip


@pytest.mark.parametrize("name", DOCUMENTS)
def test_documents_that_are_meant_to_harm(api: Api, name: str) -> None:
    found = ask(api, {"query": DOCUMENTS[name]}).json()

    assert found.get("data") is not None or found["errors"][0]["message"]
    assert "data" in found or "errors" in found
    assert found.get("extensions", {}).get("cost", 0) <= api.app.state.settings.graphql_max_cost


VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 2**31, 2**70, 1.5, 1e308, "", "x", "\0", "\ud800", [], [[]], [None], {}, {"eq": {}}, {"a": 1},
    {"__proto__": 1}, ["x"] * 5_000, "9" * 5_000, {"cost": {"in": [1] * 5_000}}, {"not": {"not": {"not": {}}}},
    {"log": {"log": 1}}, {"log": {"vehicle": {"name": {"in": [None] * 999}}}}, {"and": [{}] * 60},
)  # fmt: skip
TYPES = {
    "Int": "{ shipments(first: $v) { nodes { cost } } }",
    "String": "{ shipments(after: $v) { nodes { cost } } }",
    "ShipmentsOrder": "{ shipments(orderBy: $v) { nodes { cost } } }",
    "ShipmentsFilter": "{ shipments(filter: $v) { nodes { cost } } shipmentsMetrics(filter: $v) { rows { revenue } } }",
    "DecimalFilter": "{ shipments(filter: {cost: $v, weight: $v}) { nodes { cost } } }",
    "Date": "{ shipmentsMetrics(start: $v, end: $v) { rows { revenue } } }",
    "[ShipmentsMetric!]": "{ shipmentsMetrics(metrics: $v) { rows { revenue } } }",
    "Boolean!": "{ datasets @include(if: $v) { name } }",
    "String!": '{ vehicle(vehicleId: $v) { name } kpi(metrics: $v) { figures { value } } }',
    "Nothing": "{ vehicle(vehicleId: $v) { name } }",
    "Vehicle": "{ vehicle(vehicleId: $v) { name } }",
}  # fmt: skip


@pytest.mark.parametrize("type_", TYPES)
def test_variables_of_any_type(api: Api, type_: str) -> None:
    for value in VALUES:
        found = ask(api, {"query": f"query ($v: {type_}) {TYPES[type_]}", "variables": {"v": value}}).json()
        assert "data" in found or found["errors"][0]["message"]


def first_scalar(type_: GraphQLOutputType, depth: int = 3) -> str | None:
    """The shortest selection of a type that reads something; None if there is none so deep."""
    named = get_named_type(type_)
    if is_leaf_type(named):
        return ""
    if not isinstance(named, GraphQLObjectType) or not depth:
        return None
    for name, field in named.fields.items():
        inner = None if any(map(is_required_argument, field.args.values())) else first_scalar(field.type, depth - 1)
        if inner is not None:
            return f"{{ {name} {inner} }}"
    return None


def test_texts_that_no_database_holds_are_refused_in_every_field_of_the_root(api: Api) -> None:
    given = {"dataset": "vehicles", "since": "0", "metric": "revenue", "model": "shipments.delivery_time"}
    schema = build_client_schema(ask(api, {"query": get_introspection_query()}).json()["data"])
    assert schema.query_type is not None
    asked = 0
    for field_name, field in schema.query_type.fields.items():
        for name, argument in field.args.items():
            if get_named_type(argument.type).name != "String":
                continue
            others = {each: given.get(each, "x") for each, arg in field.args.items() if is_required_argument(arg)}
            listed = "".join(f", {each}: {json.dumps(value)}" for each, value in others.items() if each != name)
            query = f"query ($v: {argument.type}) {{ {field_name}({name}: $v{listed}) {first_scalar(field.type)} }}"
            for text in ("x\0", "\ud800"):
                value = [text] if is_list_type(get_nullable_type(argument.type)) else text
                found = ask(api, {"query": query, "variables": {"v": value}})
                assert "internal-error" not in found.text, (query, value)
                assert "data" in found.json() or "errors" in found.json()
                asked += 1
    assert asked > 30


def test_names_of_operations_and_hashes_that_are_none(api: Api) -> None:
    query = "query A { datasets { name } }"
    digest = sha256(query.encode()).hexdigest()
    bodies: tuple[Any, ...] = (
        {"query": query, "operationName": "B"},
        {"query": query, "operationName": "\ud800"},
        {"query": query, "operationName": "A" * 100_000},
        {"extensions": {"persistedQuery": {"sha256Hash": "x" * 100_000}}},
        {"extensions": {"persistedQuery": {"sha256Hash": 1}}},
        {"extensions": {"persistedQuery": []}},
        {"extensions": {"persistedQuery": {"version": 9, "sha256Hash": digest.upper()}}, "query": query},
        {"documentId": "sha256:"},
        {"documentId": "../../etc/passwd"},
        {"documentId": "sha256:" + "é" * 64},
    )
    for body in bodies:
        ask(api, body)
    for query_string in (
        f"documentId=sha256:{digest}",
        "documentId=%00",
        "extensions=%7B%7D",
        "variables=null",
        "query=",
    ):
        check(api.client.get(f"/graphql?{query_string}"))


def test_persisted_documents_push_out_each_other_alone(api: Api) -> None:
    """More documents than are kept: the first of them is asked for again, and nothing else happens."""
    padding = "#" * 99_000
    texts = [f"{{ datasets {{ name }} }} # {number} {padding}" for number in range(60)]
    for text in texts:
        digest = sha256(text.encode()).hexdigest()
        found = ask(api, {"query": text, "extensions": {"persistedQuery": {"version": 1, "sha256Hash": digest}}}).json()
        assert found["data"]["datasets"]
    first = sha256(texts[0].encode()).hexdigest()
    again = ask(api, {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": first}}}).json()
    assert again["errors"][0]["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"


def test_bodies_that_are_no_requests(api: Api) -> None:
    bodies: tuple[Any, ...] = (
        b"",
        b"null",
        b"\xff\xfe",
        b"{" * 900_000,
        b"[" + b"1," * 10_000,
        b'{"query": "{ a }", "query": "{ __typename }"}',
        b'{"query": NaN}',
        b'{"query": "query ($v: Int) { shipments(first: $v) { nodes { cost } } }", "variables": {"v": 1e999999999}}',
        b'{"query": "{ __typename }", "variables": {"a": ' + b"[" * 20_000 + b"]" * 20_000 + b"}}",
    )
    for body in bodies:
        ask(api, body)
