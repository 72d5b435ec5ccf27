"""Writes the SQL of rows: pages of a dataset, single rows, and what they refer to, all within one statement.

PostgreSQL writes the JSON, as it does for REST: `logistics_api.rows` says how a column is shown and what orders there
are. Rows have numbered aliases, `Row1`; what else a subquery makes has capital letters, as no column has.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from psycopg import sql

from logistics_api.as_of.relations import AS_OF, table_of_records
from logistics_api.graphql.filters import Columns, converted, fingerprint_of, read_filter
from logistics_api.graphql.meanings import Connection, Part
from logistics_api.graphql.plans import AsOfAsked, Binding, RowsAsked
from logistics_api.graphql.scalars import value_for_column
from logistics_api.graphql.variables import Late, Variables, resolved
from logistics_api.parameters import cursors
from logistics_api.row_access.permitted import PermittedRows
from logistics_api.rows import queries
from logistics_api.rows.pages import PERMITTED, cursor_types
from logistics_api.rows.tables import OF_FILE, Kind, Table
from logistics_core.catalogue import Dataset
from logistics_core.catalogue.identities import ExternalId
from logistics_core.metrics.conditions import EVERYTHING, conditions_in, sql_of
from logistics_core.metrics.relations import CURRENT_LINKS, links_as_of

# The name of the object must be none that a member can have: it would stand for that member.
OBJECT = '(SELECT row_to_json("An object") FROM (SELECT {columns}) AS "An object")'

LIST = """
(
    SELECT {page}
    FROM (
        SELECT {parts}
        FROM (
            SELECT *, row_number() OVER (ORDER BY {order}) AS "Position", count(*) OVER () AS "Found"
            FROM (
                SELECT page.*{added}
                FROM {relation}
                WHERE {conditions}
                ORDER BY {first_order}
                LIMIT {limit}::bigint + 1
            ) AS "Rows"
        ) AS {row}
    ) AS {parts_of}
)
"""

ONE = "(SELECT {object} FROM {table} AS {row} WHERE {identified})"

TOTAL = """
(
    SELECT {document}
    FROM (
        SELECT CASE WHEN NOT {is_all} THEN
            (SELECT count(*) FROM (SELECT 1 FROM {relation} WHERE {conditions} LIMIT {most} + 1) AS counted)
        END AS "Counted"
    ) AS "Total"
)
"""

DATING = '(SELECT {source} FROM {other} AS "Dating" WHERE "Dating".{key} = {field})'

LINKED = (
    '(SELECT "Link".master_key FROM {links} AS "Link" '
    'WHERE "Link".entity = {entity} AND "Link".system = {system} AND "Link".external_id = {id}::text)'
)

LINKED_WITH = (
    '{id}::text IN (SELECT "Link".external_id FROM {links} AS "Link" '
    'WHERE "Link".entity = {entity} AND "Link".system = {system} AND "Link".master_key = {key}::text)'
)

OF_LEDGER = "(SELECT file.{column} FROM ingest.files AS file WHERE file.file_id = {file_id})"

# As `parameters.cursors` makes them; base64 breaks its lines.
CURSOR = (
    "rtrim(translate(encode(substr(sha256({salt}::bytea || {keys}), 1, {length}) || {keys}, 'base64'), "
    "E'+/\\n', '-_'), '=')"
)


def json_object(columns: Mapping[str, sql.Composable]) -> sql.Composable:
    """An object with these members."""
    if not columns:
        return sql.SQL("'{}'::json")
    listed = [sql.SQL("{} AS {}").format(value, sql.Identifier(name)) for name, value in columns.items()]
    return sql.SQL(OBJECT).format(columns=sql.SQL(", ").join(listed))


class Row:
    """A row of a table, under an alias; `as_of`: as of an earlier file."""

    def __init__(self, table: Table, alias: str, as_of: AsOfAsked | None = None) -> None:
        self.table, self.alias, self.as_of = table, alias, as_of

    @property
    def records(self) -> sql.Composable:
        """The records that it is one of."""
        return _records(self.table.dataset, self.as_of, self.table.permitted, by_key=True)

    def shown(self, column: str) -> sql.Composable:
        """A column as answers show it."""
        source = sql.Identifier(self.alias, column)
        if column in self.table.added:
            return self._dated(column)
        return sql.SQL(queries.ISO_DURATION).format(source) if self.table.columns[column] == "duration" else source

    def _dated(self, column: str) -> sql.Composable:
        other, dated_by = self.table.dataset.dated_through, self.table.dataset.dating
        assert other is not None and dated_by is not None
        return sql.SQL(DATING).format(
            source=queries.page_column(self.table, column),
            other=_records(other, self.as_of, None, by_key=True),  # what dates a row belongs to it
            key=sql.Identifier(*other.key),
            field=sql.Identifier(self.alias, dated_by.field),
        )

    def linked_key(self, field: str, entity: str, system: str) -> sql.Composable:
        """The master key that the id in a field is linked with; NULL if it is linked with none."""
        return sql.SQL(LINKED).format(
            links=_links(self.as_of),
            entity=sql.Literal(entity),
            system=sql.Literal(system),
            id=sql.Identifier(self.alias, field),
        )

    def master_key(self, external: ExternalId) -> sql.Composable:
        """The master key of a thing; without a link, the system and the id."""
        return sql.SQL("coalesce({}, {} || {}::text)").format(
            self.linked_key(external.field, external.entity, external.system),
            sql.Literal(f"{external.system}:"),
            sql.Identifier(self.alias, external.field),
        )

    def source(self, column: str) -> sql.Composable:
        """A column of where it came from."""
        if column not in OF_FILE:
            return sql.Identifier(self.alias, column)
        file_id = sql.Identifier(self.alias, "file_id")
        return sql.SQL(OF_LEDGER).format(column=sql.Identifier(OF_FILE[column]), file_id=file_id)


def _links(as_of: AsOfAsked | None) -> sql.Composable:
    return CURRENT_LINKS if as_of is None else links_as_of(as_of.file)


def _records(
    dataset: Dataset, as_of: AsOfAsked | None, permitted: PermittedRows | None, *, by_key: bool = False
) -> sql.Composable:
    if permitted is not None:
        return permitted.records(dataset)
    if as_of is None:
        return sql.Identifier("raw", dataset.name)
    as_of.add(dataset)
    return table_of_records(dataset, as_of.file, by_key=by_key)


def one_row(row: Row, shown: sql.Composable, identified: Sequence[sql.Composable]) -> sql.Composable:
    """The row for which the conditions hold; NULL if there is none."""
    return sql.SQL(ONE).format(
        object=shown,
        table=row.records,
        row=sql.Identifier(row.alias),
        identified=sql.SQL(" AND ").join(identified),
    )


class Page:
    """A page of rows while its SQL is written: the parts that a selection asks for are added one by one."""

    def __init__(
        self,
        of: Connection,
        table: Table,
        number: int,
        arguments: Mapping[str, Any],
        size: RowsAsked,
        binding: Binding,
        parent: Row | None = None,
        as_of: AsOfAsked | None = None,
    ) -> None:
        """A page of the rows of `table`; `parent`: the row that they refer to; `as_of`: as of an earlier file."""
        self.row = Row(table, f"Row{number}", as_of)
        self._as_of = as_of
        self._parts_of = f"Parts{number}"
        self._table, self._binding = table, binding
        self._columns = Columns(
            table, of.catalogue, lambda name: _records(of.catalogue[name], as_of, table.permitted), _links(as_of)
        )
        self._given = arguments.get("filter")
        self._order: str = arguments.get("orderBy") or table.default_sort
        self._after: str | Late | None = arguments.get("after")
        self._filter = converted(read_filter(self._given), self._bind)
        self._keys = queries.keys_of(table, self._order)
        self._size = binding.made(size.number)
        self._parts: list[sql.Composable] = []
        self._is_within = parent is not None
        self._conditions = [*_related(of, parent), *self._filtered()]

    def _bind(self, column: str, value: Any) -> sql.Composable:
        kind = self._columns.kind(column)
        return self._binding.value(value, partial(value_for_column, kind=kind))

    # -- parts -----------------------------------------------------------------------------------------------------

    def rows(self, shown: sql.Composable) -> sql.Composable:
        """The rows of the page, each as shown."""
        return self._part(
            sql.SQL('coalesce(json_agg({} ORDER BY "Position") FILTER (WHERE "Position" <= {}), \'[]\'::json)').format(
                shown, self._size
            )
        )

    def has_next(self) -> sql.Composable:
        """Whether there are rows behind the page."""
        return self._part(sql.SQL("count(*) > {}").format(self._size))

    def has_previous(self) -> sql.Composable:
        """Whether the page begins behind a row."""
        return sql.Literal(self._after is not None)

    def cursor_of_first(self) -> sql.Composable:
        """The cursor of the first row."""
        return self._part(sql.SQL('max({}) FILTER (WHERE "Position" = 1)').format(self.cursor()))

    def cursor_of_last(self) -> sql.Composable:
        """The cursor of the last row."""
        last = sql.SQL('max({}) FILTER (WHERE "Position" = least("Found", {}))')
        return self._part(last.format(self.cursor(), self._size))

    def _part(self, expression: sql.Composable) -> sql.Composable:
        name = f"Part{len(self._parts)}"
        self._parts.append(sql.SQL("{} AS {}").format(expression, sql.Identifier(name)))
        return sql.Identifier(self._parts_of, name)

    def cursor(self) -> sql.Composable:
        """The cursor of a row: the same as REST's."""
        table, order, given = self._table, self._order, self._given
        salt = self._binding.made(
            lambda variables: cursors.salt(_fingerprint(table, order, given, self._as_of, variables))
        )
        texts = [_key_text(sql.Identifier(self.row.alias, key), table.columns[key]) for key in self._keys]
        keys = sql.SQL("convert_to('[' || {} || ']', 'UTF8')").format(sql.SQL(" || ',' || ").join(texts))
        return sql.SQL(CURSOR).format(salt=salt, keys=keys, length=sql.Literal(cursors.CHECKSUM_BYTES))

    def total(self, *, is_capped: bool) -> "Total":
        """The number of rows on all pages: exact if this page has them all, otherwise counted up to a limit."""
        relation, conditions = self._relation(self._filtered_columns), _all(self._conditions)
        found = self._part(sql.SQL("count(*)"))
        is_all = sql.SQL("false" if self._after is not None else "{} <= {}").format(found, self._size)
        if is_capped or self._is_within:
            return Total(relation, conditions, is_all, found, sql.Literal(queries.CAP), None)
        table = queries.name_of(self._table) if self._as_of is None else self._relation([])
        whole = self._binding.estimated(table, sql.SQL("true"))
        expected = self._binding.estimated(relation, conditions) if self._conditions else whole
        most = sql.SQL("CASE WHEN {} <= {small} THEN {small} ELSE -1 END").format(
            whole, small=sql.Literal(queries.SMALL)
        )
        return Total(relation, conditions, is_all, found, most, sql.SQL("greatest({}, {})").format(expected, found))

    # -- the statement ---------------------------------------------------------------------------------------------

    def statement(self, shown: sql.Composable) -> sql.Composable:
        """The page as shown."""
        names = [*self._filtered_columns, *self._keys]
        is_joined = queries.needs_dating(self._table, names)
        return sql.SQL(LIST).format(
            page=shown,
            parts=sql.SQL(", ").join(self._parts or [sql.SQL("count(*)")]),
            order=self._listed(sql.Identifier),
            first_order=self._listed(self._column),
            added=queries.added_columns(self._table) if is_joined else sql.SQL(""),
            relation=self._relation(names),
            conditions=_all([*self._conditions, *self._behind()]),
            limit=self._size,
            row=sql.Identifier(self.row.alias),
            parts_of=sql.Identifier(self._parts_of),
        )

    def _relation(self, names: Sequence[str]) -> sql.Composable:
        """The table as `page`, with what columns of these names and the filter need."""
        if self._as_of is None:
            return sql.SQL("{} {}").format(queries.relation(self._table, names), self._columns.joins)
        for dataset in queries.datasets_read(self._table, names):
            self._as_of.add(dataset)
        by_key = set(self._keys) <= set(self._table.dataset.key) and not self._conditions
        relation = queries.relation(self._table, names, as_of=self._as_of.file, by_key=by_key)
        return sql.SQL("{} {}").format(relation, self._columns.joins)

    @property
    def _filtered_columns(self) -> list[str]:
        return [each.field for each in conditions_in(self._filter) if each.field in self._table.columns]

    def _filtered(self) -> list[sql.Composable]:
        if self._filter == EVERYTHING:
            return []
        return [sql_of(self._filter, self._columns.column, lambda bound: bound)]  # type: ignore[arg-type, return-value]

    def _column(self, column: str) -> sql.Composable:
        return queries.page_column(self._table, column)

    def _listed(self, column: Callable[[str], sql.Composable]) -> sql.Composable:
        direction = sql.SQL(" DESC" if self._order.startswith("-") else "")
        lacks = sql.SQL(" NULLS LAST" if self._table.may_lack(self._keys[0]) else "")
        return _listed([sql.SQL("{}{}{}").format(column(key), direction, lacks) for key in self._keys])

    def _behind(self) -> list[sql.Composable]:
        """The condition that a row comes after the cursor."""
        if self._after is None:
            return []
        keys = [self._key(number) for number in range(len(self._keys))]
        columns = [self._column(key) for key in self._keys]
        operator = sql.SQL("<" if self._order.startswith("-") else ">")
        is_behind = sql.SQL("({}) {} ({})").format(_listed(columns), operator, _listed(keys))
        if not self._table.may_lack(self._keys[0]):
            return [is_behind]
        count = len(self._table.identity)
        lacking = sql.SQL("({}) {} ({})").format(_listed(columns[-count:]), operator, _listed(keys[-count:]))
        return [
            sql.SQL("CASE WHEN {} IS NULL THEN {} IS NULL AND {} ELSE {} IS NULL OR {} END").format(
                keys[0], columns[0], lacking, columns[0], is_behind
            )
        ]

    def _key(self, number: int) -> sql.Composable:
        table, order, given, after = self._table, self._order, self._given, self._after
        types = cursor_types(table, order)

        def key(variables: Variables) -> Any:
            fingerprint = _fingerprint(table, order, given, self._as_of, variables)
            return cursors.decode(fingerprint, resolved(after, variables), types)[number]

        column = self._keys[number]
        return sql.SQL("{}::{}").format(self._binding.made(key), sql.SQL(_CASTS[table.columns[column]]))


