"""Predicts new records by the version in production, keeps what it said, and scores it when the truth arrives."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from psycopg import sql

from logistics_core.catalogue import Catalogue, Dataset
from logistics_core.catalogue.models import DeclaredModel
from logistics_core.database_contract.models import OPEN_DAYS
from logistics_core.models.durations import Prediction
from logistics_core.sql_files import read_sql
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.models import drift
from logistics_pipeline.models.predictors import DurationPredictor
from logistics_pipeline.models.records import Records, read_records
from logistics_pipeline.models.registry import Version


@dataclass(frozen=True)
class Scored:
    """What was done with new records and new truth."""

    predicted: int
    ahead: int
    """Of them, whose truth was not known."""
    scored: int
    """Predictions whose truth is new or was restated."""
    drift: dict[str, float]
    """PSI by input, of the newest records."""


def new_records(
    connection: Connection, dataset: Dataset, catalogue: Catalogue, model: DeclaredModel, version: Version
) -> tuple[Records, list[int]]:
    """Records that were never predicted, and the rows of those that can be: unfinished, or begun after training."""
    records = read_records(connection, dataset, catalogue, model, only_new=True)
    last_day = version.last_day or date.min
    newest = max([last_day, *records.days[-1:]])  # what is new may be old, and arrive late
    rows = [
        row
        for row, (day, value) in enumerate(zip(records.days, records.value.tolist(), strict=True))
        if (np.isnan(value) and newest - day <= timedelta(OPEN_DAYS)) or (value > 0 and day > last_day)
    ]
    return records, rows


def predict_new(
    connection: Connection,
    dataset: Dataset,
    model: DeclaredModel,
    version: Version,
    predictor: DurationPredictor,
    records: Records,
    rows: Sequence[int],
    execution_id: int,
) -> None:
    """Stores what is likely of some records, each once."""
    found = predictor.predict(records, rows)
    name = model.full_name(dataset.name)
    columns = "model, key, version, execution_id, is_ahead, started_on, inputs, quantiles, promise, late_risk, naive"
    with connection.cursor().copy(f"COPY models.predictions ({columns}) FROM STDIN") as copy:
        for row, prediction in zip(rows, found, strict=True):
            copy.write_row(
                (
                    name,
                    records.keys[row],
                    version.version,
                    execution_id,
                    bool(np.isnan(records.value[row])),
                    records.days[row],
                    json.dumps(_inputs(records, row, model), ensure_ascii=False),
                    [_real(each) for each in prediction.quantiles],
                    None if prediction.promise is None else _real(prediction.promise),
                    _share(prediction),
                    _real(prediction.naive),
                )
            )


def _inputs(records: Records, row: int, model: DeclaredModel) -> dict[str, Any]:
    group = dict(zip(model.by, records.groups[int(records.group[row])], strict=True))
    numbers = {
        name: None if np.isnan(value) else value
        for name, value in zip(model.per, records.inputs[row].tolist(), strict=True)
    }
    return group | numbers


_LARGEST = float(np.finfo(np.float32).max)
_SMALLEST = float(np.finfo(np.float32).tiny)


def _real(value: float) -> float:
    """A number as `real` holds it."""
    return 0.0 if abs(value) < _SMALLEST else max(-_LARGEST, min(_LARGEST, value))


def _share(prediction: Prediction) -> float | None:
    return None if prediction.late_risk is None else _real(max(0.0, min(1.0, prediction.late_risk)))


def score(connection: Connection, dataset: Dataset, model: DeclaredModel, data_version: int) -> int:
    """Notes the truth of predictions where it is new, restated or gone; returns of how many."""
    key = sql.SQL("jsonb_build_array({})").format(
        sql.SQL(", ").join(sql.Identifier("record", name) for name in dataset.key)
    )
    statement = sql.SQL(read_sql("models/score")).format(
        value=sql.Identifier("record", model.field), table=sql.Identifier("raw", dataset.name), record_key=key
    )
    cursor = connection.execute(statement, {"model": model.full_name(dataset.name), "data_version": data_version})
    return cursor.rowcount


def store_drift(
    connection: Connection, dataset: Dataset, model: DeclaredModel, version: Version, records: Records
) -> dict[str, float]:
    """Measures how far the inputs of the newest records have moved, if there are enough; keeps and returns it."""
    if len(records) < drift.FEWEST_RECORDS:
        return {}
    found = drift.drifted(version.card.get("inputs", []), records, model)
    for name, value in found.items():
        connection.execute(
            "INSERT INTO models.drift (model, version, input, records, psi) VALUES (%s, %s, %s, %s, %s) "
            "ON CONFLICT (model, version, input) DO UPDATE SET records = excluded.records, psi = excluded.psi, "
            "measured_at = clock_timestamp()",
            (version.model, version.version, name, len(records), value),
        )
    return found
