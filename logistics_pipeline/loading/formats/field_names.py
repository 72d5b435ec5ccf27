"""Compares the field names of a dataset with those found in a file, for messages about files of another kind."""

from collections.abc import Collection, Iterable
from difflib import get_close_matches

from logistics_core.catalogue import Dataset
from logistics_pipeline.loading.excerpts import excerpt

_SIMILARITY = 0.75


def describe_fields(dataset: Dataset, found: Iterable[str]) -> str:
    """Says which fields a dataset requires, which names were found instead, and which of those are nearly the same.

    For example `vehicles requires vehicle_id; found VehicleId, Trip; nearest: VehicleId for vehicle_id`.
    """
    names = list(found)
    required = ", ".join(field.name for field in dataset.fields if field.required)
    listed = excerpt(", ".join(excerpt(name) for name in names), 200) or "no field names"
    nearest = ", ".join(f"{excerpt(name)} for {field}" for field, name in nearest_names(dataset, names))
    return f"{dataset.name} requires {required}; found {listed}" + (f"; nearest: {nearest}" if nearest else "")


def nearest_names(dataset: Dataset, found: Collection[str]) -> list[tuple[str, str]]:
    """Returns the dataset's fields that are not among the names found, each with the name that is nearly the same."""
    names = {_plain(name): name for name in found if len(name) <= 100}
    exact = {name for name in found if name in dataset.columns}
    pairs = []
    for field in dataset.columns:
        close = [] if field in exact else get_close_matches(_plain(field), names, 1, _SIMILARITY)
        pairs += [(field, names[match]) for match in close if names[match] not in dataset.columns]
    return pairs


def _plain(name: str) -> str:
    """A name without what people write in different ways: case, and anything but letters and digits."""
    return "".join(filter(str.isalnum, name.casefold()))