@dataclass(frozen=True)
class Total:
    """The number of rows on all pages while its SQL is written."""

    relation: sql.Composable
    conditions: sql.Composable
    is_all: sql.Composable
    """Whether the page has all of them."""
    found: sql.Composable
    most: sql.Composable
    """Up to so many are counted."""
    expected: sql.Composable | None
    """What there are otherwise; None if that is not asked for."""

    @property
    def parts(self) -> dict[Part, sql.Composable]:
        """What can be asked about it."""
        more = self.most if self.expected is None else self.expected
        kind = sql.Literal("AT_LEAST" if self.expected is None else "ESTIMATED")
        return {
            Part.TOTAL_ROWS: self._case(self.found, sql.Identifier("Counted"), more),
            Part.TOTAL_KIND: self._case(sql.Literal("EXACT"), sql.Literal("EXACT"), kind),
        }

    def _case(self, of_all: sql.Composable, counted: sql.Composable, more: sql.Composable) -> sql.Composable:
        return sql.SQL('CASE WHEN {} THEN {} WHEN "Counted" <= {} THEN {} ELSE {} END').format(
            self.is_all, of_all, self.most, counted, more
        )

    def shown(self, document: sql.Composable) -> sql.Composable:
        """What is asked for. Nothing is counted if the page has all rows."""
        return sql.SQL(TOTAL).format(
            document=document,
            is_all=self.is_all,
            relation=self.relation,
            conditions=self.conditions,
            most=self.most,
        )


