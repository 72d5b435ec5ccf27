"""The questions of a board's panels as questions about metrics."""

from dataclasses import replace
from datetime import date
from typing import Any

from pydantic import ValidationError

from logistics_api.boards.schemas import AUTO, BoardDocument, BoardPanel
from logistics_api.errors import LONGEST_FOUND, ParameterError, Problem, refused_parameters
from logistics_api.metrics.parameters import MetricParameters, question
from logistics_api.querying.metric_query import MetricQuery
from logistics_api.row_access.permitted import PermittedRows
from logistics_core.catalogue import Catalogue, Dataset
from logistics_core.catalogue.model import Snapshots
from logistics_core.metrics.periods import DayRange, Grain

MOST_DAYS, MOST_DAYS_IN_WEEKS = 92, 731
"""The longest ranges that `auto` divides into days, and into weeks: as the charts of the dashboard's own pages do."""


def check_questions(board: BoardDocument, catalogue: Catalogue) -> None:
    """Refuses a board with a question that cannot be asked.

    Raises:
        Problem: 422, naming the panel and what is wrong with it.
    """
    errors = [error for number, panel in enumerate(board.panels) for error in _errors(panel, number, catalogue)]
    if errors:
        raise refused_parameters(errors)


def _errors(panel: BoardPanel, number: int, catalogue: Catalogue) -> list[ParameterError]:
    place = f"panels.{number}.question"
    if panel.question.dataset not in catalogue:
        known = ", ".join(catalogue)
        return [_error(f"{place}.dataset", f"a dataset: {known}", panel.question.dataset)]
    try:
        panel_query(panel, catalogue, None, None, None)
    except Problem as problem:
        found: list[dict[str, Any]] = problem.members["errors"]
        return [_error(f"{place}.{each['parameter']}", each["expected"], each["found"]) for each in found]
    return []


def _error(parameter: str, expected: str, found: str | None) -> ParameterError:
    return ParameterError(parameter=parameter, location="body", expected=expected, found=found)


def panel_query(
    panel: BoardPanel,
    catalogue: Catalogue,
    permitted: PermittedRows | None,
    start: date | None,
    end: date | None,
) -> MetricQuery:
    """The question of a panel over a range of days; a dataset without days is asked about all its records.

    With `auto`, the grain follows from the range; `with_grain` chooses it where the range is open.

    Raises:
        Problem: 422, what it asks for does not exist any more.
    """
    asked, dataset = panel.question, catalogue[panel.question.dataset]
    given = asked.model_dump(exclude={"dataset", "grain"})
    grain = asked.grain
    if grain == AUTO:
        grain = _finest(dataset) if dataset.has_periods else None
    days = {"start": start and start.isoformat(), "end": end and end.isoformat()} if dataset.has_periods else {}
    texts = {name: _as_text(value) for name, value in {**given, **days, "grain": grain}.items() if value is not None}
    try:
        parameters = MetricParameters.model_validate(texts)
    except ValidationError as error:
        found = [(str(each["loc"][0]), each) for each in error.errors(include_url=False)]
        raise refused_parameters(
            [_error(name, str(each["msg"]), str(each["input"])[:LONGEST_FOUND]) for name, each in found]
        ) from error
    return question(parameters, dataset, catalogue, permitted)


def _finest(dataset: Dataset) -> Grain:
    return Grain.MONTH if dataset.snapshots is Snapshots.MONTHLY else Grain.DAY


def _as_text(value: Any) -> str:
    """A value as a query string has it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def with_grain(query: MetricQuery, panel: BoardPanel, known: DayRange | None) -> MetricQuery:
    """The question with the grain that `auto` stands for; `known` are the days with records, for open ends."""
    if panel.question.grain != AUTO or query.grain in (None, Grain.MONTH):
        return query
    days = query.days or known
    if days is not None and known is not None:
        days = DayRange(
            known.start if days.start == date.min else days.start, known.end if days.end == date.max else days.end
        )
    length = 1 if days is None else days.days
    grain = Grain.DAY if length <= MOST_DAYS else Grain.WEEK if length <= MOST_DAYS_IN_WEEKS else Grain.MONTH
    return replace(query, grain=grain)
