"""What an answer must be: graphql-core's own executor, with resolvers over lists of Python values."""

import base64
import json
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
from graphql import DocumentNode, ExecutionResult, GraphQLResolveInfo, GraphQLSchema, execute_sync
from psycopg import sql
from psycopg.rows import dict_row

from logistics_api.graphql.filters import fingerprint_of
from logistics_api.graphql.meanings import (
    LOGIC,
    RELATION,
    Column,
    Connection,
    Part,
    Referred,
    RowByKey,
    SourceColumn,
    SourceOfRow,
    meaning_of,
)
from logistics_api.graphql.scalars import value_for_column
from logistics_api.parameters import cursors
from logistics_api.rows.queries import ISO_DURATION
from logistics_api.rows.tables import DAY, EXAMPLES, OF_FILE, Table, table_of
from logistics_core.catalogue import Catalogue, Dataset
from logistics_core.metrics.paths import relations_of


@dataclass(eq=False)
class Record:
    """A row: its values, and how they are shown."""

    table: Table
    values: dict[str, Any]
    shown: dict[str, Any]

    def key(self, columns: Any) -> tuple[Any, ...]:
        return tuple(self.values[column] for column in columns)

    def key_of_cursor(self, columns: Any) -> list[Any]:
        """As cursors hold it: what Python has no values for is as PostgreSQL writes it."""
        return [_as_written(value) for value in self.key(columns)]


def _as_written(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, timedelta):
        return value
    minutes, seconds = divmod(value.seconds, 60)
    clock = f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"
    days = f"{value.days} day{'s' if value.days > 1 else ''}"
    return " ".join([*([days] if value.days else []), *([clock] if value.seconds or not value.days else [])])


@dataclass
class PageOfRecords:
    """A page of them."""

    records: list[Record]
    has_next: bool
    has_previous: bool
    cursors: dict[Record, str]
    total: int


def read_records(connection: psycopg.Connection[Any], catalogue: Catalogue) -> dict[str, list[Record]]:
    """All rows of all datasets, with what the record that dates them adds."""
    found: dict[str, list[Record]] = {}
    for name, dataset in catalogue.items():
        table = table_of(dataset)
        durations = [column for column, kind in table.own.items() if kind == "duration"]
        shown = [
            sql.SQL("{} AS {}").format(sql.SQL(ISO_DURATION).format(sql.Identifier(column)), sql.Identifier(column))
            if column in durations
            else sql.Identifier(column)
            for column in (*table.own, "file_id", "record_no")
        ]
        statement = sql.SQL(
            'SELECT *, (SELECT row_to_json(r) FROM (SELECT {}) AS r)::text AS "Shown", '
            "(SELECT path FROM ingest.files AS f WHERE f.file_id = t.file_id) AS file_path, "
            "(SELECT version FROM ingest.files AS f WHERE f.file_id = t.file_id) AS file_version FROM raw.{} AS t"
        ).format(sql.SQL(", ").join(shown), sql.Identifier(name))
        with connection.cursor(row_factory=dict_row) as cursor:
            rows = cursor.execute(statement).fetchall()
        found[name] = []
        for row in rows:
            text = json.loads(row.pop("Shown"), parse_float=Decimal)
            found[name].append(Record(table, row, text | {each: row[each] for each in OF_FILE}))
    for name, dataset in catalogue.items():
        _add_dates(found[name], found, table_of(dataset))
    return found


def _add_dates(records: list[Record], found: Mapping[str, list[Record]], table: Table) -> None:
    other, dating = table.dataset.dated_through, table.dataset.dating
    if other is None or dating is None:
        return
    by_key = {record.values[other.key[0]]: record for record in found[other.name]}
    for record in records:
        dated = by_key.get(record.values[dating.field])
        for name, added in table.added.items():
            record.values[name] = None if dated is None else dated.values[added.source]
            record.shown[name] = None if dated is None else dated.shown[added.source]
            if dated is not None and name == DAY:
                record.values[name] = _day(dated.values[added.source], other)
                record.shown[name] = record.values[name].isoformat()


def _day(value: date, dataset: Dataset) -> date:
    """The day of a date, or of a time where its dataset says."""
    if not isinstance(value, datetime):
        return value
    if value.tzinfo is None:
        return value.date()
    assert dataset.dating is not None
    return value.astimezone(ZoneInfo(dataset.dating.time_zone)).date()


