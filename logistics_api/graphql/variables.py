"""Values of variables: a plan holds their places instead, so that one statement serves all values of the same form.

The form is what the text of a statement may depend on: which fields a filter has, how long a list is, values of
enumerations, true and false, and what is null. Numbers and texts are parameters.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    VariableDefinitionNode,
    type_from_ast,
)

Variables = Mapping[str, Any]


@dataclass(frozen=True)
class Late:
    """The place of a value that is known when the plan is carried out."""

    path: tuple[str | int, ...]

    def value(self, variables: Variables) -> Any:
        found: Any = variables
        for step in self.path:
            found = found[step]
        return found


@dataclass(frozen=True)
class FormOfVariables:
    """The variables of an operation with their types."""

    types: tuple[tuple[str, Any], ...]

    def places(self, values: Variables) -> dict[str, Any]:
        """The variables with places for what may differ between requests of the same form."""
        return {name: _places(values[name], type_, (name,)) for name, type_ in self.types if name in values}

    def form(self, values: Variables) -> tuple[Any, ...]:
        """Equal for values that one plan serves."""
        return tuple((name, _form(values[name], type_)) for name, type_ in self.types if name in values)


def form_of_variables(schema: GraphQLSchema, definitions: tuple[VariableDefinitionNode, ...]) -> FormOfVariables:
    """What the variables of an operation look like."""
    return FormOfVariables(tuple((each.variable.name.value, type_from_ast(schema, each.type)) for each in definitions))


def _places(value: Any, type_: Any, path: tuple[str | int, ...]) -> Any:
    type_ = _nullable(type_)
    if value is None:
        return None
    if isinstance(type_, GraphQLList):
        return [_places(each, type_.of_type, (*path, number)) for number, each in enumerate(value)]
    if isinstance(type_, GraphQLInputObjectType):
        return {name: _places(value[name], each, (*path, name)) for name, each in _fields(type_, value)}
    return value if _is_form(type_) else Late(path)


def _form(value: Any, type_: Any) -> Any:
    type_ = _nullable(type_)
    if value is None:
        return None
    if isinstance(type_, GraphQLList):
        return tuple(_form(each, type_.of_type) for each in value)
    if isinstance(type_, GraphQLInputObjectType):
        return tuple((name, _form(value[name], each)) for name, each in _fields(type_, value))
    return (type_.name, value) if _is_form(type_) else type_.name


def _is_form(type_: Any) -> bool:
    return isinstance(type_, GraphQLEnumType) or type_ is GraphQLBoolean


def _nullable(type_: Any) -> Any:
    return type_.of_type if isinstance(type_, GraphQLNonNull) else type_


def _fields(type_: GraphQLInputObjectType, value: Mapping[str, Any]) -> list[tuple[str, Any]]:
    named = ((field.out_name or name, field.type) for name, field in type_.fields.items())
    return [(name, each) for name, each in named if name in value]


def resolved(value: Any, variables: Variables) -> Any:
    """A value in which every place has been filled."""
    if isinstance(value, Late):
        return value.value(variables)
    if isinstance(value, list):
        return [resolved(each, variables) for each in value]
    if isinstance(value, dict):
        return {name: resolved(each, variables) for name, each in value.items()}
    return value
