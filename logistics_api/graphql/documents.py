"""Documents: parsed and validated once, with the plans of their operations. Bounded by the length of their texts."""

from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from cachetools import LRUCache
from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    OperationType,
    parse,
    specified_rules,
    validate,
)
from graphql.execution.values import get_variable_values

from logistics_api.graphql.compiling import Plan, compile_operation
from logistics_api.graphql.limits import LIMITS, DocumentLimits, check_aliases, check_size
from logistics_api.graphql.variables import FormOfVariables, Variables, form_of_variables
from logistics_api.row_access.permitted import PermittedRows

MOST_CHARACTERS = 400_000
"""Of all documents that are kept: their trees take some hundred times as much memory."""
PLANS_KEPT = 32
"""Plans of an operation: one per form of its variables, and per caller that may see some rows only."""
MOST_ERRORS = 20


class Refused(Exception):
    """A request that is not carried out; `errors` say why."""

    def __init__(self, *errors: GraphQLError) -> None:
        super().__init__(str(errors[0]))
        self.errors = errors


@dataclass(eq=False)
class Operation:
    """An operation of a valid document."""

    schema: GraphQLSchema
    document: DocumentNode
    characters: int
    """Length of the document's text."""
    node: OperationDefinitionNode
    fragments: dict[str, FragmentDefinitionNode]
    form: FormOfVariables
    introspection: dict[str, str] = field(default_factory=dict)
    """Answers about the schema, by their keys."""
    _plans: LRUCache[Any, Plan] = field(default_factory=lambda: LRUCache(PLANS_KEPT))

    @property
    def type(self) -> OperationType:
        return self.node.operation

    def variables(self, given: Any) -> Variables:
        """The variables as the types of the operation have them.

        Raises:
            Refused: a value is missing or does not fit.
        """
        if not self.node.variable_definitions:
            return {}
        found = get_variable_values(self.schema, self.node.variable_definitions, given, MOST_ERRORS)
        if isinstance(found, list):
            raise Refused(*found)
        return found

    def plan(self, variables: Variables, permitted: PermittedRows | None) -> Plan:
        """The plan for variables of this form and the rows that may be seen, made once.

        Raises:
            Refused: an argument has a value that it cannot have.
            Problem: 403, it reads rows that may not be seen.
        """
        form = self.form.form(variables)
        key = form if permitted is None else (form, permitted)
        plan = self._plans.get(key)
        if plan is None:
            try:
                plan = compile_operation(self.schema, self.node, self.fragments, self.form.places(variables), permitted)
            except GraphQLError as error:
                raise Refused(error) from error
            self._plans[key] = plan
        return plan


class Documents:
    """The documents of one schema: with another one, there are others."""

    def __init__(self, schema: GraphQLSchema, limits: DocumentLimits = LIMITS) -> None:
        self._schema, self._limits = schema, limits
        self._known: LRUCache[tuple[str, bool], dict[str | None, Operation]] = LRUCache(
            MOST_CHARACTERS, getsizeof=lambda operations: next(iter(operations.values())).characters + 1_000
        )

    def operation(
        self, text: str, name: str | None, *, introspection: bool = True, suggestions: bool = True
    ) -> Operation:
        """The operation of a document that is to be carried out.

        Raises:
            Refused: the document is too large or invalid, or it does not say which operation is meant.
        """
        operations = self._known.get((text, introspection))
        if operations is None:
            operations = self._prepare(text, introspection=introspection, suggestions=suggestions)
            if len(text) <= MOST_CHARACTERS // 8:
                self._known[text, introspection] = operations
        if name is None and len(operations) > 1:
            raise Refused(GraphQLError("The document has several operations: say which one with operationName."))
        found = next(iter(operations.values())) if name is None else operations.get(name)
        if found is None:
            raise Refused(GraphQLError(f"The document has no operation {name!r}."))
        return found

    def _prepare(self, text: str, *, introspection: bool, suggestions: bool) -> dict[str | None, Operation]:
        document = self._parse(text)
        rules = specified_rules if introspection else (*specified_rules, NoSchemaIntrospectionCustomRule)
        errors = validate(self._schema, document, rules, max_errors=MOST_ERRORS, hide_suggestions=not suggestions)
        if errors:
            raise Refused(*errors)
        self._check(document)
        fragments = {each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)}
        nodes = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
        if not nodes:
            raise Refused(GraphQLError("The document has no operation."))
        return {
            node.name.value if node.name else None: Operation(
                self._schema,
                document,
                len(text),
                node,
                fragments,
                form_of_variables(self._schema, tuple(node.variable_definitions)),
            )
            for node in nodes
        }

    def _parse(self, text: str) -> DocumentNode:
        limits = self._limits
        if len(text) > limits.characters:
            raise Refused(GraphQLError(f"The document has more than {limits.characters:,} characters."))
        try:
            document = parse(text, max_tokens=limits.tokens)
            check_aliases(document, limits)
        except GraphQLSyntaxError as error:
            raise Refused(error) from error
        except GraphQLError as error:
            raise Refused(error) from error
        except RecursionError as error:
            raise Refused(GraphQLError("The document is nested too deeply.")) from error
        return document

    def _check(self, document: DocumentNode) -> None:
        try:
            check_size(document, self._limits)
        except GraphQLError as error:
            raise Refused(error) from error


MOST_PERSISTED = 4 << 20
"""Characters of the documents that are known by their hashes."""


class PersistedDocuments:
    """Documents by the SHA-256 of their text, whatever the schema: a request names one instead of sending it."""

    def __init__(self) -> None:
        self._texts: LRUCache[str, str] = LRUCache(MOST_PERSISTED, getsizeof=lambda text: len(text) + 100)

    def find(self, digest: str) -> str | None:
        """The document of that hash, in hexadecimal digits."""
        found: str | None = self._texts.get(digest.lower())
        return found

    def keep(self, text: str, digest: str) -> None:
        """Keeps a document that was sent with its hash.

        Raises:
            Refused: it is another one's.
        """
        if sha256(text.encode("utf-8", "surrogatepass")).hexdigest() != digest.lower():
            raise Refused(GraphQLError("The document does not have the SHA-256 that was sent with it."))
        if len(text) <= LIMITS.characters:
            self._texts[digest.lower()] = text
