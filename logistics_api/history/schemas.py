"""Responses about histories."""

from datetime import datetime
from functools import cache
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, create_model

from logistics_api.as_of.parameter import AsOfText
from logistics_api.as_of.schemas import FileAsOf
from logistics_api.metrics.parameters import MAX_FILTER, Names
from logistics_api.parameters import cursors
from logistics_api.parameters.date_range import Day
from logistics_api.parameters.types import Cursor, Integer
from logistics_api.rows.schemas import row_model
from logistics_core.catalogue import Dataset


class DatasetHistory(BaseModel):
    """The history of a dataset."""

    model_config = ConfigDict(extra="forbid")

    dataset: str = Field(examples=["vehicles"])
    is_kept: bool = Field(description="Whether records that others supersede are kept now")
    since_file_id: int = Field(
        description="Of files with gaps: every version is known as of this file and later ones", examples=[214]
    )
    since_path: str | None = Field(description="The path of that file")
    started_at: datetime = Field(description="When they began to be kept")
    ended_at: datetime | None = Field(description="Since when they are kept no longer; null while they are")
    files_with_gaps: int = Field(
        description="Files of which records were superseded before. While there are none, every version is known as of "
        "any file"
    )
    superseded: int = Field(description="Superseded records of files that are loaded, known or not")


class Histories(BaseModel):
    """The datasets that keep earlier versions of their records."""

    model_config = ConfigDict(extra="forbid")

    data: list[DatasetHistory]


class FileOfVersion(BaseModel):
    """The file that a version came from."""

    model_config = ConfigDict(extra="forbid")

    file_id: int = Field(examples=[214])
    path: str = Field(examples=["vehicles/june.csv"])
    version: int = Field(description="Version of the content under this path, from 1", examples=[1])
    registered_at: datetime


class TimelineParameters(BaseModel):
    """Which versions. Unknown parameters are refused."""

    model_config = ConfigDict(extra="forbid")

    limit: Integer = Field(100, ge=1, le=1000, description="Maximum number of versions")
    cursor: Cursor | None = Field(None, description=cursors.DESCRIPTION)


class Version(BaseModel):
    """One version of a record."""

    model_config = ConfigDict(extra="forbid")

    file: FileOfVersion = Field(description="The file that it came from: it counts from when that was registered")
    record_no: int = Field(description="Number of the record in that file, from 1", examples=[31_415])
    until: FileOfVersion | None = Field(
        description="The file with the next version; null for the newest one, which counts now"
    )
    changed: list[str] | None = Field(
        description="The fields that differ from the version before; null for the first one that is known"
    )
    record: Any = Field(description="The record")


class Timeline(cursors.Page):
    """The versions of a record, the newest first."""

    model_config = ConfigDict(extra="forbid")

    is_complete: bool = Field(description="Whether all versions are known")
    incomplete_because: str | None = Field(description="Why not, and what to do")
    data: list[Any]


class RecordHistory(Timeline):
    """The versions of a record of any dataset, the newest first."""

    data: list[Version]


@cache
def timeline_model(dataset: Dataset) -> type[Timeline]:
    """The timeline of a record of a dataset."""
    version = create_model(
        f"{dataset.camel_name}Version", __base__=Version, record=(row_model(dataset), Version.model_fields["record"])
    )
    return create_model(
        f"{dataset.camel_name}Timeline",
        __base__=Timeline,
        __doc__=f"The versions of a record of {dataset.name}, the newest first.",
        data=(list[version], Timeline.model_fields["data"]),
    )


class FigureParameters(BaseModel):
    """Which figures, and since when. Unknown parameters are refused."""

    model_config = ConfigDict(extra="forbid")

    since: AsOfText = Field(
        description="As of when the figures are compared with those of now: a file by its number or path, a day (all "
        "files registered until its end, in UTC), or a moment",
        examples=["2026-03-01"],
    )
    until: AsOfText | None = Field(None, description="As of when they are compared instead of now, in the same way")
    metrics: Names | None = Field(None, description="As in /api/metrics/{dataset}", examples=["revenue"])
    start: Day | None = Field(None, description="First day; if omitted, all days")
    end: Day | None = Field(None, description="Last day, inclusive; if omitted, all days")
    filter: str | None = Field(
        None,
        max_length=MAX_FILTER,
        description="Records that count, as in /api/metrics/{dataset}",
        examples=['{"origin":"Aachen"}'],
    )


class FigureChange(BaseModel):
    """A file that changed a figure."""

    model_config = ConfigDict(extra="forbid")

    file: FileOfVersion
    before: dict[str, Any] = Field(description="The figures as of the file before")
    after: dict[str, Any] = Field(description="The figures as of this file")


class FigureHistory(BaseModel):
    """What figures were, what they are, and the files that changed them."""

    model_config = ConfigDict(extra="forbid")

    dataset: str = Field(examples=["shipments"])
    since: FileAsOf
    until: FileAsOf
    then: dict[str, Any] = Field(description="The figures as of `since`")
    now: dict[str, Any] = Field(description="The figures as of `until`")
    files: int = Field(description="Files in between that the figures may depend on")
    changes: list[FigureChange] = Field(description="Those that changed a figure, in the order of registration")
