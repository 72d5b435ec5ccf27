"""Carries out operations: one statement for rows, REST's own answers for the rest, put together as text."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Any

import psycopg
from fastapi import Request
from graphql import (
    GraphQLError,
    OperationDefinitionNode,
    SelectionSetNode,
    execute_sync,
)
from graphql.language import DocumentNode

from logistics_api.as_of.resolving import resolve
from logistics_api.database import timing
from logistics_api.database.pool import Database
from logistics_api.database.problems import again_after_conflict
from logistics_api.graphql import rest
from logistics_api.graphql.compiling import Plan, RootField, Selection
from logistics_api.graphql.documents import Documents, Operation, Refused
from logistics_api.graphql.meanings import DatasetMetrics, RestDocument, meaning_of
from logistics_api.graphql.metrics import SHARED, MetricsQuestion, metrics_fields
from logistics_api.graphql.plans import Estimate
from logistics_api.graphql.schema import AS_OF_ARGUMENT, Root, make_schema
from logistics_api.graphql.subscriptions import subscriptions
from logistics_api.graphql.variables import resolved
from logistics_api.row_access.operations import check_operation, narrowings
from logistics_api.row_access.permitted import permitted_rows
from logistics_api.rows.queries import rows_expected
from logistics_core.catalogue import Catalogue


@dataclass(frozen=True)
class Outcome:
    """The answer to an operation."""

    data: str
    """JSON."""
    cost: int
    data_version: str | None
    """The data version of all that it shows; None if something is of no version."""
    is_stored: bool
    """Whether it stays the same within that version."""

    @property
    def text(self) -> str:
        """The whole answer."""
        return f'{{"data":{self.data},"extensions":{{"cost":{self.cost}}}}}'


class GraphqlService:
    """GraphQL over one catalogue: another catalogue has another one, with its own documents and plans."""

    def __init__(self, catalogue: Catalogue, max_cost: int) -> None:
        self.catalogue, self.max_cost = catalogue, max_cost
        root = Root(rest.queries(), rest.mutations(), subscriptions(), SHARED)
        self.schema = make_schema(catalogue, root, partial(metrics_fields, catalogue))
        self.documents = Documents(self.schema)
        self._narrowings = narrowings(catalogue)

    async def carry_out(self, operation: Operation, given: Mapping[str, Any], request: Request) -> Outcome:
        """Carries out a query or a mutation.

        Raises:
            Refused: a variable or an argument has a value that it cannot have, or the operation costs too much.
            Problem: as the paths of REST.
        """
        variables = operation.variables(given)
        permitted = permitted_rows(request)
        plan = operation.plan(variables, permitted)
        if permitted is not None:
            self._check_documents(plan)
        selection = Selection(self.schema, operation.fragments, variables)
        try:
            cost = plan.cost.of(variables) + sum(self._cost(each, selection) for each in plan.elsewhere.values())
            self._check_cost(cost)
            parameters = plan.parameters(variables)
        except GraphQLError as error:
            raise Refused(error) from error
        texts = dict(plan.constants)
        pieces = _Pieces(has_rows=plan.statement is not None)
        for asked in plan.as_of:
            text = resolved(asked.text, variables)
            found = await resolve(request.app.state.database, text, asked.datasets.values(), AS_OF_ARGUMENT)
            parameters[asked.name] = found.file_id
        if plan.statement is not None:
            row = await _fetch(request.app.state.database, plan.statement, plan.estimates, parameters)
            texts |= {key: text or "null" for key, text in zip(plan.from_statement, row, strict=True)}
        for key, root in plan.elsewhere.items():
            texts[key] = await self._elsewhere(key, root, operation, given, selection, request, pieces)
        members = ",".join(f'"{key}":{texts[key]}' for key in plan.keys)
        return Outcome(f"{{{members}}}", cost, pieces.data_version, pieces.is_stored)

    def check_narrowing(self, operation: str) -> None:
        """Refuses what an operation of REST answers to callers that may see some rows only, where REST does.

        Raises:
            Problem: 403.
        """
        check_operation(operation, self._narrowings)

    def _check_documents(self, plan: Plan) -> None:
        for root in plan.elsewhere.values():
            meaning = None if root.name.startswith("__") else meaning_of(root.field)
            if isinstance(meaning, RestDocument):
                self.check_narrowing(meaning.operation)

    def _check_cost(self, cost: int) -> None:
        if cost > self.max_cost:
            raise GraphQLError(
                f"The operation costs {cost:,}: rows asked for times fields, summed up. At most {self.max_cost:,} are "
                "answered. Ask for fewer rows with first, or for fewer fields.",
                extensions={"code": "cost-exceeded", "cost": cost},
            )

    @staticmethod
    def _cost(root: RootField, selection: Selection) -> int:
        if root.name.startswith("__"):
            return 0
        if isinstance(meaning_of(root.field), DatasetMetrics):
            return MetricsQuestion(root, selection).cost
        return rest.cost_of(root, selection)

    async def _elsewhere(
        self,
        key: str,
        root: RootField,
        operation: Operation,
        given: Mapping[str, Any],
        selection: Selection,
        request: Request,
        pieces: "_Pieces",
    ) -> str:
        if root.name.startswith("__"):
            return self._introspection(key, root, operation, given)
        state = request.app.state
        if isinstance(meaning_of(root.field), DatasetMetrics):
            try:
                text, version = await MetricsQuestion(root, selection).ask(
                    state.database, state.rollups, self.catalogue, permitted_rows(request)
                )
            except GraphQLError as error:
                raise Refused(error) from error
            pieces.add(None if version is None else str(version), is_stored=True)
            return text
        text, loaded = await rest.answer_document(root, selection, request)
        pieces.add(loaded.data_version, is_stored=loaded.is_stored)
        return text

    def _introspection(self, key: str, root: RootField, operation: Operation, given: Mapping[str, Any]) -> str:
        """What graphql-core says about the schema. Without variables it is always the same."""
        known = operation.introspection.get(key)
        if known is not None:
            return known
        node = operation.node
        only = OperationDefinitionNode(
            operation=node.operation,
            name=node.name,
            variable_definitions=node.variable_definitions,
            directives=(),
            selection_set=SelectionSetNode(selections=root.nodes),
        )
        document = DocumentNode(definitions=(only, *operation.fragments.values()))
        result = execute_sync(self.schema, document, variable_values=dict(given))
        if result.errors or result.data is None:
            raise Refused(*(result.errors or ()))
        text = json.dumps(result.data[key], ensure_ascii=False, separators=(",", ":"))
        if not node.variable_definitions:
            operation.introspection[key] = text
        return text


@dataclass
class _Pieces:
    """What the parts of an answer are of."""

    has_rows: bool
    versions: set[str | None] | None = None
    is_stored: bool = True

    def add(self, data_version: str | None, *, is_stored: bool) -> None:
        self.versions = (self.versions or set()) | {data_version}
        self.is_stored = self.is_stored and is_stored

    @property
    def data_version(self) -> str | None:
        if self.has_rows or self.versions is None or len(self.versions) != 1:
            return None
        return next(iter(self.versions))


@again_after_conflict
async def _fetch(
    database: Database, statement: bytes, estimates: Sequence[Estimate], parameters: dict[str, Any]
) -> tuple[Any, ...]:
    """The row of the statement. Never prepared: its plan depends on what is looked for."""
    async with database.connection() as connection:
        since = perf_counter()
        try:
            for estimate in estimates:
                found = await connection.execute(estimate.statement, parameters, prepare=False)
                parameters[estimate.name] = rows_expected(await found.fetchone())
            row = await (await connection.execute(statement, parameters, prepare=False)).fetchone()
        except psycopg.DataError as error:
            raise Refused(
                GraphQLError("PostgreSQL cannot compare a column with one of the values of a filter or a cursor.")
            ) from error
        timing.add_statement(perf_counter() - since)
    assert row is not None
    return row
