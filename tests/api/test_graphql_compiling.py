"""Documents become one statement each whose answer is that of graphql-core's own executor."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest
import yaml
from graphql import DocumentNode, GraphQLSchema, OperationDefinitionNode, parse, validate, validate_schema
from graphql.execution.values import get_variable_values
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from logistics_api.graphql.compiling import Plan, compile_operation
from logistics_api.graphql.schema import make_schema
from logistics_api.graphql.service import GraphqlService
from logistics_api.graphql.variables import form_of_variables
from logistics_api.rows.queries import rows_expected
from logistics_core.catalogue import Catalogue, built_in_catalogue
from logistics_core.catalogue.contract_files import contract_from_document, make_catalogue
from tests.contract_texts import synced_catalogue
from tests.fourth_dataset import CONTRACT
from tests.graphql_data import fill
from tests.graphql_documents import Documents
from tests.graphql_oracle import Oracle, drawing, read_records, remember
from tests.graphql_schemas import random_contracts, write_contracts
from tests.keyed import READINGS, VISITS
from tests.many_types import DOCUMENT

NewDatabase = Callable[[], AbstractContextManager[str]]


@dataclass
class World:
    connection: psycopg.Connection[Any]
    catalogue: Catalogue
    schema: GraphQLSchema

    def fill(self, seed: int) -> Oracle:
        fill(self.connection, self.catalogue, Random(seed))
        records = read_records(self.connection, self.catalogue)
        remember(records, self.catalogue)
        return Oracle(self.schema, records)


@contextmanager
def world_of(new_database: NewDatabase, folder: Path) -> Iterator[World]:
    """The datasets whose contracts are in a folder, and the built-in ones, without rows."""
    with new_database() as url:
        catalogue = synced_catalogue(url, folder)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            yield World(connection, catalogue, make_schema(catalogue))


@pytest.fixture(scope="module")
def world(new_database: NewDatabase, tmp_path_factory: Any) -> Iterator[World]:
    folder: Path = tmp_path_factory.mktemp("contracts")
    many_types = DOCUMENT | {"name": "samples", "singular": "sample", "path": "samples.csv"}
    many_types["indexes"] = [{"name": "samples_by_moment", "fields": ["moment"]}]
    texts = {"readings": READINGS, "visits": VISITS, "drivers": CONTRACT, "samples": yaml.safe_dump(many_types)}
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(text)
    with world_of(new_database, folder) as made:
        yield made


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
        parameters = plan.parameters(variables)
        for estimate in plan.estimates:
            found = world.connection.execute(estimate.statement, parameters, prepare=False).fetchone()
            parameters[estimate.name] = rows_expected(found)
        row = world.connection.execute(plan.statement, parameters, prepare=False).fetchone()
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


def compare_over_random_schemas(new_database: NewDatabase, folder: Path, seed: int, documents: int) -> None:
    write_contracts(folder, random_contracts(Random(seed)))
    with world_of(new_database, folder) as world:
        assert validate_schema(world.schema) == []
        oracle = world.fill(seed)
        for number in range(documents):
            compare(world, oracle, seed * 1_000 + number)


@pytest.mark.parametrize("seed", range(3))
def test_answers_over_random_schemas_are_those_of_the_executor(
    new_database: NewDatabase, tmp_path: Path, seed: int
) -> None:
    compare_over_random_schemas(new_database, tmp_path, seed, 25)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1_000, 1_100))
def test_ten_thousand_answers_over_random_schemas_are_those_of_the_executor(
    new_database: NewDatabase, tmp_path: Path, seed: int
) -> None:
    compare_over_random_schemas(new_database, tmp_path, seed, 100)


@pytest.mark.parametrize("seed", range(20))
def test_random_catalogues_have_valid_schemas(seed: int) -> None:
    contracts = random_contracts(Random(seed))
    added = [contract_from_document(document, name) for name, document in contracts.items()]
    service = GraphqlService(make_catalogue([*built_in_catalogue().values(), *added]), 1)

    assert validate_schema(service.schema) == []
