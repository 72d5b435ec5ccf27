"""Responses about contracts, proposals and requests, and the bodies that people send."""

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from logistics_api.contract_requests.schemas import ContractRequest
from logistics_api.parameters.cursors import Page
from logistics_api.parameters.types import DIGITS, DatasetName, Flag, Paging, Text
from logistics_api.schemas import StrictModel
from logistics_api.uploads.names import FileName
from logistics_core.contract_exports import ExportFormat
from logistics_core.database_contract.contracts import ProposalKind, ProposalState

# -- proposals -------------------------------------------------------------------------------------------------------


class ProposalSummary(StrictModel):
    """A proposal of a contract, without its document."""

    proposal_id: str = Field(description="Proposal ID", examples=["0d2b2c5e-6f2d-4b6e-9a43-3a1f3a0f3f52"])
    path: str = Field(description="The file, as in the ledger", examples=["fuel/2024-06.csv"])
    file_id: int | None = Field(description="ID of the file in the ledger; null if it has none", examples=[214])
    dataset: str = Field(description="Name of the proposed or changed dataset", examples=["fuel"])
    kind: ProposalKind = Field(
        description="`new`: a dataset of its own; `drift`: a changed contract of a dataset", examples=[ProposalKind.NEW]
    )
    state: ProposalState = Field(
        description="`open`, `accepted`, `dismissed`, or `superseded` by another proposal or contract",
        examples=[ProposalState.OPEN],
    )
    open_questions: int = Field(description="Questions that nobody has answered", examples=[1])
    obstacles: int = Field(description="Reasons why it cannot be accepted as it is", examples=[0])
    is_acceptable: bool = Field(
        description="Whether it is open, every question is answered and nothing is in the way", examples=[False]
    )
    version: int | None = Field(description="The version of the contract that it became; null if none", examples=[None])
    created_at: datetime = Field(description="When it was made, UTC", examples=["2024-04-01T06:00:00.123456+00:00"])
    created_by: str = Field(description="Who asked for it", examples=["the watch of contracts"])
    ended_at: datetime | None = Field(description="Since when it is not open any more, UTC; null while open")
    ended_by: str | None = Field(description="Who accepted, dismissed or superseded it; null while open")
    url: str = Field(
        description="Address of this proposal",
        examples=["/api/contracts/proposals/0d2b2c5e-6f2d-4b6e-9a43-3a1f3a0f3f52"],
    )


class ContractProposals(Page, StrictModel):
    """A page of proposals."""

    items: list[ProposalSummary] = Field(description="The proposals, newest first")


class ContractQuestion(StrictModel):
    """What only a person can tell about the file."""

    id: str = Field(description="Identifies the question in answers", examples=["date_order:paid_on"])
    kind: str = Field(description="What the question is about", examples=["date_order"])
    text: str = Field(description="The question", examples=["paid_on: day or month first? 1,204 cells depend on it."])
    columns: list[str] = Field(description="The columns that it concerns", examples=[["paid_on"]])
    cells: int = Field(description="Cells or records that depend on it", examples=[1204])
    answers: list[str] = Field(description="The possible answers", examples=[["day first", "month first"]])
    suggestion: str | None = Field(
        description="The answer that other columns speak for; nobody has decided it", examples=[None]
    )
    values: list[str] = Field(description="The texts in question, where some of a column are", examples=[[]])
    answer: str | None = Field(description="The answer given so far; null if it is open", examples=[None])


class FilePreview(StrictModel):
    """The first records of a file."""

    titles: list[str] = Field(description="Titles of the columns, as in the file", examples=[["payment", "paid on"]])
    rows: list[list[str | None]] = Field(
        description="At most 50 records; cells are shortened", examples=[[["P-001", "01/02/2024"]]]
    )


class ContractProposal(ProposalSummary):
    """A proposal with everything that was found in the file."""

    questions: list[ContractQuestion] = Field(description="All questions, answered or not")
    answers: dict[str, str] = Field(description="Answers by the id of the question", examples=[{}])
    obstacle_texts: list[str] = Field(description="Why it cannot be accepted as it is, one sentence each")
    waits_because: str | None = Field(
        description="Why it waits for a person though nothing is left to answer; otherwise null",
        examples=["LOGISTICS_CONTRACTS is review: a person accepts every contract"],
    )
    columns: list[dict[str, Any]] = Field(
        description="The columns found: name, title, type, role, unit, counts, examples and evidence, as "
        "`logistics contracts propose --json` prints them",
        examples=[[{"name": "paid_on", "title": "paid on", "type": "date", "evidence": ["1,204 of 1,204 are dates"]}]],
    )
    changes: list[dict[str, Any]] = Field(
        description="With `drift`: how the file differs from the contract; otherwise empty", examples=[[]]
    )
    notes: list[str] = Field(description="What there is to say about the file as a whole", examples=[[]])
    preview: FilePreview
    file_format: dict[str, Any] = Field(
        description="How the file is written: format, encoding, dialect, compression, and what was read of it",
        examples=[{"format": "csv", "encoding": "UTF-8", "rows": 1204, "is_whole": True}],
    )
    contract: str = Field(description="The contract that would be accepted, as YAML", examples=["name: fuel\n"])
    contract_document: dict[str, Any] | None = Field(
        description="The same as a document; null if the proposal has none", examples=[{"name": "fuel"}]
    )
    is_edited: bool = Field(description="Whether a person has written the contract", examples=[False])
    latest_request: ContractRequest | None = Field(description="The last request about it; null if there was none")


