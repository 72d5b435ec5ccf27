"""How right the newest forecasts of a dataset are: by what came true, or in the back-test until enough of it has."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from logistics_core.database_contract.forecasts import ENOUGH_SCORED, TRACKED_PERIODS
from logistics_core.sql_files import read_sql
from logistics_pipeline.database.connections import Connection


@dataclass(frozen=True)
class Accuracy:
    """How right the forecasts of a level are."""

    metric: str
    grain: str
    fields: Sequence[str]
    is_tracked: bool
    """Whether by what came true; otherwise by the back-test."""
    error: float | None
    """Sum of absolute errors per sum of actuals."""
    naive_error: float | None
    coverage: float | None
    """Share within the central 90 %."""

    @property
    def name(self) -> str:
        """For example `revenue per day by origin`."""
        return f"{self.metric} per {self.grain} {'by ' + ', '.join(self.fields) if self.fields else 'in total'}"


def accuracy_of(connection: Connection, dataset: str, past: datetime | None = None) -> list[Accuracy]:
    """How right the newest forecasts of a dataset are, by metric and level; or were at an earlier moment.

    What came true until then is taken as it is known now.
    """
    parameters = {"dataset": dataset, "periods": Jsonb(dict(TRACKED_PERIODS)), "past": past}
    rows = connection.execute(read_sql("forecasting/accuracy").encode(), parameters).fetchall()
    return [_accuracy(*row) for row in rows]


def _accuracy(
    metric: str,
    grain: str,
    fields: Sequence[str],
    backtest: dict[str, Any],
    scored: int,
    actual: float | None,
    absolute: float | None,
    naive: float | None,
    within: int | None,
) -> Accuracy:
    if scored < ENOUGH_SCORED or not actual or absolute is None or naive is None or within is None:
        return Accuracy(
            metric, grain, fields, False, backtest["error"], backtest["naive_error"], backtest["coverage_90"]
        )
    return Accuracy(metric, grain, fields, True, absolute / actual, naive / actual, float(within / scored))
