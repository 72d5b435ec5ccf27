"""The highest values of each day, as rules saw them, of kinds whose past nothing else keeps."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import isfinite

from psycopg.types.json import Jsonb

from logistics_core.alert_rules.rules import Kind, Watch
from logistics_core.languages.sentences import document_of, sentence_of
from logistics_core.sql_files import read_sql
from logistics_pipeline.alerting.observing.looks import MOST_SUBJECTS
from logistics_pipeline.alerting.observing.model import Observation, Words
from logistics_pipeline.database.connections import Connection

DURATIONS = frozenset({Kind.FIGURES_BEHIND, Kind.SOURCES_FAILING, Kind.PLACES_FAILING, Kind.MODELS_BEHIND})
"""Kinds whose value is for how many seconds something has been so: a value tells since when."""
OF_HIGHEST_VALUES = DURATIONS | {Kind.MODEL_DRIFT}
"""Kinds whose highest values are kept. Only rules about all datasets keep them: others see a part of the subjects."""


@dataclass(frozen=True)
class Highest:
    """The highest value that a subject had on a day."""

    observation: Observation
    seen_at: datetime
    since: datetime | None
    """Of a duration, when it began."""


def keep_highest(connection: Connection, watch: Watch, found: Sequence[Observation], moment: datetime) -> None:
    """Keeps what a look has found, where it is the highest of its day; of other kinds, nothing.

    Cost: one statement, which writes only what is higher than before.
    """
    if watch.kind not in OF_HIGHEST_VALUES or watch.dataset is not None:
        return
    seen = [
        {
            "labels": dict(each.labels),
            "value": each.value,
            "summary": document_of(each.summary),
            "path": each.page,
        }
        for each in found
        if each.value and isfinite(each.value)
    ]
    parameters = {"kind": watch.kind.value, "moment": moment, "seen": Jsonb(seen)}
    connection.execute(read_sql("alerting/keep_highest").encode(), parameters)


def highest_on(connection: Connection, watch: Watch, day: date) -> list[Highest] | None:
    """The highest values of a day, UTC; None if no rule has looked."""
    parameters = {"kind": watch.kind.value, "dataset": watch.dataset, "day": day, "most": MOST_SUBJECTS}
    rows = connection.execute(read_sql("alerting/highest_values").encode(), parameters).fetchall()
    if not rows:
        return None
    return [
        Highest(
            Observation(labels, value, Words(sentence_of(summary)), page),
            seen_at,
            seen_at - timedelta(seconds=value) if watch.kind in DURATIONS else None,
        )
        for labels, value, seen_at, summary, page in rows
        if labels is not None
    ]