def _related(of: Connection, parent: Row | None) -> list[sql.Composable]:
    """The conditions that a row of the page refers to `parent`."""
    if parent is None:
        return []
    if of.system is not None:
        ((near, far),) = of.pairs
        return [
            sql.SQL(LINKED_WITH).format(
                id=sql.Identifier("page", near),
                links=_links(parent.as_of),
                entity=sql.Literal(parent.table.dataset.name),
                system=sql.Literal(of.system),
                key=sql.Identifier(parent.alias, far),
            )
        ]
    return [
        sql.SQL("{} = {}").format(sql.Identifier("page", near), sql.Identifier(parent.alias, far))
        for near, far in of.pairs
    ]


def _all(conditions: Sequence[sql.Composable]) -> sql.Composable:
    return sql.SQL(" AND ").join(conditions) if conditions else sql.SQL("true")


def _fingerprint(
    table: Table, order: str, given: Mapping[str, Any] | None, as_of: AsOfAsked | None, variables: Variables
) -> str:
    others = {
        AS_OF: None if as_of is None else resolved(as_of.text, variables),
        PERMITTED: table.permitted and table.permitted.text,
    }
    return cursors.fingerprint(table.slug, order, fingerprint_of(given, variables) | others)


def _key_text(column: sql.Composable, kind: Kind) -> sql.Composable:
    """A key in a cursor, as JSON: days and times as in ISO 8601, all else as the database writes it."""
    source = sql.SQL("{}" if kind in ("date", "datetime", "moment") else "{}::text").format(column)
    return sql.SQL("coalesce(to_json({})::text, 'null')").format(source)


_CASTS: Mapping[Kind, str] = {
    "string": "text",
    "number": "numeric",
    "whole": "numeric",
    "integer": "bigint",
    "boolean": "boolean",
    "date": "date",
    "datetime": "timestamp",
    "moment": "timestamptz",
    "time": "time",
    "duration": "interval",
    "year": "integer",
    "month": "text",
}


def _listed(parts: Sequence[sql.Composable]) -> sql.Composable:
    return sql.SQL(", ").join(parts)
