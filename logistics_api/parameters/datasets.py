"""The dataset that a path names."""

from typing import Annotated

from fastapi import Path, Request

from logistics_api.errors import Problem
from logistics_api.parameters.types import DatasetName
from logistics_core.catalogue import Dataset

NameOfDataset = Annotated[
    DatasetName, Path(description="A dataset by its name in /api/datasets", examples=["shipments"])
]


def dataset_of(request: Request, name: str) -> Dataset:
    """The dataset of that name.

    Raises:
        Problem: 404, there is none.
    """
    found = request.app.state.catalogue.get(name)
    if found is None:
        known = ", ".join(request.app.state.catalogue)
        raise Problem(404, "unknown-dataset", "Unknown dataset", f"There is no dataset {name!r}. There are: {known}.")
    assert isinstance(found, Dataset)
    return found
