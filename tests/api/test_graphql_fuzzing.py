"""Random documents and bodies: whatever is sent, the answer is one of GraphQL's, and never a failure of the server."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from random import Random
from typing import Any

import pytest
from graphql import GraphQLSchema, build_client_schema, get_introspection_query
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from logistics_api.graphql.schema import make_schema
from logistics_core.catalogue import built_in_catalogue
from tests.api.conftest import Api, Serve
from tests.api.world import load_world
from tests.graphql_documents import Documents

SCHEMA = make_schema(built_in_catalogue())
ODD = ["", "x", "\ud800", "\0", "9" * 400, "2024-02-30", "1e999", "-", "😀", "null", "2024-01-31", "12.5", "V-001"]
PIECES = [
    "{",
    "}",
    "(",
    ")",
    "query",
    "mutation",
    "...",
    "@skip(if: true)",
    "$x",
    ":",
    "shipments",
    "nodes",
    "first: 1",
    "filter: {cost: {gt: 1}}",
    "__schema",
    '__type(name: "Shipment")',
    "kpi",
    "cost",
    "fragment F on Shipment",
    '"',
    '"""',
    "#",
    "[",
    "]",
    "!",
    "-1",
    "1e400",
    "99999999999999999999",
    "subscription",
    "changed",
]


@pytest.fixture(scope="module")
def api(new_database: Callable[[], AbstractContextManager[str]], serve: Serve, tmp_path_factory: Any) -> Iterator[Api]:
    data_dir: Path = tmp_path_factory.mktemp("data")
    with new_database() as url:
        load_world(url, data_dir / "raw")
        with serve(url, data_dir=data_dir) as running:
            yield running


def answered(api: Api, body: bytes) -> None:
    response = api.client.post("/graphql", content=body, headers={"Content-Type": "application/json"})
    assert response.status_code < 500, (body, response.text)
    document = response.json()
    assert "data" in document or document["errors"][0]["message"], body


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from(PIECES), max_size=25))
def test_pieces_of_documents(api: Api, pieces: list[str]) -> None:
    answered(api, json.dumps({"query": " ".join(pieces)}).encode())


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**64))
def test_documents_with_odd_values(api: Api, seed: int) -> None:
    def odd(random: Random, *_: Any) -> Any:
        return random.choice([random.choice(ODD), random.randrange(-(10**30), 10**30), 1.5, True])

    documents = Documents(SCHEMA, values=odd, cursor_of=odd, random=Random(seed))
    text = documents.draw()
    answered(api, json.dumps({"query": text, "variables": documents.variables}).encode())


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.binary(max_size=60) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["query", "variables", "operationName", "extensions", "documentId", "x"]), inner, max_size=4),
).map(lambda value: json.dumps(value).encode()))  # fmt: skip
def test_bodies_of_any_form(api: Api, body: bytes) -> None:
    answered(api, body)


def test_clients_understand_the_schema(api: Api) -> None:
    response = api.client.post("/graphql", json={"query": get_introspection_query(input_value_deprecation=True)})

    schema = build_client_schema(response.json()["data"])
    assert isinstance(schema, GraphQLSchema)
    assert {"Shipment", "ShipmentsConnection", "ShipmentsMetrics", "Files"} <= schema.type_map.keys()
