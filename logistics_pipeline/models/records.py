"""Reads the records that a model learns from, or is asked about: start, key, value, group, inputs."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import msgspec
import numpy as np
from psycopg import sql

from logistics_core.catalogue import Catalogue, Dataset
from logistics_core.catalogue.model import FieldType
from logistics_core.catalogue.models import DURATION, HOURS_PER_UNIT, DeclaredModel
from logistics_core.metrics import rollups
from logistics_core.metrics.paths import read_path
from logistics_core.metrics.relations import Joins
from logistics_core.sql_files import read_sql
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.models.arrays import Durations, FloatArray, IntArray, Key

MOST_RECORDS = 500_000
"""The newest: what is older says little, and 100 bytes of each are held."""
ROWS_AT_ONCE = 10_000
_HOURS_OF_A_DAY = 24.0


@dataclass(frozen=True)
class Records:
    """Records as they were read, by their start."""

    keys: list[str]
    """Of each, as an array in JSON."""
    days: list[date]
    started: FloatArray
    """Hours since 1970."""
    value: FloatArray
    """NaN where it is not known."""
    promise: FloatArray
    """NaN where nothing was promised."""
    group: IntArray
    groups: tuple[Key, ...]
    inputs: FloatArray
    """(records, inputs) Those of `per`."""
    has_hours: bool
    """Whether the start is a moment, not a day."""

    def __len__(self) -> int:
        return len(self.keys)

    def of(self, rows: Sequence[int]) -> "Records":
        """Some of them."""
        return replace(
            self,
            keys=[self.keys[row] for row in rows],
            days=[self.days[row] for row in rows],
            started=self.started[rows],
            value=self.value[rows],
            promise=self.promise[rows],
            group=self.group[rows],
            inputs=self.inputs[rows],
        )


def read_records(
    connection: Connection,
    dataset: Dataset,
    catalogue: Catalogue,
    model: DeclaredModel,
    *,
    most: int = MOST_RECORDS,
    only_new: bool = False,
) -> Records:
    """The newest records with a start. The connection is in a transaction.

    With `only_new`, only those that no prediction has been made for.
    """
    statement, has_hours = _statement(dataset, catalogue, model, only_new=only_new)
    rows: list[tuple[Any, ...]] = []
    with connection.cursor("model_records") as cursor:  # on the server: a result may be large
        cursor.itersize = ROWS_AT_ONCE
        cursor.execute(statement, {"model": model.full_name(dataset.name), "most": most})
        rows = cursor.fetchall()
    rows.reverse()  # the newest come first
    return _arrays(rows, len(model.per), has_hours)


def _arrays(rows: Sequence[tuple[Any, ...]], inputs: int, has_hours: bool) -> Records:
    codes: dict[str, int] = {}
    group = np.array([codes.setdefault(row[5], len(codes)) for row in rows], dtype=np.int64)
    columns = list(zip(*rows, strict=True)) or [()] * (6 + inputs)
    return Records(
        keys=[row[0] for row in rows],
        days=[row[1] for row in rows],
        started=_floats(columns[2]),
        value=_floats(columns[3]),
        promise=_floats(columns[4]),
        group=group,
        groups=tuple(tuple(json.loads(text)) for text in codes),
        inputs=np.array([_floats(column) for column in columns[6:]], dtype=np.float64).reshape(inputs, len(rows)).T,
        has_hours=has_hours,
    )


def _floats(column: Sequence[float | None]) -> FloatArray:
    return np.array(column, dtype=np.float64)  # None becomes NaN


def _statement(
    dataset: Dataset, catalogue: Catalogue, model: DeclaredModel, *, only_new: bool
) -> tuple[sql.Composed, bool]:
    joins = Joins()

    def column(path: str) -> sql.Composable:
        found = read_path(path, dataset, catalogue)
        alias, _ = joins.follow_path(found.relations, dataset, catalogue)
        return sql.Identifier(alias, found.field.name)

    comma = sql.SQL(", ")
    day, (start, has_hours) = rollups.day_of(dataset), _start(dataset)
    assert day is not None
    values = [sql.SQL("{}::double precision").format(column(path)) for path in model.per]
    key = sql.SQL("jsonb_build_array({})").format(comma.join(rollups.page_column(name) for name in dataset.key))
    is_new = sql.SQL("NOT EXISTS (SELECT FROM models.predictions WHERE model = %(model)s AND key = {})").format(key)
    statement = sql.SQL(read_sql("models/records")).format(
        record_key=key,
        day=day,
        started_at=start,
        value=rollups.page_column(model.field),
        promise=rollups.page_column(model.promise) if model.promise else sql.SQL("NULL"),
        group_key=sql.SQL("jsonb_build_array({})").format(comma.join(column(path) for path in model.by)),
        inputs=sql.SQL("").join(sql.SQL(", {}").format(value) for value in values),
        source=sql.SQL(" ").join([rollups.source(dataset), *joins.clauses]),
        is_wanted=is_new if only_new else sql.SQL("true"),
    )
    return statement, has_hours


def _start(dataset: Dataset) -> tuple[sql.Composable, bool]:
    """When a record begins, and whether that is more than a day: its moment, or the beginning of its day."""
    dating, other = dataset.dating, dataset.dated_through
    assert dating is not None
    owner, alias = (dataset, "page") if other is None else (other, "Dating")
    assert owner.dating is not None
    field = owner.field(owner.dating.field)
    column = sql.Identifier(alias, field.name)
    return column, field.type is FieldType.DATETIME


def as_durations(records: Records, unit: str | None) -> Durations:
    """The records as durations. Of records with a day alone, nothing is known before the end of the day they end on."""
    hours = HOURS_PER_UNIT[unit or "h"]
    value = np.where(records.value > 0, records.value, np.nan)
    slack = 0.0 if records.has_hours else _HOURS_OF_A_DAY
    known = np.where(np.isfinite(value), records.started + slack + value * hours, np.inf)
    values_of_fields, fields = _fields(records)
    return Durations(
        started=records.started,
        known=known,
        value=value,
        group=records.group,
        fields=fields,
        inputs=records.inputs,
        groups=records.groups,
        values_of_fields=values_of_fields,
        unit_hours=hours,
    )


def _fields(records: Records) -> tuple[tuple[tuple[Any, ...], ...], tuple[IntArray, ...]]:
    found, arrays = [], []
    for place in range(len(records.groups[0]) if records.groups else 0):
        codes: dict[Any, int] = {}
        of_groups = np.array(
            [codes.setdefault(_hashable(key[place]), len(codes)) for key in records.groups], dtype=np.int64
        )
        found.append(tuple(value for _, value in codes))
        arrays.append(of_groups[records.group])
    return tuple(found), tuple(arrays)


def _hashable(value: Any) -> tuple[str, Any]:
    """True is not 1."""
    return type(value).__name__, value


def input_schema(
    dataset: Dataset, catalogue: Catalogue, model: DeclaredModel, records: Records
) -> list[dict[str, Any]]:
    """What a version takes in: its fields with type, unit, and what was seen of them in training."""
    found: list[dict[str, Any]] = []
    for place, path in enumerate(model.by):
        field = read_path(path, dataset, catalogue).field
        values = {msgspec.json.encode(key[place]) for key in records.groups}
        found.append(
            {"name": path, "type": str(field.type), "unit": field.unit, "role": "group", "values": len(values)}
        )
    for place, path in enumerate(model.per):
        field = read_path(path, dataset, catalogue).field
        known = records.inputs[:, place][np.isfinite(records.inputs[:, place])]
        seen = [float(known.min()), float(known.max())] if len(known) else None
        found.append({"name": path, "type": str(field.type), "unit": field.unit, "role": "input", "range": seen})
    if model.kind == DURATION and model.promise:
        field = dataset.field(model.promise)
        found.append({"name": field.name, "type": str(field.type), "unit": field.unit, "role": "promise"})
    return found