class Oracle:
    """Executes documents as the specification says, one field after the other."""

    def __init__(self, schema: GraphQLSchema, records: Mapping[str, list[Record]]) -> None:
        self.schema, self.records = schema, records
        self.rows = 0
        """Rows in the last answer."""

    def execute(self, document: DocumentNode, variables: Mapping[str, Any]) -> ExecutionResult:
        self.rows = 0
        return execute_sync(self.schema, document, variable_values=dict(variables), field_resolver=self._resolve)

    def _resolve(self, source: Any, info: GraphQLResolveInfo, **arguments: Any) -> Any:
        match meaning_of(info.parent_type.fields[info.field_name]):
            case Column(_, name) | SourceColumn(name):
                return source.shown[name]
            case SourceOfRow():
                return source
            case Referred(table, pairs):
                wanted = [source.values[near] for _, near in pairs]
                return None if None in wanted else self._find(table, [far for far, _ in pairs], wanted)
            case RowByKey(table, columns):
                wanted = [typed(value, table.columns[columns[name]]) for name, value in arguments.items()]
                return self._find(table, [columns[name] for name in arguments], wanted)
            case Connection(table, _, pairs):
                own = [
                    each
                    for each in self.records[table.name]
                    if all(each.values[near] == source.values[far] for near, far in pairs)
                ]
                return page_of(table, own, arguments)
            case Part() as part:
                return self._part(source, part)
        raise AssertionError(info.field_name)

    def _find(self, table: Table, columns: list[str], wanted: list[Any]) -> Record | None:
        matching = [each for each in self.records[table.name] if list(each.key(columns)) == wanted]
        self.rows += len(matching)
        return matching[0] if matching else None

    def _part(self, source: Any, part: Part) -> Any:
        match part:
            case Part.NODES:
                self.rows += len(source.records)
                return source.records
            case Part.EDGES:
                self.rows += len(source.records)
                return [(source, record) for record in source.records]
            case Part.NODE:
                return source[1]
            case Part.CURSOR:
                return source[0].cursors[source[1]]
            case Part.PAGE_INFO | Part.TOTAL:
                return source
        return _of_page(source, part)


def _of_page(page: PageOfRecords, part: Part) -> Any:
    cursors_of_rows = [page.cursors[each] for each in page.records] or [None]
    return {
        Part.HAS_NEXT_PAGE: page.has_next,
        Part.HAS_PREVIOUS_PAGE: page.has_previous,
        Part.START_CURSOR: cursors_of_rows[0],
        Part.END_CURSOR: cursors_of_rows[-1],
        Part.TOTAL_ROWS: page.total,
        Part.TOTAL_KIND: "exact",
    }[part]


def page_of(table: Table, records: list[Record], arguments: Mapping[str, Any]) -> PageOfRecords:
    order, given = arguments["orderBy"], arguments.get("filter")
    columns = table.orders[order.removeprefix("-")]
    fingerprint = cursors.fingerprint(table.slug, order, fingerprint_of(given, {}))
    found = in_order(table, [each for each in records if passes(each, given)], order)
    total = len(found)
    after = arguments.get("after")
    if after is not None:
        keys = tuple(json.loads(_body(after)))
        places = [tuple(text_keys(each, columns)) for each in in_order(table, every(table, records), order)]
        found = [each for each in found if comes_after(each, keys, table, order, places)]
    first = arguments["first"]
    made = {each: cursors.encode(fingerprint, each.key_of_cursor(columns)) for each in found}
    return PageOfRecords(found[:first], len(found) > first, after is not None, made, total)


_ALL: dict[str, list[Record]] = {}
_TABLES: dict[str, Table] = {}


def every(table: Table, records: list[Record]) -> list[Record]:
    """All records of the table: a cursor may be that of a row which does not refer to the same record."""
    return _ALL.get(table.name, records)


def remember(records: Mapping[str, list[Record]], catalogue: Catalogue) -> None:
    """What filters through references find."""
    _ALL.clear()
    _ALL.update(records)
    _TABLES.update({name: table_of(dataset) for name, dataset in catalogue.items()})


