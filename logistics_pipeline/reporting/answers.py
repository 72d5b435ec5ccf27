"""The answers to a board's questions, asked of the running API: the same that the dashboard shows."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import httpx2

from logistics_core.languages.sentences import Sentence, joined
from logistics_core.metrics.periods import DayRange
from logistics_pipeline.reporting.faults import ReportFault

_SECONDS = 60.0
_MOST_BYTES = 64 << 20


@dataclass(frozen=True)
class Panel:
    """A question of a board with its answer, as the API describes both."""

    title: str
    """As somebody wrote it, or a sentence."""
    chart: str
    question: Mapping[str, Any]
    answer: Mapping[str, Any]
    metrics: Mapping[str, Mapping[str, Any]]
    """Descriptions by name."""

    @property
    def by(self) -> list[str]:
        """The fields that it groups by."""
        return [name for name in str(self.question.get("by") or "").split(",") if name]

    @property
    def values(self) -> list[Mapping[str, Any]]:
        """The columns of the metrics themselves."""
        return [column for column in self.answer["columns"] if column["kind"] == "value"]

    @property
    def rows(self) -> list[Mapping[str, Any]]:
        """The rows of the answer."""
        rows: list[Mapping[str, Any]] = self.answer["data"]
        return rows

    @property
    def has_figures(self) -> bool:
        """Whether it shows anything. A total has a row without any records as well: of zeros and of nothing."""
        if self.by or self.question.get("grain"):
            return bool(self.rows)
        return any(value for row in self.rows for value in row.values())


@dataclass(frozen=True)
class AnsweredBoard:
    """A board with all its answers, which are of one refresh."""

    board_id: str
    title: str
    description: str
    panels: tuple[Panel, ...]
    data_version: int | None


@dataclass
class BoardReader:
    """Asks the API. Its key may be missing where it needs none."""

    url: str
    key: str | None = None

    def read(self, board: str, days: DayRange | None) -> AnsweredBoard:
        """All answers of a board, named by ID or title.

        Raises:
            ReportFault: there is no such board, or one answer is missing.
        """
        headers = {} if self.key is None else {"X-API-Key": self.key}
        with httpx2.Client(timeout=_SECONDS, headers=headers, follow_redirects=False, trust_env=False) as client:
            found = self._get(client, f"/api/boards/{self._board_id(client, board)}")
            parameters = {"version": str(found["version"])}
            if days is not None:
                parameters |= {"start": days.start.isoformat(), "end": days.end.isoformat()}
            answers = self._get(client, f"/api/boards/{found['board_id']}/answers", parameters)["answers"]
            described = {each["dataset"]: each for each in self._get(client, "/api/metrics")["datasets"]}
        panels = tuple(_panel(panel, answer, described) for panel, answer in zip(found["panels"], answers, strict=True))
        return AnsweredBoard(found["board_id"], found["title"], found["description"], panels, _version(panels))

    def _board_id(self, client: httpx2.Client, board: str) -> str:
        boards = self._get(client, "/api/boards")["boards"]
        ids = [each["board_id"] for each in boards if board in (each["board_id"], each["title"])]
        if len(ids) == 1:
            return quote(ids[0])
        if ids:
            raise ReportFault(f"There are {len(ids)} boards with the title {board!r}. Name one by its ID.")
        titles = ", ".join(sorted(repr(each["title"]) for each in boards)[:20]) or "none"
        raise ReportFault(f"There is no board {board!r}. There are: {titles}.")

    def _get(self, client: httpx2.Client, path: str, parameters: Mapping[str, str] | None = None) -> Any:
        address = f"{self.url.rstrip('/')}{path}"
        try:
            response = client.get(address, params=parameters)
        except httpx2.HTTPError as error:
            raise ReportFault(
                f"The API does not answer at {self.url}: {str(error) or type(error).__name__}."
            ) from error
        if response.status_code != 200:
            raise ReportFault(f"The API answers {path} with {response.status_code}: {_detail(response)}")
        if len(response.content) > _MOST_BYTES:
            raise ReportFault(f"The answer of {path} has more than {_MOST_BYTES >> 20} MiB. Ask for less.")
        try:
            return json.loads(response.content, parse_float=Decimal)
        except ValueError as error:
            raise ReportFault(f"The API answers {path} with something that is not JSON.") from error


def _detail(response: httpx2.Response) -> str:
    try:
        return str(response.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return "no reason was given."


def _panel(panel: Mapping[str, Any], answer: Mapping[str, Any], described: Mapping[str, Any]) -> Panel:
    question = panel["question"]
    if answer["problem"] is not None:
        name = panel["title"] or question["metrics"]
        raise ReportFault(f"The panel {name!r} has no answer: {answer['problem']['detail']}")
    dataset = described.get(question["dataset"], {})
    metrics = {each["name"]: each for each in dataset.get("metrics", ())}
    return Panel(
        panel["title"] or _title(question, metrics, dataset), panel["chart"], question, answer["answer"], metrics
    )


def _title(question: Mapping[str, Any], metrics: Mapping[str, Any], dataset: Mapping[str, Any]) -> str:
    """As the dashboard words it: metrics, then fields."""
    fields = {each["path"]: each["title"] for each in dataset.get("dimensions", ())}
    what = joined((Sentence(metrics.get(name, {}).get("title", name)) for name in question["metrics"].split(",")), ", ")
    names = [name for name in (question.get("by") or "").split(",") if name]
    by = joined((Sentence(fields.get(name, name)) for name in names), ", ")
    return Sentence("{metrics} by {fields}", metrics=what, fields=by) if names else what


def _version(panels: tuple[Panel, ...]) -> int | None:
    versions = {panel.answer["data_version"] for panel in panels} - {None}
    if len(versions) > 1:
        raise ReportFault("The figures were refreshed while the board was answered: its panels are of two refreshes.")
    return next(iter(versions), None)
