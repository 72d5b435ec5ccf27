"""What incidents say of a past day, of kinds about things that are there or not: nothing else keeps when they were."""

from datetime import datetime

from logistics_core.alert_rules.rules import Kind, Rule
from logistics_core.sql_files import read_sql
from logistics_pipeline.alerting.observing.looks import MOST_SUBJECTS
from logistics_pipeline.alerting.observing.model import Observation, Words
from logistics_pipeline.database.connections import Connection

OF_INCIDENTS = frozenset({
    Kind.FAILED_FILES, Kind.UNRECOGNISED_FILES, Kind.REFRESH_FAILED, Kind.UNBALANCED_FILES, Kind.CONTRACT_QUESTIONS,
    Kind.CHANGED_FIELDS, Kind.FORECAST_SET_BACK,
})  # fmt: skip
"""Kinds of which incidents of any rule tell the past: built-in rules watch them from the start."""


def look_back(connection: Connection, rule: Rule, moment: datetime) -> list[tuple[Observation, datetime]] | None:
    """What was so within the day that ends at a moment, and had lasted as long as the rule waits; and since when.

    None if no rule of the kind was in force: nothing is known of the day.
    """
    parameters = {
        "kind": rule.watch.kind.value,
        "dataset": rule.watch.dataset,
        "hold": rule.timing.hold,
        "moment": moment,
        "most": MOST_SUBJECTS,
    }
    rows = connection.execute(read_sql("alerting/past_incidents").encode(), parameters).fetchall()
    if not rows and connection.execute(read_sql("alerting/was_watched").encode(), parameters).fetchone() == (False,):
        return None
    return [
        (Observation(labels, value, Words(summary), page), opened_at)
        for labels, value, summary, page, opened_at in rows
    ]
