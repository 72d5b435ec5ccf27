"""What figures were, what they are now, and the files that changed them.

Nothing is stored for this: values as of every file in between follow exactly from the versions of records.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import msgspec

from logistics_api.as_of.resolving import AsOf, resolve
from logistics_api.database.pool import Database
from logistics_api.errors import refused_parameter
from logistics_api.history import queries
from logistics_api.history.schemas import FigureParameters
from logistics_api.metrics.parameters import MetricParameters, question
from logistics_api.querying.answering import answer
from logistics_api.querying.metric_query import FILE, MetricQuery, Point, datasets_read
from logistics_api.querying.registry import RollupRegistry
from logistics_core.catalogue import Catalogue, Dataset

MAX_FILES = 2_000

Values = dict[str, msgspec.Raw]
"""Figures as PostgreSQL wrote them, by name."""

_JSON = msgspec.json.Encoder(enc_hook=str)


async def figure_history(
    database: Database, registry: RollupRegistry, catalogue: Catalogue, dataset: Dataset, parameters: FigureParameters
) -> str:
    """The history of figures as JSON.

    Raises:
        Problem: 422, a metric does not exist, or a dataset that figures depend on does not keep its history; whatever
            `answer` raises.
    """
    given = MetricParameters.model_validate(
        {name: _text(getattr(parameters, name)) for name in ("metrics", "start", "end", "filter")}
    )
    if dataset.snapshots is not None and (parameters.start or parameters.end):
        expected = f"no range: {dataset.name} has no days of records"
        raise refused_parameter("start", expected, str(parameters.start or parameters.end))
    query = replace(question(given, dataset, catalogue, None), exact=True, order=())
    datasets = datasets_read(query, catalogue)
    since = await resolve(database, parameters.since, datasets, "since")
    until = await _until(database, parameters, datasets)
    if until.file_id < since.file_id:
        raise refused_parameter("until", f"a time that is not before since (file {since.file_id})", parameters.until)
    bounds = {"datasets": [each.name for each in datasets], "since": since.file_id, "until": until.file_id}
    files: list[dict[str, Any]] = await database.fetch_value(queries.CHANGED_FILES, bounds)
    if len(files) > MAX_FILES:
        expected = f"a time after which at most {MAX_FILES:,} files were registered, not {len(files):,}"
        raise refused_parameter("since", expected, parameters.since)
    found = await _values(database, registry, catalogue, query, [since.file_id, *(each["file_id"] for each in files)])
    changes = [
        {"file": file, "before": before, "after": after}
        for file, before, after in zip(files, found, found[1:], strict=False)
        if _numbers(before) != _numbers(after)
    ]
    return _JSON.encode(
        {
            "dataset": dataset.name,
            "since": since.document,
            "until": until.document,
            "then": found[0],
            "now": found[-1],
            "files": len(files),
            "changes": changes,
        }
    ).decode()


def _numbers(values: Values) -> dict[str, Any]:
    """Figures to compare: 1.5 and 1.50 are the same."""
    return {name: json.loads(bytes(text), parse_float=Decimal) for name, text in values.items()}


def _text(value: object) -> str | None:
    return None if value is None else str(value)


async def _until(database: Database, parameters: FigureParameters, datasets: Sequence[Dataset]) -> AsOf:
    if parameters.until is not None:
        return await resolve(database, parameters.until, datasets, "until")
    newest = await database.fetch_value(queries.NEWEST_FILE)
    return await resolve(database, str(newest), datasets, "until") if newest else AsOf(0, None, None, None)


async def _values(
    database: Database, registry: RollupRegistry, catalogue: Catalogue, query: MetricQuery, files: Sequence[int]
) -> list[Values]:
    """The figures as of each of the files."""
    points = tuple(Point(file_id, file_id) for file_id in files)
    found = await answer(database, registry, catalogue, replace(query, points=points, limit=len(points)))
    rows = msgspec.json.decode(found.rows, type=list[Values])
    if len(points) == 1:
        return rows
    by_file = {int(bytes(row.pop(FILE))): row for row in rows}
    nothing = await answer(database, registry, catalogue, replace(query, points=(Point(0, -1),), limit=1))
    empty = msgspec.json.decode(nothing.rows, type=list[Values])[0]
    return [by_file.get(file_id, empty) for file_id in files]
