"""One look at all subjects of a rule, by its kind. Most kinds are one statement in `sql/alerting`."""

from datetime import datetime
from typing import Any

from logistics_core.alert_rules.rules import Kind, Watch
from logistics_core.alert_rules.subjects import check_subjects
from logistics_core.catalogue import Catalogue
from logistics_core.catalogue.contract_shapes import ShapeFault
from logistics_core.sql_files import read_sql
from logistics_pipeline.alerting.observing.metrics import observe_metric
from logistics_pipeline.alerting.observing.model import CannotEvaluate, Observation, Words
from logistics_pipeline.database.connections import Connection
from logistics_pipeline.forecasting.accuracy import accuracy_of

MOST_SUBJECTS = 1_000
"""Of one statement, the newest or worst first: more at once say the same thing."""


def look(connection: Connection, catalogue: Catalogue, watch: Watch, moment: datetime) -> list[Observation]:
    """All subjects of a rule, as they are at a moment.

    Raises:
        CannotEvaluate: the rule is about something that does not exist.
        psycopg.Error: the statement failed.
    """
    try:
        check_subjects(watch, catalogue)
    except ShapeFault as error:
        raise CannotEvaluate(str(error)) from error
    if watch.kind is Kind.METRIC:
        return observe_metric(connection, catalogue, watch, moment)
    if watch.kind is Kind.FORECAST_ERROR:
        return _forecast_errors(connection, catalogue, watch)
    return _of_statement(connection, watch, moment)


def _of_statement(connection: Connection, watch: Watch, moment: datetime) -> list[Observation]:
    parameters: dict[str, Any] = {
        "dataset": watch.dataset,
        "metric": watch.metric,
        "grain": watch.grain.value,
        "over": watch.over,
        "window_days": watch.window_days,
        "moment": moment,
        "most": MOST_SUBJECTS,
    }
    rows = connection.execute(read_sql(f"alerting/{watch.kind.value}").encode(), parameters).fetchall()
    return [
        Observation(labels, value, Words(summary, tuple((name, text or "") for name, text in facts)), page)
        for labels, value, summary, facts, page in rows
    ]


def _forecast_errors(connection: Connection, catalogue: Catalogue, watch: Watch) -> list[Observation]:
    """How large the errors of forecasts are, as multiples of those of repeating the last season. Tracked ones only."""
    found = []
    for name in catalogue if watch.dataset is None else [watch.dataset]:
        for each in accuracy_of(connection, name) if catalogue[name].forecasts else ():
            if not each.is_tracked or each.error is None or not each.naive_error:
                continue
            labels = {"dataset": name, "metric": each.metric, "grain": each.grain, "by": ",".join(each.fields)}
            summary = (
                f"Forecasts of {each.name} ({name}) were off by {each.error:.1%}, repeating the last season by "
                f"{each.naive_error:.1%}"
            )
            page = f"/forecasts?forecast={name}.{each.metric}.{each.grain}"
            found.append(Observation(labels, each.error / each.naive_error, Words(summary), page))
    return found
