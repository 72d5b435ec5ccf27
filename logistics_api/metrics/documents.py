"""Answers to questions about metrics as JSON."""

import json
from collections.abc import Mapping
from typing import Any

from logistics_api.metrics.descriptions import describe_columns
from logistics_api.querying.answering import Answer
from logistics_api.querying.metric_query import periods_of


def answer_document(found: Answer, total: Answer | None) -> str:
    """The answer as JSON. The rows are put in as PostgreSQL wrote them: every digit is kept."""
    query = found.query
    beside: dict[str, Any] = {
        "dataset": query.dataset.name,
        "source": found.plan.source,
        "data_version": found.data_version,
        "grain": query.grain,
        "range": _span(query.days),
        "periods": [
            {**_span(each.days), "compared": _span(each.compared)}  # type: ignore[dict-item]
            for each in (periods_of(query) if query.compare is not None else ())
        ],
        "undated": found.stored.undated,
        "columns": describe_columns(query, found.plan),
        "groups": found.groups,
    }
    head = json.dumps(beside, ensure_ascii=False, separators=(",", ":"))
    total_row = "null" if total is None else total.rows.strip()[1:-1].strip() or "null"
    return f'{head[:-1]},"total":{total_row},"data":{found.rows}}}'


def _span(days: Any) -> Mapping[str, str] | None:
    return None if days is None else {"start": days.start.isoformat(), "end": days.end.isoformat()}
