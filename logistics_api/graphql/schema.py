"""Makes the schema of a catalogue: types, connections, keys and references of every dataset.

Only what identifies a row is declared as never null: a contract may make any other field optional tomorrow.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLEnumValue,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInt,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLString,
    specified_scalar_types,
)

from logistics_api.graphql.meanings import (
    KEY,
    LOGIC,
    RELATION,
    Column,
    Connection,
    MasterKey,
    Meaning,
    Part,
    Referred,
    RowByKey,
    SourceColumn,
    SourceOfRow,
)
from logistics_api.graphql.names import Names, camel, constant, pascal
from logistics_api.graphql.scalars import BIG_INT, OF_KIND
from logistics_api.rows.queries import CAP, SMALL
from logistics_api.rows.tables import SOURCE, Kind, Table, kind_of, table_of
from logistics_core.catalogue import Catalogue, Dataset, Field
from logistics_core.catalogue.model import Reference, master_key_field
from logistics_core.metrics.paths import relations_of

MOST_ROWS = 1_000
"""Rows of one page."""
USUAL_ROWS = 100
AS_OF_ARGUMENT = "asOf"
"""Of fields of the root: what was known earlier."""
_AS_OF = GraphQLArgument(
    GraphQLString,
    description="What was known earlier, of everything below: a file by its number or path, a day, or a moment",
)

_OWN_TYPES = ("Query", "Mutation", "Subscription", "PageInfo", "RecordSource", "Total", "TotalKind", "Counting")

Fields = dict[str, GraphQLField]
OfDataset = Callable[[Dataset, Names, GraphQLInputObjectType], Fields]
"""Makes fields of the root for a dataset: of the names of types that are taken, and the type of its filters."""


@dataclass(frozen=True)
class Root:
    """Fields of the root that do not follow from rows."""

    queries: Mapping[str, GraphQLField]
    mutations: Mapping[str, GraphQLField]
    subscriptions: Mapping[str, GraphQLField]
    types: tuple[GraphQLNamedType, ...] = ()
    """Other types whose names no type of a dataset can have."""


NO_ROOT = Root({}, {}, {})


def make_schema(
    catalogue: Catalogue,
    root: Root = NO_ROOT,
    of_dataset: OfDataset | None = None,
) -> GraphQLSchema:
    """The schema of a catalogue. `root` adds fields that are there whatever the catalogue, `of_dataset` others."""
    return _SchemaMaker(catalogue, root, of_dataset).schema()


def field_of(
    type_: Any, meaning: Meaning | None, description: str | None = None, args: dict[str, GraphQLArgument] | None = None
) -> GraphQLField:
    """A field that stands for something."""
    return GraphQLField(type_, args, description=description, extensions={KEY: meaning} if meaning else None)


def _required(type_: Any) -> Any:
    return GraphQLNonNull(type_)


PAGE_INFO = GraphQLObjectType(
    "PageInfo",
    {
        "hasNextPage": field_of(
            _required(GraphQLBoolean), Part.HAS_NEXT_PAGE, "Whether there are rows behind the page"
        ),
        "hasPreviousPage": field_of(
            _required(GraphQLBoolean), Part.HAS_PREVIOUS_PAGE, "Whether the page was asked for with `after`"
        ),
        "startCursor": field_of(GraphQLString, Part.START_CURSOR, "The cursor of the first row of the page"),
        "endCursor": field_of(
            GraphQLString, Part.END_CURSOR, "The cursor of the last row: `after` of the next page, with the same filter"
        ),
    },
    description="Where a page lies among all rows",
)

TOTAL_KIND = GraphQLEnumType(
    "TotalKind",
    {
        "EXACT": GraphQLEnumValue("exact"),
        "AT_LEAST": GraphQLEnumValue("at_least", description="This number or more"),
        "ESTIMATED": GraphQLEnumValue("estimated", description="What PostgreSQL expects"),
    },
    description="How exact a number of rows is",
)
TOTAL = GraphQLObjectType(
    "Total",
    {
        "rows": field_of(_required(BIG_INT), Part.TOTAL_ROWS, "Number of rows"),
        "kind": field_of(_required(TOTAL_KIND), Part.TOTAL_KIND, "How exact it is"),
    },
    description="Number of rows on all pages",
)
COUNTING = GraphQLEnumType(
    "Counting",
    {
        "ESTIMATED": GraphQLEnumValue(
            "estimated",
            description=f"PostgreSQL's estimate, nearly free, or exact for tables of up to {SMALL:,} rows. Of rows "
            "within another row: as CAPPED",
        ),
        "CAPPED": GraphQLEnumValue("capped", description=f"Counted, up to {CAP:,}"),
    },
    description="How rows are counted",
)

SOURCE_TYPE = GraphQLObjectType(
    "RecordSource",
    {
        camel(name): field_of(OF_KIND[kind], SourceColumn(name), description)
        for (name, kind), description in zip(
            SOURCE.items(),
            (
                "Path of the file below the raw folder",
                "Version of the content under this path, from 1",
                "Number of the file in the ledger",
                "Number of the record in that file, from 1",
            ),
            strict=True,
        )
    },
    description="The file and the record that a row came from",
)


def _filter_of(kind: Kind) -> GraphQLInputObjectType:
    """The comparisons of a kind of column."""
    scalar = OF_KIND[kind]
    one, many = GraphQLInputField(scalar), GraphQLInputField(GraphQLList(scalar))
    found: dict[str, GraphQLInputField] = {}
    if kind not in ("object", "array"):
        found = {"eq": one, "ne": one, "in": many}
        if kind != "boolean":
            found |= dict.fromkeys(("lt", "lte", "gt", "gte"), one)
    if kind == "string":
        found["startsWith"] = one
    found["isNull"] = GraphQLInputField(GraphQLBoolean)
    return GraphQLInputObjectType(
        f"{scalar.name}Filter",
        found,
        description="Comparisons that must all hold. `ne` keeps rows without a value; `eq: null` finds them.",
    )


_FILTERS: dict[str, GraphQLInputObjectType] = {}
for _kind in OF_KIND:
    _FILTERS.setdefault(OF_KIND[_kind].name, _filter_of(_kind))


class _OfDataset:
    """The types of one dataset."""

    def __init__(self, dataset: Dataset, types: Names, filters: Mapping[str, GraphQLInputObjectType]) -> None:
        """`filters`: those of all datasets, when they are needed."""
        self.dataset, self.table, self._filters = dataset, table_of(dataset), filters
        many = pascal(dataset.name)
        self.row_name = types.claim(pascal(dataset.singular), f"{pascal(dataset.singular)}Record")
        self.connection_name = types.claim(f"{many}Connection")
        self.edge_name = types.claim(f"{many}Edge")
        self.fields = Names()
        self.columns = {
            field.name: self.fields.claim(camel(field.name), f"{camel(field.name)}Field") for field in self.table.fields
        }
        self.order = self._order(types.claim(f"{many}Order"))
        self.filter = self._filter(types.claim(f"{many}Filter"))

    def _order(self, name: str) -> GraphQLEnumType:
        names, values = Names(), {}
        for order, columns in self.table.orders.items():
            for sign, suffix, word in (("", "ASC", "ascending"), ("-", "DESC", "descending")):
                listed = ", then ".join(self.columns.get(column, camel(column)) for column in columns)
                described = f"By {listed}, {word}; rows without the value are last"
                value = GraphQLEnumValue(f"{sign}{order}", description=described)
                values[names.claim(f"{constant(order)}_{suffix}")] = value
        return GraphQLEnumType(name, values, description=f"Orders of {self.dataset.name}")

    def _filter(self, name: str) -> GraphQLInputObjectType:
        names = Names(LOGIC)

        def fields() -> dict[str, GraphQLInputField]:
            own = {
                names.claim(self.columns[field.name], f"{self.columns[field.name]}Field"): GraphQLInputField(
                    _FILTERS[OF_KIND[kind_of(field)].name], description=field.title_with_unit, out_name=field.name
                )
                for field in self.table.fields
            }
            referred = {
                names.claim(camel(relation), f"{camel(relation)}Record"): GraphQLInputField(
                    self._filters[reference.dataset],
                    description=f"What the record of {reference.dataset} is; it has no values until it arrives",
                    out_name=f"{relation}{RELATION}",
                )
                for relation, reference in relations_of(self.dataset).items()
            }
            keys = {
                names.claim(f"{camel(each.name)}Key", f"{camel(each.name)}MasterKey"): GraphQLInputField(
                    _FILTERS[OF_KIND["string"].name],
                    description=master_key_field(each).description,
                    out_name=each.name,
                )
                for each in self.dataset.external_ids
            }
            several = GraphQLList(GraphQLNonNull(made))
            return (
                own
                | referred
                | keys
                | {
                    "and": GraphQLInputField(several, description="All of these hold", out_name=LOGIC["and"]),
                    "or": GraphQLInputField(several, description="One of these holds", out_name=LOGIC["or"]),
                    "not": GraphQLInputField(made, description="This does not hold", out_name=LOGIC["not"]),
                }
            )

        made = GraphQLInputObjectType(
            name, fields, description=f"Which {self.dataset.name} are wanted: all that is given must hold"
        )
        return made

    @property
    def page_arguments(self) -> dict[str, GraphQLArgument]:
        default = next(name for name, value in self.order.values.items() if value.value == self.table.default_sort)
        return {
            "filter": GraphQLArgument(self.filter, description="Which rows are wanted; all, if left out"),
            "orderBy": GraphQLArgument(self.order, self.table.default_sort, description=f"Usually {default}"),
            "first": GraphQLArgument(GraphQLInt, USUAL_ROWS, description=f"Rows of the page, 1 to {MOST_ROWS}"),
            "after": GraphQLArgument(GraphQLString, description="`endCursor` of the page before"),
        }


class _SchemaMaker:
    def __init__(self, catalogue: Catalogue, root: Root, of_dataset: OfDataset | None) -> None:
        self._catalogue, self._root, self._of_dataset = catalogue, root, of_dataset
        self._types = Names(
            [*_OWN_TYPES, *specified_scalar_types, *_FILTERS, *(each.name for each in _FILTERS.values())]
        )
        for field in (*root.queries.values(), *root.mutations.values(), *root.subscriptions.values()):
            for name in _type_names(field.type):
                self._types.claim(name)
        filters: dict[str, GraphQLInputObjectType] = {}
        self._made = {name: _OfDataset(dataset, self._types, filters) for name, dataset in catalogue.items()}
        filters |= {name: made.filter for name, made in self._made.items()}
        self._rows = {name: self._row_type(made) for name, made in self._made.items()}
        self._connections = {name: self._connection_type(made) for name, made in self._made.items()}

    def schema(self) -> GraphQLSchema:
        root = self._root
        return GraphQLSchema(
            GraphQLObjectType("Query", dict(self._queries())),
            GraphQLObjectType("Mutation", dict(root.mutations)) if root.mutations else None,
            GraphQLObjectType("Subscription", dict(root.subscriptions)) if root.subscriptions else None,
        )

    def _queries(self) -> Iterator[tuple[str, GraphQLField]]:
        names = Names(self._root.queries)
        yield from self._root.queries.items()
        for name, made in self._made.items():
            dataset = made.dataset
            many = camel(name)
            page = self._page(made, (), f"{dataset.title}, page by page")
            page.args = {**page.args, AS_OF_ARGUMENT: _AS_OF}
            yield names.claim(many, f"{many}Rows"), page
            yield names.claim(camel(dataset.singular), f"{camel(dataset.singular)}Row"), self._row_by_key(made)
            if self._of_dataset is not None:
                for wanted, field in self._of_dataset(dataset, self._types, made.filter).items():
                    yield names.claim(wanted), field

    def _page(
        self, made: _OfDataset, pairs: tuple[tuple[str, str], ...], description: str, system: str | None = None
    ) -> GraphQLField:
        type_ = _required(self._connections[made.dataset.name])
        return field_of(type_, Connection(made.table, self._catalogue, pairs, system), description, made.page_arguments)

    def _row_by_key(self, made: _OfDataset) -> GraphQLField:
        names, arguments, columns = Names([AS_OF_ARGUMENT]), {}, {}
        for column in made.table.identity:
            name = names.claim(made.columns.get(column, camel(column)))
            arguments[name] = GraphQLArgument(_required(OF_KIND[made.table.columns[column]]))
            columns[name] = column
        arguments[AS_OF_ARGUMENT] = _AS_OF
        described = f"One record of {made.dataset.name}; null if there is none"
        return field_of(self._rows[made.dataset.name], RowByKey(made.table, columns), described, arguments)

    def _row_type(self, made: _OfDataset) -> GraphQLObjectType:
        return GraphQLObjectType(made.row_name, partial(self._row_fields, made), description=made.dataset.description)

    def _row_fields(self, made: _OfDataset) -> Fields:
        found = {made.columns[field.name]: _column(made.table, field) for field in made.table.fields}
        names = Names(made.fields._taken)
        for name, reference in relations_of(made.dataset).items():
            described = f"The record of {reference.dataset} that it refers to; null until that arrives"
            meaning = Referred(
                table_of(self._catalogue[reference.dataset]),
                tuple(zip(reference.target_fields, reference.fields, strict=True)),
                reference.system,
            )
            found[names.claim(camel(name), f"{camel(name)}Record")] = field_of(
                self._rows[reference.dataset], meaning, described
            )
        for external in made.dataset.external_ids:
            name = names.claim(f"{camel(external.name)}Key", f"{camel(external.name)}MasterKey")
            found[name] = field_of(GraphQLString, MasterKey(external), master_key_field(external).description)
        for other, reference in self._references_to(made.dataset):
            pairs = tuple(zip(reference.fields, reference.target_fields, strict=True))
            described = f"The records of {other.name} that refer to it"
            name = names.claim(*_names_of_referring(other, reference, made.dataset))
            found[name] = self._page(self._made[other.name], pairs, described, reference.system)
        described = "The file and the record that it came from"
        found[names.claim("source", "sourceOfRow")] = field_of(
            _required(SOURCE_TYPE), SourceOfRow(made.table), described
        )
        return found

    def _references_to(self, dataset: Dataset) -> Iterator[tuple[Dataset, Reference]]:
        for other in self._catalogue.values():
            linked = [each for each in relations_of(other).values() if each.system is not None]
            for reference in (*other.references, *linked):
                if reference.dataset == dataset.name:
                    yield other, reference

    def _connection_type(self, made: _OfDataset) -> GraphQLObjectType:
        row = _required(self._rows[made.dataset.name])
        edge = GraphQLObjectType(
            made.edge_name,
            {
                "node": field_of(row, Part.NODE, "The row"),
                "cursor": field_of(_required(GraphQLString), Part.CURSOR, "Its place, for `after`"),
            },
        )
        return GraphQLObjectType(
            made.connection_name,
            {
                "edges": field_of(_required(GraphQLList(_required(edge))), Part.EDGES, "The rows with their cursors"),
                "nodes": field_of(_required(GraphQLList(row)), Part.NODES, "The rows"),
                "pageInfo": field_of(_required(PAGE_INFO), Part.PAGE_INFO),
                "total": field_of(
                    _required(TOTAL),
                    Part.TOTAL,
                    "Number of rows on all pages",
                    {"count": GraphQLArgument(_required(COUNTING), "estimated", description="How they are counted")},
                ),
            },
            description=f"A page of {made.dataset.name}",
        )


def _column(table: Table, field: Field) -> GraphQLField:
    scalar = OF_KIND[kind_of(field)]
    is_certain = field.name in table.dataset.key
    return field_of(_required(scalar) if is_certain else scalar, Column(table, field.name), field.description_with_unit)


def _names_of_referring(other: Dataset, reference: Reference, dataset: Dataset) -> Iterator[str]:
    """For example `logs` for the vehicle logs of a vehicle."""
    short = other.name.removeprefix(f"{dataset.singular}_")
    by = f"By{pascal('_'.join(reference.fields))}"
    yield camel(short)
    yield camel(other.name)
    yield camel(other.name) + by


def _type_names(type_: Any) -> Iterator[str]:
    """The names of a type and of all types that it consists of."""
    seen, waiting = set(), [type_]
    while waiting:
        found = waiting.pop()
        while hasattr(found, "of_type"):
            found = found.of_type
        if found.name in seen:
            continue
        seen.add(found.name)
        yield found.name
        for field in getattr(found, "fields", {}).values():
            waiting.append(field.type)
            waiting += [argument.type for argument in getattr(field, "args", {}).values()]
