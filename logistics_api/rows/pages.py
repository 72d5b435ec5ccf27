"""Reads one page of rows: from the query parameters to the JSON of the response."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from typing import Any

from psycopg import AsyncConnection
from psycopg.errors import FeatureNotSupported

from logistics_api.as_of.relations import AS_OF
from logistics_api.as_of.resolving import AsOf, resolve
from logistics_api.database.pool import Database
from logistics_api.database.problems import again_after_conflict
from logistics_api.parameters import cursors
from logistics_api.parameters.cursors import KeyType
from logistics_api.row_access.permitted import refuse_as_of
from logistics_api.rows import queries
from logistics_api.rows.filters import Selection, as_of_name, given_as_of, given_filters
from logistics_api.rows.queries import CAP, SMALL
from logistics_api.rows.schemas import RowPaging
from logistics_api.rows.tables import Kind, Table

PERMITTED = "Permitted"
"""What the fingerprint of a cursor calls the rows that may be seen: no column has a capital letter."""

FEW = 1_000
"""If the planner expects at most this number of rows, all of them are read and sorted."""

FEW_JOINED = 5_000
"""Likewise where the order is by the record that dates a row: to walk along its index takes a look-up per row."""

_KEY_TYPES: dict[Kind, KeyType] = {
    "string": str,
    "number": Decimal,
    "whole": Decimal,
    "boolean": str,
    "date": date,
    "datetime": datetime,
    "moment": datetime,
    "time": str,
    "duration": str,
    "year": int,
    "month": str,
    "integer": int,
}


@dataclass(frozen=True)
class _Found:
    """What a statement of a page found."""

    data: str
    rows: int
    """Rows found: one more than the limit if the page does not hold all."""
    last_keys: list[Any]
    counted: int | None


class _PageReader:
    """Reads one page: rows that have what the order sorts by first, then those that lack it, by their identity."""

    def __init__(
        self,
        connection: AsyncConnection[tuple[Any, ...]],
        table: Table,
        parameters: RowPaging,
        as_of: AsOf | None,
    ) -> None:
        self.filters = given_filters(table, parameters)
        self._as_of = {} if as_of is None else {AS_OF: as_of.file_id}
        self.expected: int | None = None
        self._connection = connection
        self._table = table
        self._parameters = parameters
        self._columns = table.choose(parameters.fields, source=parameters.source)
        self._most = CAP if parameters.count == "capped" else None
        self._is_permitted = table.permitted is not None
        self._is_guessed = False
        """Whether what is expected says nothing: on a cluster, nobody has statistics of all rows."""

    async def estimate(self) -> None:
        """Asks for the number of rows, where it is needed; small tables are counted instead."""
        counted = self._parameters.count == "estimated"
        if self.filters or counted or self._is_permitted:
            self.expected = await self._expect(self.filters)
        if counted and self._is_permitted:  # PostgreSQL's estimates come from all rows
            self._most = CAP
        elif counted and await self._expect({}) <= SMALL:
            self._most = SMALL
        if counted and self._is_guessed:
            self._most = CAP

    @property
    def most(self) -> int | None:
        """Up to this number the rows are counted."""
        return self._most

    @property
    def has_rest(self) -> bool:
        """Whether rows that lack what the order sorts by may pass the filters."""
        filtered = {queries.column_of(self._table, name) for name in self.filters if not queries.is_null_filter(name)}
        related = self._table.added.keys() if self._first in self._table.added else {self._first}
        return self._table.may_lack(self._first) and not filtered & set(related)

    @property
    def _most_few(self) -> int:
        return FEW_JOINED if self._first in self._table.added else FEW

    @property
    def _first(self) -> str:
        """The column that the order sorts by first."""
        return self._table.orders[self._parameters.sort.removeprefix("-")][0]

    async def read(self, position: Mapping[str, Any], limit: int, *, lacking: bool) -> _Found:
        """Reads rows behind a position."""
        is_narrowed = bool(self.filters) or self._is_permitted
        few = is_narrowed and self.expected is not None and self.expected <= self._most_few
        statement = partial(
            queries.page,
            self._table,
            tuple(self.filters),
            self._parameters.sort,
            self._columns,
            begun=bool(position),
            few=few,
            lacking=lacking,
            most=self._most,
            as_of=bool(self._as_of),
        )
        # Never prepared: a plan that suits any filter and any position is a bad plan for a particular one.
        values = {**self.filters, **position, **self._as_of, "limit": limit}
        try:
            found = await self._connection.execute(statement(), values, prepare=False)
        except FeatureNotSupported:  # by a cluster: its nodes join what lies side by side, and look up nothing
            found = await self._connection.execute(statement(joined=True), values, prepare=False)
        data, rows, *keys, counted = await found.fetchone() or ()
        return _Found(data, rows, keys, counted)

    async def _expect(self, filters: dict[str, Any]) -> int:
        statement = queries.estimate(self._table, tuple(filters), as_of=bool(self._as_of))
        found = await self._connection.execute(statement, {**filters, **self._as_of}, prepare=False)
        row = await found.fetchone()
        self._is_guessed = queries.is_guess(row)
        return queries.rows_expected(row)


async def find_as_of(
    database: Database, table: Table, parameters: Selection, columns: Sequence[str], names: Sequence[str] = ()
) -> AsOf | None:
    """The file as of which these columns are asked for, with filters and orders of these names; None for now.

    Raises:
        Problem: as `resolve`.
    """
    text = given_as_of(parameters)
    if text is None:
        return None
    refuse_as_of(table.permitted, text)
    datasets = queries.datasets_read(table, (*columns, *names))
    return await resolve(database, text, datasets, as_of_name(table.dataset))


@again_after_conflict
async def read_page(database: Database, table: Table, parameters: RowPaging) -> tuple[str, AsOf | None]:
    """The page as JSON, and the file as of which it is.

    Raises:
        Problem: 404, the cursor belongs to a request with other parameters; 422, it asks for what is not known any
            more; whatever `Database.connection` raises.
    """
    filters = given_filters(table, parameters)
    others = {AS_OF: given_as_of(parameters), PERMITTED: table.permitted and table.permitted.text}
    fingerprint = cursors.fingerprint(table.slug, parameters.sort, filters | others)
    columns = table.choose(parameters.fields, source=parameters.source)
    sorted_by = table.orders[parameters.sort.removeprefix("-")]
    as_of = await find_as_of(database, table, parameters, columns, (*filters, *sorted_by))
    keys = _keys(table, parameters, fingerprint)
    lacking = keys is not None and keys[0] is None
    async with database.connection() as connection:
        reader = _PageReader(connection, table, parameters, as_of)
        await reader.estimate()
        found = await reader.read(_position(table, keys, lacking=lacking), parameters.limit, lacking=lacking)
        if not lacking and found.rows <= parameters.limit and reader.has_rest:
            rest = await reader.read({}, parameters.limit - found.rows, lacking=True)
            found, lacking = _joined(found, rest), True
    goes_on = found.rows > parameters.limit
    cursor = cursors.encode(fingerprint, _cursor_keys(table, parameters, found, lacking=lacking)) if goes_on else None
    page = _page(found.data, cursor, parameters, _total(found, reader, is_all=not goes_on and keys is None))
    return page, as_of


def _joined(found: _Found, rest: _Found) -> _Found:
    data = ",".join(part for part in (found.data, rest.data) if part)
    return _Found(data, found.rows + rest.rows, rest.last_keys, found.counted)


def _total(found: _Found, reader: _PageReader, *, is_all: bool) -> tuple[int, str] | None:
    if is_all:
        return found.rows, "exact"
    if found.counted is not None and reader.most is not None:
        if found.counted <= reader.most:
            return found.counted, "exact"
        if reader.most == CAP:
            return CAP, "at_least"
    return None if reader.expected is None else (max(reader.expected, found.rows), "estimated")


def _keys(table: Table, parameters: RowPaging, fingerprint: str) -> list[Any] | None:
    """The keys that the cursor holds, one per column of the order; None without a cursor.

    Behind rows that lack what the order sorts by, the first ones are None and the last are the table's identity.
    """
    if parameters.cursor is None:
        return None
    return list(cursors.decode(fingerprint, parameters.cursor, cursor_types(table, parameters.sort)))


def cursor_types(table: Table, order: str) -> list[KeyType]:
    """The types of the keys in a cursor of an order, one per column."""
    return [_KEY_TYPES[table.columns[key]] for key in queries.keys_of(table, order)]


def _position(table: Table, keys: list[Any] | None, *, lacking: bool) -> dict[str, Any]:
    """The parameters `Key0`, …; none at the beginning."""
    if keys is None or (lacking and keys[-1] is None):
        return {}
    return {f"Key{number}": key for number, key in enumerate(keys[-len(table.identity) :] if lacking else keys)}


def _cursor_keys(table: Table, parameters: RowPaging, found: _Found, *, lacking: bool) -> list[Any]:
    """The keys behind the last row of a page."""
    if not lacking:
        return found.last_keys
    return [None] * (len(queries.keys_of(table, parameters.sort)) - len(table.identity)) + found.last_keys


def _page(data: str, cursor: str | None, parameters: RowPaging, total: tuple[int, str] | None) -> str:
    described = None
    if total is not None and parameters.count != "none":
        described = dict(zip(("rows", "kind"), total, strict=True))
    beside = json.dumps({"next_cursor": cursor, "total": described}, separators=(",", ":"))
    return f'{{"data":[{data}],{beside[1:]}'
