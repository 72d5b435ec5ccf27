"""Turns an operation into a plan: one SQL statement with parameters, and what comes from elsewhere.

Selections are collected by graphql-core, so that fragments, aliases, `@skip` and `@include` mean what they mean to its
executor.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    get_named_type,
)
from graphql.execution.collect_fields import collect_fields, collect_sub_fields
from graphql.execution.values import get_argument_values
from psycopg import sql

from logistics_api.graphql.meanings import (
    Column,
    Connection,
    MasterKey,
    Part,
    Referred,
    RowByKey,
    SourceColumn,
    SourceOfRow,
    meaning_of,
)
from logistics_api.graphql.plans import AsOfAsked, Binder, Binding, Cost, Estimate, RowsAsked
from logistics_api.graphql.rows import Page, Row, json_object, one_row
from logistics_api.graphql.scalars import value_for_column
from logistics_api.graphql.schema import AS_OF_ARGUMENT, MOST_ROWS, USUAL_ROWS
from logistics_api.graphql.variables import Variables
from logistics_api.row_access.permitted import PermittedRows, refuse_as_of
from logistics_api.rows.tables import Table

TYPE_NAME = "__typename"

COST_OF_COUNTING = 100
"""Rows that counting costs as much as: it reads up to some ten thousand, and sends one number."""


@dataclass(frozen=True)
class RootField:
    """A field of the root that the statement does not answer: introspection, metrics, or a document of REST."""

    field: GraphQLField
    name: str
    nodes: tuple[FieldNode, ...]


@dataclass
class Plan:
    """An operation, ready to be carried out with any variables of the same form."""

    statement: bytes | None = None
    """Returns one row with a JSON text per key of `from_statement`; None if nothing comes from it."""
    binders: list[Binder] = field(default_factory=list)
    estimates: list[Estimate] = field(default_factory=list)
    """What PostgreSQL is asked first; each is one more parameter of the statement."""
    as_of: list[AsOfAsked] = field(default_factory=list)
    """The files as of which something is asked; the number of each is one more parameter."""
    keys: list[str] = field(default_factory=list)
    """The keys of the answer in their order."""
    from_statement: list[str] = field(default_factory=list)
    constants: dict[str, str] = field(default_factory=dict)
    """JSON texts that are always the same."""
    elsewhere: dict[str, RootField] = field(default_factory=dict)
    cost: Cost = field(default_factory=Cost)

    def parameters(self, variables: Variables) -> dict[str, Any]:
        """The parameters of the statement.

        Raises:
            GraphQLError: a value is none that its field can have.
            Problem: 404, a cursor belongs to another question.
        """
        found: dict[str, Any] = {}
        for bind in self.binders:
            found |= bind(variables)
        return found


@dataclass(frozen=True)
class Selection:
    """Collects fields as graphql-core's executor does."""

    schema: GraphQLSchema
    fragments: Mapping[str, FragmentDefinitionNode]
    variables: Variables

    def of_operation(self, operation: OperationDefinitionNode, root: GraphQLObjectType) -> dict[str, list[FieldNode]]:
        """The fields of an operation by their keys."""
        return collect_fields(self.schema, dict(self.fragments), dict(self.variables), root, operation.selection_set)

    def of_fields(self, type_: GraphQLObjectType, nodes: Sequence[FieldNode]) -> dict[str, list[FieldNode]]:
        """The fields of a type below those."""
        return collect_sub_fields(self.schema, dict(self.fragments), dict(self.variables), type_, list(nodes))

    def arguments(self, definition: GraphQLField, node: FieldNode) -> dict[str, Any]:
        """The arguments of a field, with those that it has anyway.

        Raises:
            GraphQLError: a value does not fit.
        """
        return get_argument_values(definition, node, dict(self.variables))


def compile_operation(
    schema: GraphQLSchema,
    operation: OperationDefinitionNode,
    fragments: Mapping[str, FragmentDefinitionNode],
    variables: Variables,
    permitted: PermittedRows | None = None,
) -> Plan:
    """The plan of an operation. `variables` has places instead of values (`FormOfVariables.places`).

    `permitted`: the rows that may be seen; None: all.

    Raises:
        GraphQLError: an argument has a value that it cannot have.
        Problem: 403, it reads rows that may not be seen.
    """
    return _Compiler(Selection(schema, fragments, variables), permitted).plan(operation)