# -- contracts -------------------------------------------------------------------------------------------------------


class ContractSummary(StrictModel):
    """A dataset and the version of its contract that is in force."""

    dataset: str = Field(description="Name of the dataset", examples=["fuel"])
    title: str = Field(description="Its title", examples=["Fuel cards"])
    is_built_in: bool = Field(description="Whether its contract comes with the product", examples=[False])
    version: int = Field(description="The version in force; always 1 for a built-in one", examples=[3])
    accepted_at: datetime | None = Field(
        description="When that was accepted, UTC; null for a built-in one", examples=["2024-04-01T06:00:00+00:00"]
    )
    accepted_by: str | None = Field(
        description="Who accepted it; null for a built-in one", examples=["the policy auto"]
    )
    retired_at: datetime | None = Field(
        description="Since when its files are not loaded any more, UTC; null while they are", examples=[None]
    )
    is_served: bool = Field(
        description="Whether this process of the API serves its rows: it follows a change within a second",
        examples=[True],
    )
    url: str = Field(description="Address of the contract", examples=["/api/contracts/fuel"])


class DatasetContracts(StrictModel):
    """All datasets that have a contract."""

    datasets: list[ContractSummary] = Field(description="The built-in ones first, then by name, retired ones as well")


class DatasetContractVersion(StrictModel):
    """An accepted version of a contract."""

    version: int = Field(description="Its number, from 1", examples=[3])
    is_in_force: bool = Field(description="Whether it is the version that the dataset has now", examples=[True])
    is_compatible: bool = Field(description="Whether files and rows of the version before fit it", examples=[True])
    changes: list[str] = Field(
        description="What differs from the version before, one sentence each",
        examples=[["The optional field station is new."]],
    )
    sha256: str = Field(
        description="SHA-256 of its text",
        examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
    )
    accepted_at: datetime = Field(description="When it was accepted, UTC", examples=["2024-04-01T06:00:00+00:00"])
    accepted_by: str = Field(description="Who accepted it", examples=["the policy auto"])


class DatasetContract(ContractSummary):
    """The contract of a dataset in one version."""

    shown_version: int = Field(description="The version that `contract` is", examples=[3])
    contract: str = Field(description="The contract as YAML", examples=["name: fuel\n"])
    document: dict[str, Any] = Field(
        description="The same as a document, in the format that was asked for", examples=[{"name": "fuel"}]
    )
    versions: list[DatasetContractVersion] = Field(description="All versions, newest first; empty for a built-in one")


# -- what is sent ----------------------------------------------------------------------------------------------------


class ProposalParameters(Paging):
    """Query parameters of the list of proposals."""

    state: ProposalState | None = Field(None, description="Only proposals in this state", examples=[ProposalState.OPEN])
    dataset: DatasetName | None = Field(None, description="Only proposals of this dataset", examples=["fuel"])


class ProposedFile(BaseModel):
    """Query parameters of a file that is sent to be proposed a contract for."""

    model_config = ConfigDict(extra="forbid")

    filename: FileName | None = Field(
        None,
        description="Name that the file in the body gets, without a path. Without it, the body is JSON that names a "
        "file of the raw folder",
        examples=["2024-06.csv"],
    )
    folder: DatasetName | None = Field(
        None,
        description="Folder of the raw folder that the file is put into, after which its dataset is named; without it, "
        "the dataset is named after the file",
        examples=["fuel"],
    )
    replace: Flag = Field(False, description="Whether to replace a file that has this name and other content")


class FileToPropose(StrictModel):
    """A file that is in the raw folder already."""

    path: Text = Field(description="Its path, relative to the raw folder", examples=["fuel/2024-06.csv"])
    dataset: DatasetName | None = Field(
        None, description="Name of the dataset; by default that of the folder or the file", examples=["fuel"]
    )


_BY_TEXT: JsonDict = {"propertyNames": TypeAdapter(Text).json_schema()}
"""pydantic writes the pattern as `patternProperties`, which leaves other names free."""


class ProposalAnswers(StrictModel):
    """Answers to questions of a proposal: at least one."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {"required": [name], "properties": {name: {"minProperties": 1}}} for name in ("answers", "by_kind")
            ]
        }
    )

    answers: dict[Text, Text] = Field(
        {},
        description="By the id of the question; others keep their answers",
        max_length=2000,
        examples=[{"date_order:paid_on": "day first"}],
        json_schema_extra=_BY_TEXT,
    )
    by_kind: dict[Text, Text] = Field(
        {},
        description="By the kind of questions: the answer to all of them that take it and are not in `answers`",
        max_length=100,
        examples=[{"missing_value": "yes"}],
        json_schema_extra=_BY_TEXT,
    )

    @model_validator(mode="after")
    def _check_that_there_is_one(self) -> Self:
        if not self.answers and not self.by_kind:
            raise PydanticCustomError("no_answer", "at least one answer, in `answers` or in `by_kind`")
        return self


class ContractParameters(BaseModel):
    """Query parameters of one contract."""

    model_config = ConfigDict(extra="forbid")

    version: Annotated[int, Field(ge=1, le=2_147_483_647), DIGITS] | None = Field(
        None, description="A version; by default that in force", examples=[1]
    )
    as_: ExportFormat | None = Field(
        None,
        alias="as",
        description="Format of `document`: Data Package, Open Data Contract Standard or JSON Schema; by default the "
        "contract itself",
        examples=["odcs"],
    )
