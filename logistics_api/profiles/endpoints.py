"""GET /api/datasets/{dataset}/profile: a dataset by its contract, and what its columns hold."""

import asyncio
from collections.abc import Sequence
from datetime import date, timedelta
from math import isfinite
from typing import Any

import msgspec
from fastapi import Request, Response

from logistics_api.database.pool import Reader
from logistics_api.http.responses import FIGURE_PROBLEMS, problem_response
from logistics_api.http.routing import Router
from logistics_api.parameters.datasets import NameOfDataset, dataset_of
from logistics_api.parameters.date_range import NoParameters
from logistics_api.profiles.queries import PROFILES
from logistics_api.profiles.schemas import ColumnProfile, DatasetProfile, FrequentValue, ProfiledColumn
from logistics_core.catalogue import Dataset, Field, FieldType
from logistics_core.profiles import FIRST_DAY, FieldProfile, ValueKind, merged_profiles

router = Router(tags=["rows"])

MOST_FILES = 100
MOST_PROFILES = 2_000
"""Profiles of columns that are merged for one response: each costs about a tenth of a millisecond."""
BOOLEANS = {"t": "true", "f": "false"}


@router.get(
    "/api/datasets/{dataset}/profile",
    response_model=DatasetProfile,
    responses=FIGURE_PROBLEMS | {404: problem_response("The dataset does not exist")},
    summary="Profile of one dataset",
)
async def read_dataset_profile(
    dataset: NameOfDataset,
    _: NoParameters,
    request: Request,
    database: Reader,
) -> Response:
    """Returns what each column holds, from a sample of the rows of the latest loaded files (at most 100)."""
    found = dataset_of(request, dataset)
    most = max(1, min(MOST_FILES, MOST_PROFILES // len(found.fields)))
    row = await database.fetch_row(PROFILES, {"dataset": found.name, "most": most})
    document = await asyncio.to_thread(_document, found, row)
    return Response(document.model_dump_json(), media_type="application/json", headers={"Cache-Control": "no-store"})


def _document(dataset: Dataset, row: Sequence[Any]) -> DatasetProfile:
    version, accepted_at, accepted_by, files, files_profiled, records, stored = row
    profiles = merged_profiles(msgspec.convert(stored, list[dict[str, FieldProfile]]))
    sampled = max((each.records for each in profiles.values()), default=0)
    is_whole = sampled == records and files_profiled == files
    return DatasetProfile(
        dataset=dataset.name,
        title=dataset.title,
        description=dataset.description,
        version=version,
        accepted_at=accepted_at,
        accepted_by=accepted_by,
        key_fields=list(dataset.key),
        files=files,
        files_profiled=files_profiled,
        records=records,
        records_sampled=sampled,
        fields=[_column(field, profiles.get(field.name), is_whole=is_whole) for field in dataset.fields],
    )


def _column(field: Field, profile: FieldProfile | None, *, is_whole: bool) -> ProfiledColumn:
    return ProfiledColumn(
        name=field.name,
        title=field.title,
        description=field.description,
        type=field.type,
        role=field.role,
        unit=field.unit,
        required=field.required,
        aliases=list(field.aliases),
        profile=None if profile is None else _profile(field, profile, is_whole=is_whole),
    )


def _profile(field: Field, profile: FieldProfile, *, is_whole: bool) -> ColumnProfile:
    shares = profile.histogram() if all(map(isfinite, profile.points)) else []
    return ColumnProfile(
        kind=profile.kind,
        records=profile.records,
        filled=profile.filled,
        distinct=profile.distinct,
        is_distinct_exact=is_whole and profile.is_complete,
        least=_point(profile.kind, profile.points[:1]),
        median=_point(profile.kind, profile.points[len(profile.points) // 2 :][:1]),
        greatest=_point(profile.kind, profile.points[-1:]),
        frequent=_frequent(field, profile),
        histogram=[round(share, 6) for share in shares],
    )


def _frequent(field: Field, profile: FieldProfile) -> list[FrequentValue]:
    """The values that occur more than once, or all if there are few. PostgreSQL has changed the order of the keys."""
    words = BOOLEANS if field.type is FieldType.BOOLEAN else {}
    found = sorted(profile.frequent.items(), key=lambda pair: (-pair[1], pair[0]))
    is_all = len(found) == profile.distinct
    return [FrequentValue(value=words.get(text, text), count=count) for text, count in found if is_all or count > 1]


def _point(kind: ValueKind, points: Sequence[float]) -> float | date | None:
    """A point as JSON can hold it: a number, or the day."""
    if not points or not isfinite(points[0]):
        return None
    return FIRST_DAY + timedelta(days=int(points[0] // 1)) if kind is ValueKind.DATE else points[0]