class _Compiler:
    def __init__(self, selection: Selection, permitted: PermittedRows | None) -> None:
        self._selection, self._permitted = selection, permitted
        self._binding = Binding()
        self._plan = Plan(binders=self._binding.binders, estimates=self._binding.estimates, as_of=self._binding.as_of)
        self._rows = 0
        self._as_of: AsOfAsked | None = None
        """Of the field of the root that is being written: all below it is as of the same file."""

    def plan(self, operation: OperationDefinitionNode) -> Plan:
        root = self._selection.schema.get_root_type(operation.operation)
        assert root is not None
        columns = []
        for key, nodes in self._selection.of_operation(operation, root).items():
            expression = self._root_field(key, root, nodes)
            self._plan.keys.append(key)
            if expression is not None:
                self._plan.from_statement.append(key)
                columns.append(sql.SQL("({})::text").format(expression))
        if columns:
            self._plan.statement = sql.SQL("SELECT {}").format(sql.SQL(", ").join(columns)).as_bytes(None)
        return self._plan

    def _root_field(self, key: str, root: GraphQLObjectType, nodes: list[FieldNode]) -> sql.Composable | None:
        name = nodes[0].name.value
        if name == TYPE_NAME:
            self._plan.constants[key] = f'"{root.name}"'
            return None
        definition = root.fields.get(name)
        self._as_of = self._asked_as_of(definition, nodes)
        match definition and meaning_of(definition):
            case Connection() as meaning:
                return self._page(meaning, definition, nodes, ())
            case RowByKey() as meaning:
                return self._row_by_key(meaning, definition, nodes)
        self._plan.elsewhere[key] = RootField(definition, name, tuple(nodes))
        return None

    def _asked_as_of(self, definition: GraphQLField | None, nodes: list[FieldNode]) -> AsOfAsked | None:
        if definition is None or not isinstance(meaning_of(definition), Connection | RowByKey):
            return None
        text = self._selection.arguments(definition, nodes[0]).get(AS_OF_ARGUMENT)
        refuse_as_of(self._permitted, text)
        return None if text is None else self._binding.as_of_file(text)

    def _row_by_key(self, meaning: RowByKey, definition: Any, nodes: list[FieldNode]) -> sql.Composable:
        given = self._selection.arguments(definition, nodes[0])
        row = self._new_row(meaning.table)
        identified = []
        for argument, column in meaning.arguments.items():
            kind = meaning.table.columns[column]
            value = self._binding.value(given[argument], partial(value_for_column, kind=kind))
            identified.append(sql.SQL("{} = {}").format(sql.Identifier(row.alias, column), value))
        return one_row(row, self._row(row, definition.type, nodes, ()), identified)

    def _new_row(self, table: Table) -> Row:
        self._rows += 1
        return Row(table.for_rows(self._permitted), f"Row{self._rows}", self._as_of)

    # -- rows ------------------------------------------------------------------------------------------------------

    def _row(self, row: Row, type_: Any, nodes: Sequence[FieldNode], pages: tuple[RowsAsked, ...]) -> sql.Composable:
        """A row as JSON. `pages`: the pages that it is within, one within the other."""
        object_type = get_named_type(type_)
        fields = self._selection.of_fields(object_type, nodes)
        self._plan.cost.add(pages, len(fields))
        return json_object({key: self._field_of_row(row, object_type, found, pages) for key, found in fields.items()})

    def _field_of_row(
        self, row: Row, type_: GraphQLObjectType, nodes: list[FieldNode], pages: tuple[RowsAsked, ...]
    ) -> sql.Composable:
        name = nodes[0].name.value
        if name == TYPE_NAME:
            return sql.Literal(type_.name)
        definition = type_.fields[name]
        match meaning_of(definition):
            case Column(_, column):
                return row.shown(column)
            case MasterKey(external):
                if self._permitted is not None:
                    self._permitted.require(external.entity)
                return row.master_key(external)
            case SourceOfRow():
                return self._source(row, get_named_type(definition.type), nodes, pages)
            case Referred() as meaning:
                return self._referred(row, meaning, definition, nodes, pages)
            case Connection() as meaning:
                return self._page(meaning, definition, nodes, pages, row)
        raise AssertionError(name)

    def _source(self, row: Row, type_: Any, nodes: list[FieldNode], pages: tuple[RowsAsked, ...]) -> sql.Composable:
        columns: dict[str, sql.Composable] = {}
        fields = self._selection.of_fields(type_, nodes)
        self._plan.cost.add(pages, len(fields))
        for key, found in fields.items():
            name = found[0].name.value
            meaning = None if name == TYPE_NAME else meaning_of(type_.fields[name])
            columns[key] = row.source(meaning.name) if isinstance(meaning, SourceColumn) else sql.Literal(type_.name)
        return json_object(columns)

    def _referred(
        self, row: Row, meaning: Referred, definition: Any, nodes: list[FieldNode], pages: tuple[RowsAsked, ...]
    ) -> sql.Composable:
        other = self._new_row(meaning.table)
        identified = [
            sql.SQL("{} = {}").format(sql.Identifier(other.alias, far), sql.Identifier(row.alias, near))
            for far, near in meaning.pairs
        ]
        if meaning.system is not None:
            ((key, field),) = meaning.pairs
            linked = row.linked_key(field, meaning.table.dataset.name, meaning.system)
            identified = [sql.SQL("{}::text = {}").format(sql.Identifier(other.alias, key), linked)]
        return one_row(other, self._row(other, definition.type, nodes, pages), identified)

    # -- pages -----------------------------------------------------------------------------------------------------

    def _page(
        self,
        meaning: Connection,
        definition: Any,
        nodes: list[FieldNode],
        pages: tuple[RowsAsked, ...],
        parent: Row | None = None,
    ) -> sql.Composable:
        given = self._selection.arguments(definition, nodes[0])
        first = given.get("first")
        size = RowsAsked(USUAL_ROWS if first is None else first, MOST_ROWS)
        self._rows += 1
        table = meaning.table.for_rows(self._permitted)
        page = Page(meaning, table, self._rows, given, size, self._binding, parent, self._as_of)
        return page.statement(self._connection(page, get_named_type(definition.type), nodes, (*pages, size)))

    def _connection(
        self, page: Page, type_: GraphQLObjectType, nodes: list[FieldNode], pages: tuple[RowsAsked, ...]
    ) -> sql.Composable:
        columns: dict[str, sql.Composable] = {}
        self._plan.cost.add(pages, 0)
        for key, found in self._selection.of_fields(type_, nodes).items():
            name = found[0].name.value
            definition = type_.fields.get(name)
            match definition and meaning_of(definition):
                case None:
                    columns[key] = sql.Literal(type_.name)
                case Part.NODES:
                    columns[key] = page.rows(self._row(page.row, definition.type, found, pages))
                case Part.EDGES:
                    columns[key] = page.rows(self._edge(page, get_named_type(definition.type), found, pages))
                case Part.TOTAL:
                    columns[key] = self._total(page, definition, found, pages[:-1])
                case _:
                    columns[key] = self._page_info(page, get_named_type(definition.type), found)
        return json_object(columns)

    def _total(
        self, page: Page, definition: Any, nodes: list[FieldNode], pages: tuple[RowsAsked, ...]
    ) -> sql.Composable:
        # PostgreSQL's estimates come from all rows.
        is_capped = self._permitted is not None or self._selection.arguments(definition, nodes[0])["count"] == "capped"
        type_ = get_named_type(definition.type)
        fields = self._selection.of_fields(type_, nodes)
        self._plan.cost.add(pages, len(fields), COST_OF_COUNTING)
        total = page.total(is_capped=is_capped)
        columns: dict[str, sql.Composable] = {}
        for key, found in fields.items():
            name = found[0].name.value
            part = None if name == TYPE_NAME else meaning_of(type_.fields[name])
            columns[key] = total.parts[part] if isinstance(part, Part) else sql.Literal(type_.name)
        return total.shown(json_object(columns))

    def _edge(self, page: Page, type_: Any, nodes: list[FieldNode], pages: tuple[RowsAsked, ...]) -> sql.Composable:
        columns: dict[str, sql.Composable] = {}
        fields = self._selection.of_fields(type_, nodes)
        self._plan.cost.add(pages, len(fields))
        for key, found in fields.items():
            name = found[0].name.value
            if name == TYPE_NAME:
                columns[key] = sql.Literal(type_.name)
            elif meaning_of(type_.fields[name]) is Part.CURSOR:
                columns[key] = page.cursor()
            else:
                columns[key] = self._row(page.row, type_.fields[name].type, found, pages)
        return json_object(columns)

    def _page_info(self, page: Page, type_: Any, nodes: list[FieldNode]) -> sql.Composable:
        parts = {
            Part.HAS_NEXT_PAGE: page.has_next,
            Part.HAS_PREVIOUS_PAGE: page.has_previous,
            Part.START_CURSOR: page.cursor_of_first,
            Part.END_CURSOR: page.cursor_of_last,
        }
        columns: dict[str, sql.Composable] = {}
        for key, found in self._selection.of_fields(type_, nodes).items():
            name = found[0].name.value
            if name == TYPE_NAME:
                columns[key] = sql.Literal(type_.name)
            else:
                part = meaning_of(type_.fields[name])
                assert isinstance(part, Part)
                columns[key] = parts[part]()
        return json_object(columns)
