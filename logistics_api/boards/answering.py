"""Answers all questions of a board."""

import asyncio
import json
from collections.abc import Mapping
from datetime import date
from typing import Any

from logistics_api.boards.questions import panel_query, with_grain
from logistics_api.boards.schemas import BoardPanel
from logistics_api.database.pool import Database
from logistics_api.errors import Problem
from logistics_api.metrics.documents import answer_document
from logistics_api.querying.answering import Answer, answer, common_version
from logistics_api.querying.registry import RollupRegistry
from logistics_api.row_access.permitted import PermittedRows
from logistics_core.catalogue import Catalogue
from logistics_core.metrics.periods import DayRange

AT_ONCE = 3
"""Questions of one board that the database works on at the same time: it has few connections for all requests."""


async def answer_panels(
    database: Database,
    registry: RollupRegistry,
    catalogue: Catalogue,
    permitted: PermittedRows | None,
    panels: list[BoardPanel],
    start: date | None,
    end: date | None,
) -> list[Answer | Problem]:
    """The answer to each panel, or the problem that it has alone: what it asks for is gone, or takes too long.

    Raises:
        Problem: 503 if the database is unavailable.
    """
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(panel: BoardPanel) -> Answer | Problem:
        async with turns:
            try:
                return await _answer(database, registry, catalogue, permitted, panel, start, end)
            except Problem as problem:
                if problem.status == 503:
                    raise
                return problem

    return await asyncio.gather(*map(one, panels))


async def _answer(
    database: Database,
    registry: RollupRegistry,
    catalogue: Catalogue,
    permitted: PermittedRows | None,
    panel: BoardPanel,
    start: date | None,
    end: date | None,
) -> Answer:
    if panel.question.dataset not in catalogue:
        detail = f"There is no dataset {panel.question.dataset!r} any more. Remove this panel, or ask about another."
        raise Problem(404, "unknown-dataset", "Unknown dataset", detail)
    query = panel_query(panel, catalogue, permitted, start, end)
    stored = await registry.find(database, query.dataset, permitted)
    known = None
    if stored.first_day is not None and stored.last_day is not None:
        known = DayRange(stored.first_day, stored.last_day)
    return await answer(database, registry, catalogue, with_grain(query, panel, known))


def version_of(answers: list[Answer | Problem]) -> int | None:
    """The data version that all answers are of; None if they are of several, of the records, or if one is missing."""
    return common_version(None if isinstance(each, Problem) else each.data_version for each in answers)


def answers_document(board: Mapping[str, Any], answers: list[Answer | Problem]) -> str:
    """The answers as JSON; the rows are as PostgreSQL wrote them."""
    head = {"board_id": board["board_id"], "version": board["version"], "data_version": version_of(answers)}
    parts = ",".join(map(_part, answers))
    return f'{json.dumps(head)[:-1]},"answers":[{parts}]}}'


def _part(found: Answer | Problem) -> str:
    if not isinstance(found, Problem):
        return f'{{"answer":{answer_document(found, None)},"problem":null}}'
    problem = {
        "type": f"urn:logistics:problem:{found.kind}",
        "title": found.title,
        "status": found.status,
        "detail": found.detail,
        **found.members,
    }
    return f'{{"answer":null,"problem":{json.dumps(problem, ensure_ascii=False)}}}'
