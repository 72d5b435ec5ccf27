"""Answers to questions about metrics as JSON."""

import json
from typing import Any

from logistics_api.as_of.resolving import AsOf
from logistics_api.metrics.descriptions import describe_columns
from logistics_api.querying.answering import Answer
from logistics_api.querying.metric_query import periods_of
from logistics_core.metrics.periods import DayRange


def answer_document(found: Answer, total: Answer | None, as_of: AsOf | None = None) -> str:
    """The answer as JSON, with the last file that counts if not all do.

    The rows are put in as PostgreSQL wrote them: every digit is kept.
    """
    query = found.query
    beside: dict[str, Any] = {
        "dataset": query.dataset.name,
        "source": found.plan.source,
        "data_version": found.data_version,
        "as_of": None if as_of is None else as_of.document,
        "grain": query.grain,
        "range": span(query.days),
        "periods": [
            {"start": each.days.start.isoformat(), "end": each.days.end.isoformat(), "compared": span(each.compared)}
            for each in (periods_of(query) if query.compare is not None else ())
        ],
        "undated": found.undated,
        "columns": describe_columns(query, found.plan),
        "groups": found.groups,
    }
    head = json.dumps(beside, ensure_ascii=False, separators=(",", ":"))
    total_row = "null" if total is None else total.rows.strip()[1:-1].strip() or "null"
    return f'{head[:-1]},"total":{total_row},"data":{found.rows}}}'


def span(days: DayRange | None) -> dict[str, str] | None:
    """A range of days as JSON has it."""
    return None if days is None else {"start": days.start.isoformat(), "end": days.end.isoformat()}
