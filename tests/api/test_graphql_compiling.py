"""Documents become one statement each whose answer is that of graphql-core's own executor."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest
import yaml
from graphql import DocumentNode, GraphQLSchema, OperationDefinitionNode, parse, validate
from graphql.execution.values import get_variable_values
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from logistics_api.graphql.compiling import Plan, compile_operation
from logistics_api.graphql.schema import make_schema
from logistics_api.graphql.variables import form_of_variables
from logistics_core.catalogue import Catalogue
from tests.contract_texts import synced_catalogue
from tests.fourth_dataset import CONTRACT
from tests.graphql_data import fill
from tests.graphql_documents import Documents
from tests.graphql_oracle import Oracle, drawing, read_records, remember
from tests.keyed import READINGS, VISITS
from tests.many_types import DOCUMENT


@dataclass
class World:
    connection: psycopg.Connection[Any]
    catalogue: Catalogue
    schema: GraphQLSchema

    def fill(self, seed: int) -> Oracle:
        fill(self.connection, self.catalogue, Random(seed))
        records = read_records(self.connection, self.catalogue)
        remember(records)
        return Oracle(self.schema, records)


@pytest.fixture(scope="module")
def world(new_database: Callable[[], AbstractContextManager[str]], tmp_path_factory: Any) -> Iterator[World]:
    folder: Path = tmp_path_factory.mktemp("contracts")
    many_types = DOCUMENT | {"name": "samples", "singular": "sample", "path": "samples.csv"}
    many_types["indexes"] = [{"name": "samples_by_moment", "fields": ["moment"]}]
    texts = {"readings": READINGS, "visits": VISITS, "drivers": CONTRACT, "samples": yaml.safe_dump(many_types)}
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(text)
    with new_database() as url:
        catalogue = synced_catalogue(url, folder)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            yield World(connection, catalogue, make_schema(catalogue))


def _operation(document: DocumentNode) -> OperationDefinitionNode:
    return next(each for each in document.definitions if isinstance(each, OperationDefinitionNode))


def plan_of(schema: GraphQLSchema, document: DocumentNode, given: dict[str, Any]) -> tuple[Plan, dict[str, Any]]:
    operation = _operation(document)
    fragments = {each.name.value: each for each in document.definitions if each is not operation}  # type: ignore[attr-defined]
    values = get_variable_values(schema, operation.variable_definitions, given)
    assert isinstance(values, dict), values
    form = form_of_variables(schema, tuple(operation.variable_definitions))
    return compile_operation(schema, operation, fragments, form.places(values)), values


def answer(world: World, plan: Plan, variables: dict[str, Any]) -> dict[str, Any]:
    texts = dict(plan.constants)
    if plan.statement is not None:
        row = world.connection.execute(plan.statement, plan.parameters(variables), prepare=False).fetchone()
        assert row is not None
        texts |= {key: "null" if text is None else text for key, text in zip(plan.from_statement, row, strict=True)}
    return {key: json.loads(texts[key], parse_float=Decimal) for key in plan.keys}


def digits(value: Any) -> str:
    """JSON with every digit and the order of members."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(name)}:{digits(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(digits, value)) + "]"
    return str(value) if isinstance(value, Decimal) else json.dumps(value)


def compare(world: World, oracle: Oracle, seed: int) -> None:
    documents = Documents(world.schema, random=Random(seed), **drawing(oracle.records))
    text = documents.draw()
    document = parse(text)
    assert validate(world.schema, document) == [], text
    wanted = oracle.execute(document, documents.variables)
    assert wanted.errors is None, (text, documents.variables, wanted.errors)
    plan, values = plan_of(world.schema, document, documents.variables)
    found = answer(world, plan, values)
    assert digits(found) == digits(wanted.data), (text, documents.variables)
    assert oracle.rows <= plan.cost.of(values), text


@pytest.mark.parametrize("seed", range(10))
def test_answers_are_those_of_the_executor(world: World, seed: int) -> None:
    oracle = world.fill(seed)

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.integers(0, 2**64))
    def check(number: int) -> None:
        compare(world, oracle, number)

    check()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 140))
def test_ten_thousand_answers_are_those_of_the_executor(world: World, seed: int) -> None:
    oracle = world.fill(seed)
    for number in range(250):
        compare(world, oracle, seed * 1_000 + number)
