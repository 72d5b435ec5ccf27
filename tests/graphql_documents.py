"""Random documents for any schema that `logistics_api.graphql` makes: valid ones, with everything that documents can
have - aliases, fragments, directives, variables and lists of filters."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_leaf_type,
)

from logistics_api.graphql.meanings import LOGIC, RELATION, Connection, Part, RowByKey, meaning_of
from logistics_api.rows.tables import Table
from logistics_core.metrics.paths import relations_of

Values = Callable[[Random, str | None, str], Any]
"""Draws a value for a column of a dataset, or for an argument, of a scalar."""


@dataclass
class Documents:
    """Draws documents. `cursor_of` makes a cursor of a dataset, for pages without a filter."""

    schema: GraphQLSchema
    values: Callable[[Random, Any, str], Any]
    cursor_of: Callable[[Random, Any, str], str | None]
    random: Random
    variables: dict[str, Any] = field(default_factory=dict)
    _declared: list[str] = field(default_factory=list)
    _fragments: list[str] = field(default_factory=list)
    _names: int = 0
    _tables: dict[str, Table] = field(default_factory=dict)

    def draw(self) -> str:
        """One operation with its fragments; `variables` then has values for it."""
        query = self.schema.query_type
        assert query is not None
        meanings = [meaning_of(each) for each in query.fields.values()]
        self._tables = {each.table.name: each.table for each in meanings if isinstance(each, Connection)}
        roots = {
            name: each for name, each in query.fields.items() if isinstance(meaning_of(each), Connection | RowByKey)
        }
        body = self._selection(query, 4, roots)
        head = f"query Drawn({', '.join(self._declared)})" if self._declared else "query"
        return "\n".join([head + body, *self._fragments])

    def _selection(self, type_: GraphQLObjectType, depth: int, fields: Mapping[str, Any] | None = None) -> str:
        fields = dict(type_.fields if fields is None else fields)
        leaves = [name for name, each in fields.items() if is_leaf_type(get_named_type(each.type))]
        others = [name for name in fields if name not in leaves]
        parts = ["__typename"] if self.random.random() < 0.1 or (not leaves and depth <= 0) else []
        for name in self.random.sample(leaves, min(len(leaves), self.random.randint(1, 4))):
            parts.append(self._field(type_, name, depth))
        if depth > 0 and others:
            for name in self.random.sample(others, min(len(others), self.random.randint(1, 2))):
                parts.append(self._field(type_, name, depth))
        parts = parts or [self._field(type_, self.random.choice(leaves), depth)]
        self.random.shuffle(parts)
        return "{ " + " ".join(self._wrapped(type_, part) for part in parts) + " }"

    def _wrapped(self, type_: GraphQLObjectType, part: str) -> str:
        """The part as it is, or within a fragment."""
        chance = self.random.random()
        if chance < 0.08:
            return f"... on {type_.name}{self._directive()} {{ {part} }}"
        if chance < 0.14:
            name = self._name("Part")
            self._fragments.append(f"fragment {name} on {type_.name} {{ {part} }}")
            return f"...{name}{self._directive()}"
        return part

    def _directive(self) -> str:
        if self.random.random() < 0.5:
            return ""
        word, value = self.random.choice(["skip", "include"]), self.random.random() < 0.6
        given = self._variable("Boolean!", value) if self.random.random() < 0.5 else json.dumps(value)
        return f" @{word}(if: {given})"

    def _field(self, type_: GraphQLObjectType, name: str, depth: int) -> str:
        definition = type_.fields[name]
        needs_alias = bool(definition.args) or self.random.random() < 0.15
        alias = f"{self._name('a')}: " if needs_alias else ""
        arguments = self._arguments(definition)
        found = get_named_type(definition.type)
        below = "" if is_leaf_type(found) else f" {self._selection(found, depth - 1)}"
        return f"{alias}{name}{arguments}{self._directive() if self.random.random() < 0.1 else ''}{below}"

    def _name(self, beginning: str) -> str:
        self._names += 1
        return f"{beginning}{self._names}"

    # -- arguments ---------------------------------------------------------------------------------------------------

    def _arguments(self, definition: Any) -> str:
        meaning = meaning_of(definition)
        given: dict[str, str] = {}
        if isinstance(meaning, RowByKey):
            for name, argument in definition.args.items():
                if name == "asOf":  # what was known earlier has tests of its own
                    continue
                column = meaning.arguments[name]
                value = self.values(self.random, meaning.table, column)
                given[name] = self._given(argument.type, value)
        elif isinstance(meaning, Connection):
            given = self._page(meaning, definition)
        elif meaning is Part.TOTAL and self.random.random() < 0.6:
            given = {"count": self._given(definition.args["count"].type, self.random.choice(["ESTIMATED", "CAPPED"]))}
        return f"({', '.join(f'{name}: {text}' for name, text in given.items())})" if given else ""

    def _page(self, meaning: Connection, definition: Any) -> dict[str, str]:
        given, order = {"first": self._given(definition.args["first"].type, self.random.randint(1, 6))}, None
        if self.random.random() < 0.6:
            order = self.random.choice(list(definition.args["orderBy"].type.values))
            given["orderBy"] = self._given(definition.args["orderBy"].type, order)
        if self.random.random() < 0.5:
            type_ = definition.args["filter"].type
            given["filter"] = self._given(type_, self._filter(type_, meaning.table, 2))
        elif self.random.random() < 0.4:
            value = None if order is None else definition.args["orderBy"].type.values[order].value
            cursor = self.cursor_of(self.random, meaning.table, value or meaning.table.default_sort)
            if cursor is not None:
                given["after"] = self._given(definition.args["after"].type, cursor)
        return given

    def _filter(self, type_: GraphQLInputObjectType, table: Any, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        fields = list(type_.fields)
        for name in self.random.sample(fields, min(len(fields), self.random.randint(0 if depth < 2 else 1, 2))):
            column = type_.fields[name].out_name
            if column in (LOGIC["and"], LOGIC["or"]):
                if depth > 0:
                    found[name] = [self._filter(type_, table, depth - 1) for _ in range(self.random.randint(1, 2))]
            elif column == LOGIC["not"]:
                if depth > 0:
                    found[name] = self._filter(type_, table, depth - 1)
            elif column is not None and column.endswith(RELATION):
                if depth > 0:
                    other = relations_of(table.dataset)[column.removesuffix(RELATION)].dataset
                    below = get_named_type(type_.fields[name].type)
                    found[name] = self._filter(below, self._tables[other], depth - 1)
            else:
                found[name] = self._comparisons(get_named_type(type_.fields[name].type), table, column)
        return found

    def _comparisons(self, type_: Any, table: Any, column: Any) -> dict[str, Any]:
        names = self.random.sample(list(type_.fields), min(len(type_.fields), self.random.choice([1, 1, 1, 2])))
        return {name: self._operand(name, table, column) for name in names}

    def _operand(self, operator: str, table: Any, column: str) -> Any:
        def value() -> Any:
            return self.values(self.random, table, column)

        if operator == "isNull":
            return self.random.random() < 0.5
        if operator == "in":
            return [value() if self.random.random() < 0.9 else None for _ in range(self.random.randint(1, 3))]
        if operator in ("eq", "ne") and self.random.random() < 0.1:
            return None
        if operator == "startsWith":
            return str(value())[: self.random.randint(0, 3)] or "A"
        return value()

    # -- values ------------------------------------------------------------------------------------------------------

    def _given(self, type_: Any, value: Any) -> str:
        """The value as it stands in the document, or a variable."""
        return self._variable(str(type_), value) if self.random.random() < 0.4 else self._literal(type_, value)

    def _variable(self, type_: str, value: Any) -> str:
        name = self._name("v")
        self.variables[name] = value
        self._declared.append(f"${name}: {type_}")
        return f"${name}"

    def _literal(self, type_: Any, value: Any) -> str:
        if value is None:
            return "null"
        if self.random.random() < 0.1:
            return self._variable(str(type_), value)
        type_ = type_.of_type if isinstance(type_, GraphQLNonNull) else type_
        if isinstance(type_, GraphQLList):
            return f"[{', '.join(self._literal(type_.of_type, each) for each in value)}]"
        if isinstance(type_, GraphQLInputObjectType):
            members = (f"{name}: {self._literal(type_.fields[name].type, each)}" for name, each in value.items())
            return f"{{{', '.join(members)}}}"
        if isinstance(type_, GraphQLEnumType):
            return str(value)
        return json.dumps(value, ensure_ascii=False)
