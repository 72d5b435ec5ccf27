"""Refuses documents that are too large, before anything is validated or computed. Costs are `plans.Cost`."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)

from logistics_api.graphql.names import LONGEST


@dataclass(frozen=True)
class DocumentLimits:
    """How large a document may be."""

    characters: int = 100_000
    tokens: int = 2_000
    depth: int = 12
    aliases: int = 30
    """Aliases of fields of one name."""
    fields: int = 2_000
    """Fields with those of fragments, each time that they are spread."""


LIMITS = DocumentLimits()


def check_aliases(document: DocumentNode, limits: DocumentLimits = LIMITS) -> None:
    """Checks what can be seen before the document is validated.

    Raises:
        GraphQLError: a field has too many aliases, or an alias is too long.
    """
    aliases: Counter[str] = Counter()
    for node in _all_fields(document):
        if node.alias is None:
            continue
        if len(node.alias.value) > LONGEST:
            raise GraphQLError(f"An alias may have at most {LONGEST} characters; shorten it.", node)
        aliases[node.name.value] += 1
        if aliases[node.name.value] > limits.aliases:
            raise GraphQLError(
                f"The document has more than {limits.aliases} aliases of {node.name.value}; send several requests.",
                node,
            )


def _all_fields(document: DocumentNode) -> Iterator[FieldNode]:
    waiting = [each.selection_set for each in document.definitions if hasattr(each, "selection_set")]
    while waiting:
        selections = waiting.pop()
        for node in selections.selections if selections is not None else ():
            if isinstance(node, FieldNode):
                yield node
            if isinstance(node, FieldNode | InlineFragmentNode):
                waiting.append(node.selection_set)


def check_size(document: DocumentNode, limits: DocumentLimits = LIMITS) -> None:
    """Checks depth and number of fields of a valid document: no fragment leads back to itself.

    Raises:
        GraphQLError: it is nested too deeply, or has too many fields.
    """
    sizes = _Sizes({each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)})
    for definition in document.definitions:
        if not isinstance(definition, OperationDefinitionNode):
            continue
        depth, fields = sizes.of(definition.selection_set)
        if depth > limits.depth:
            raise GraphQLError(f"The document is {depth} levels deep; at most {limits.depth} are answered.", definition)
        if fields > limits.fields:
            raise GraphQLError(
                f"The document asks for {fields:,} fields, those of fragments included; at most {limits.fields:,} are "
                "answered.",
                definition,
            )


class _Sizes:
    """Depths and numbers of fields; those of a fragment are computed once."""

    def __init__(self, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self._fragments = fragments
        self._known: dict[str, tuple[int, int]] = {}

    def of(self, selections: SelectionSetNode | None) -> tuple[int, int]:
        deepest, fields = 0, 0
        for node in selections.selections if selections is not None else ():
            depth, below = self._of_node(node)
            deepest, fields = max(deepest, depth), fields + below
        return deepest, fields

    def _of_node(self, node: object) -> tuple[int, int]:
        if isinstance(node, FragmentSpreadNode):
            name = node.name.value
            if name not in self._known:
                self._known[name] = self.of(self._fragments[name].selection_set)
            return self._known[name]
        if isinstance(node, InlineFragmentNode):
            return self.of(node.selection_set)
        assert isinstance(node, FieldNode)
        depth, below = self.of(node.selection_set)
        # Introspection nests deeply by itself, and graphql-core limits how often.
        return (1 if node.name.value in ("__schema", "__type") else depth + 1), below + 1
