"""Looks up the values of a metric until an incident was opened, for its chart: after it was announced, never before.

The values are those that the rule would have watched at the end of each period, by the figures of now.
"""

import logging
from collections import defaultdict
from collections.abc import Mapping
from datetime import date, timedelta
from time import monotonic
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from logistics_core.alert_rules.rules import Kind, Rule
from logistics_core.catalogue import Catalogue
from logistics_core.metrics.periods import Grain
from logistics_core.sql_files import read_sql
from logistics_pipeline.alerting.incidents import key_of
from logistics_pipeline.alerting.observing.metrics import ends_of_days, observe_metric
from logistics_pipeline.alerting.observing.model import CannotEvaluate
from logistics_pipeline.alerting.tried_days import days_with_records
from logistics_pipeline.database.connections import Connection

log = logging.getLogger("logistics.worker")

POINTS = 31
STEP_DAYS = {Grain.DAY: 1, Grain.WEEK: 7}
LONGER_STEP_DAYS = 30
SECONDS = 5.0
"""How long that may take for one rule: others wait to be evaluated."""
MOST_INCIDENTS = 200


def draw_charts(connection: Connection, catalogue: Catalogue, rules: Mapping[str, Rule]) -> int:
    """Stores the charts of incidents that have none yet; says of how many.

    Raises:
        psycopg.Error: the database went away; what is stored stays.
    """
    names = [rule.name for rule in rules.values() if rule.watch.kind is Kind.METRIC]
    rows = connection.execute(
        read_sql("alerting/incidents_without_chart").encode(), {"rules": names, "most": MOST_INCIDENTS}
    ).fetchall()
    by_rule: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for incident_id, name, labels in rows:
        by_rule[name][key_of(labels)].append(incident_id)
    for name, incidents in by_rule.items():
        series = _series(connection, catalogue, rules[name], set(incidents))
        for key, ids in incidents.items():
            _store(connection, rules[name], ids, series[key])
    return len(rows)


def _series(
    connection: Connection, catalogue: Catalogue, rule: Rule, keys: set[str]
) -> Mapping[str, list[dict[str, Any]]]:
    """By subject, its values by day; as many as there is time for, the newest ones."""
    found: dict[str, list[dict[str, Any]]] = {key: [] for key in keys}
    end = monotonic() + SECONDS
    try:
        shown = days_with_records(connection, catalogue, rule, POINTS * _step(rule))
        for day in _days(shown.first, shown.last, _step(rule)):
            (moment,) = ends_of_days(day, day, shown.zone)
            left = end - monotonic()
            if left <= 0:
                break
            with connection.transaction():
                connection.execute(f"SET LOCAL statement_timeout = {1 + int(1000 * left)}".encode())
                values = {
                    key_of(each.labels): each.value
                    for each in observe_metric(connection, catalogue, rule.watch, moment)
                }
            for key in keys:
                found[key].insert(0, {"day": str(day), "value": values.get(key)})
    except (CannotEvaluate, psycopg.errors.QueryCanceled):
        pass  # what there is until now is drawn
    except Exception:  # a chart that cannot be drawn must not end the evaluation of all rules
        if connection.broken:
            raise
        log.exception("The values of the rule %s cannot be looked up for its incidents.", rule.name)
    return found


def _step(rule: Rule) -> int:
    return STEP_DAYS.get(rule.watch.grain, LONGER_STEP_DAYS)


def _days(first: date, last: date, step: int) -> list[date]:
    """The newest day, and earlier ones."""
    known = (last - first).days // step + 1
    return [last - timedelta(days=number * step) for number in range(min(POINTS, known))]


def _store(connection: Connection, rule: Rule, ids: list[int], days: list[dict[str, Any]]) -> None:
    chart = {"watch": rule.document.get("watch"), "when": rule.document.get("when"), "days": days}
    connection.execute(
        "UPDATE alert.incidents SET chart = %s || jsonb_build_object('data_version', "
        "(SELECT data_version FROM analytics.status)) WHERE incident_id = ANY(%s)",
        (Jsonb(chart), ids),
    )
