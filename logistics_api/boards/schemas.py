"""Boards as they are sent and received."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from logistics_api.metrics.parameters import MAX_FILTER
from logistics_api.metrics.schemas import MetricAnswer
from logistics_api.parameters.types import DatasetName
from logistics_api.querying.metric_query import MAX_ROWS
from logistics_core.metrics.periods import Comparison, Grain

MAX_PANELS = 30
AUTO = "auto"

_LINE = r"[^\x00-\x1f\x7f\u2028\u2029]*"
"""Of one line: titles stand in subjects of mails, in lists and in logs."""
Title = Annotated[str, Field(min_length=1, max_length=200, pattern=rf"^{_LINE}[^\s\x00-\x1f\x7f]{_LINE}$")]
Names = Annotated[str, Field(max_length=2_000)]
Chart = Literal[
    "auto", "number", "columns", "lines", "stacked", "bars", "heatmap", "scatter", "histogram", "map", "table"
]


class BoardQuestion(BaseModel):
    """A question, with the parameters of `/api/metrics/{dataset}`. The range of days is that of the board."""

    model_config = ConfigDict(extra="forbid")

    dataset: DatasetName = Field(description="The dataset", examples=["shipments"])
    metrics: Names = Field(min_length=1, description="Metrics separated by commas", examples=["revenue"])
    by: Names | None = Field(None, description="Fields to group by, separated by commas", examples=["origin"])
    grain: Grain | Literal["auto"] | None = Field(
        None, description="Also group by period; `auto`: days, weeks or months by the length of the range"
    )
    filter: Annotated[str, Field(max_length=MAX_FILTER)] | None = Field(None, description="Records that count, as JSON")
    compare: Comparison | None = Field(None, description="What to compare with")
    show: Names | None = Field(None, description="Further columns, separated by commas")
    periods: int = Field(7, ge=2, le=366, description="How many periods an average covers")
    order: Names | None = Field(None, description="Columns to sort by, separated by commas; `-` reverses")
    limit: int = Field(1_000, ge=1, le=MAX_ROWS, description="Maximum number of rows")
    exact: bool = Field(False, description="Refuses approximations")


class BoardPanel(BaseModel):
    """A panel of a board."""

    model_config = ConfigDict(extra="forbid")

    title: Annotated[str, Field(max_length=200, pattern=f"^{_LINE}$")] = Field(
        "", description="Its heading; if empty, made from the question", examples=["Revenue by origin"]
    )
    question: BoardQuestion
    chart: Chart = Field("auto", description="How the answer is shown; `auto`: as fits the question")
    width: Literal["half", "full"] = Field("half", description="How much of the page it takes")


class BoardDocument(BaseModel):
    """What a board contains: the body of requests that make or change one, and of its export."""

    model_config = ConfigDict(extra="forbid")

    title: Title = Field(examples=["Monday meeting"])
    description: Annotated[str, Field(max_length=4_000, pattern=r"^[^\x00]*$")] = Field(
        "", description="What it is for, as plain text"
    )
    panels: list[BoardPanel] = Field(max_length=MAX_PANELS)


class Board(BoardDocument):
    """A board."""

    board_id: UUID
    version: int = Field(description="One more with each change; requests that change it name it in If-Match")
    owner: str = Field(description="Name of the API key that made it; `anonymous` without one", examples=["dashboard"])
    created_at: datetime
    changed_at: datetime
    changed_by: str = Field(description="Name of the API key that changed it last")


class BoardEntry(BaseModel):
    """A board in the list of all."""

    model_config = ConfigDict(extra="forbid")

    board_id: UUID
    version: int
    title: str
    description: str
    owner: str
    panels: int = Field(description="Number of its panels")
    changed_at: datetime


class Boards(BaseModel):
    """All boards."""

    model_config = ConfigDict(extra="forbid")

    boards: list[BoardEntry] = Field(description="By title")


class PanelAnswer(BaseModel):
    """The answer to the question of a panel, or why there is none."""

    model_config = ConfigDict(extra="forbid")

    answer: MetricAnswer | None
    problem: dict[str, Any] | None = Field(
        description="`type`, `title`, `status`, `detail` and, with 422, `errors`, as problems of other requests have"
    )


class BoardAnswers(BaseModel):
    """The answers to all questions of a board."""

    model_config = ConfigDict(extra="forbid")

    board_id: UUID
    version: int = Field(description="The version of the board that was answered")
    data_version: int | None = Field(description="The refresh that all answers are of; null if they are not of one")
    answers: list[PanelAnswer] = Field(description="In the order of the panels")