def text_keys(record: Record, columns: Any) -> list[str | None]:
    return json.loads(_body(cursors.encode("", record.key_of_cursor(columns))))  # type: ignore[no-any-return]


def comes_after(record: Record, keys: Any, table: Table, order: str, places: list[Any]) -> bool:
    columns = table.orders[order.removeprefix("-")]
    return places.index(tuple(text_keys(record, columns))) > places.index(keys)


def _body(cursor: str) -> bytes:
    return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))[cursors.CHECKSUM_BYTES :]


def in_order(table: Table, records: list[Record], order: str) -> list[Record]:
    columns, is_reversed = table.orders[order.removeprefix("-")], order.startswith("-")
    having = [each for each in records if each.values[columns[0]] is not None]
    lacking = [each for each in records if each.values[columns[0]] is None]
    having.sort(key=lambda each: each.key(columns), reverse=is_reversed)
    lacking.sort(key=lambda each: each.key(table.identity), reverse=is_reversed)
    return having + lacking


def passes(record: Record, given: Mapping[str, Any] | None) -> bool:
    return all(_holds(record, name, value) for name, value in (given or {}).items())


def _holds(record: Record, name: str, value: Any) -> bool:
    if name == LOGIC["and"]:
        return all(passes(record, each) for each in value)
    if name == LOGIC["or"]:
        return any(passes(record, each) for each in value)
    if name == LOGIC["not"]:
        return not passes(record, value)
    if name.endswith(RELATION):
        return passes(_referred(record, name.removesuffix(RELATION)), value)
    kind = record.table.columns[name]
    return all(_compare(record.values[name], operator, value, kind) for operator, value in value.items())


def _referred(record: Record, relation: str) -> Record:
    """The record that it refers to; one without values if there is none."""
    reference = relations_of(record.table.dataset)[relation]
    wanted = tuple(record.values[name] for name in reference.fields)
    others = _ALL[reference.dataset]
    none = Record(_TABLES[reference.dataset], defaultdict(lambda: None), {})
    return (
        none if None in wanted else next((each for each in others if each.key(reference.target_fields) == wanted), none)
    )


def _compare(found: Any, operator: str, operand: Any, kind: Any) -> bool:
    if operator == "isNull":
        return bool((found is None) == operand)
    if operator == "in":
        return any(_compare(found, "eq", each, kind) for each in operand)
    if operand is None:
        return bool((found is None) == (operator == "eq"))
    wanted = typed(operand, kind)
    if operator == "ne":
        return bool(found != wanted)
    if found is None:
        return False
    compare = {
        "eq": found.__eq__,
        "lt": found.__lt__,
        "lte": found.__le__,
        "gt": found.__gt__,
        "gte": found.__ge__,
        "startsWith": getattr(found, "startswith", None),
    }[operator]
    assert compare is not None
    return bool(compare(wanted))


def typed(value: Any, kind: Any) -> Any:
    """The value as rows have it."""
    found = value_for_column(value, kind)
    if kind == "time":
        return time.fromisoformat(found)
    if kind == "duration":
        parts = re.fullmatch(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?", found)
        assert parts is not None, found
        days, hours, minutes, seconds = (int(part or 0) for part in parts.groups())
        return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    return found


def value_of(records: Mapping[str, list[Record]], random: Random, table: Table, column: str) -> Any:
    """A value of a column, mostly one that occurs: as JSON has it."""
    shown = [each.shown[column] for each in records[table.name] if each.shown[column] is not None]
    found = random.choice(shown) if shown else (EXAMPLES | {"integer": 1})[table.columns[column]]
    if isinstance(found, Decimal):
        return float(found) if float(found) == found else str(found)
    return found


def cursor_of(records: Mapping[str, list[Record]], random: Random, table: Table, order: str) -> str | None:
    """The cursor of any row, of pages without a filter."""
    if not records[table.name]:
        return None
    record = random.choice(records[table.name])
    columns = table.orders[order.removeprefix("-")]
    return cursors.encode(cursors.fingerprint(table.slug, order, {}), record.key_of_cursor(columns))


def drawing(records: Mapping[str, list[Record]]) -> dict[str, Any]:
    """What `Documents` draws from."""
    return {"values": partial(value_of, records), "cursor_of": partial(cursor_of, records)}
