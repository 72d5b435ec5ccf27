"""Where an uploaded file goes: to a dataset, or to a place that no dataset knows, for which a contract is proposed.

A name that looks like a misspelt dataset is refused: where the policy is `auto`, it would become a dataset of its own.
"""

import re
from difflib import get_close_matches
from typing import NamedTuple

from logistics_api.errors import ParameterError, Problem, refused_parameters
from logistics_api.uploads.parameters import Destination
from logistics_core.catalogue import Catalogue
from logistics_core.dataset_names import meant_dataset

CLOSE = 0.7
"""Similarity from which a dataset is named as the one that may be meant."""
NEITHER = "no `folder` beside `dataset`: a dataset has its own folder"

_SEPARATORS = re.compile(r"[^a-z0-9]+")


class Place(NamedTuple):
    """Where a file goes."""

    path: str
    """Relative to the raw folder."""
    dataset: str | None
    """Which one it belongs to; None if a contract is to be proposed."""


def place_of(where: Destination, catalogue: Catalogue) -> Place:
    """Returns where an uploaded file goes.

    Raises:
        Problem: 422, there is no such dataset; or a name looks like a misspelt one.
    """
    if where.dataset is not None:
        if where.folder is not None:
            error = ParameterError(parameter="folder", location="query", expected=NEITHER, found=where.folder)
            raise refused_parameters([error])
        if where.dataset not in catalogue:
            raise _unknown_dataset(where.dataset, catalogue)
        return Place(f"{where.dataset}/{where.filename}", where.dataset)
    path = where.filename if where.folder is None else f"{where.folder}/{where.filename}"
    dataset = catalogue.dataset_of_path(path)
    if dataset is None:
        _refuse_misspelt(where, catalogue)
    elif where.folder is None:
        path = f"{dataset}/{where.filename}"
    return Place(path, dataset)


def _unknown_dataset(name: str, catalogue: Catalogue) -> Problem:
    nearest = get_close_matches(name, catalogue, 1, CLOSE)
    meant = f"; the nearest name is {nearest[0]}" if nearest else ""
    expected = f"one of {', '.join(sorted(catalogue))}{meant}"
    return _problem(
        ParameterError(parameter="dataset", location="query", expected=expected, found=name),
        f"There is no dataset {name!r}.{f' Is {nearest[0]} meant?' if nearest else ''} For a file of a new dataset, "
        f"leave out `dataset`, and name the new one with `folder`: a contract is proposed for the file.",
    )


def _refuse_misspelt(where: Destination, catalogue: Catalogue) -> None:
    parameter, name = ("filename", _stem(where.filename)) if where.folder is None else ("folder", where.folder)
    nearest = meant_dataset(name, catalogue)
    if nearest is None:
        return
    expected = f"dataset={nearest}, or a name that is not so close to that"
    found = where.filename if where.folder is None else where.folder
    raise _problem(
        ParameterError(parameter=parameter, location="query", expected=expected, found=found),
        f"There is no dataset {name!r}, but one named {nearest}. If that is meant, send `dataset={nearest}`. If "
        "the file is of a new dataset, give it another name or folder, or send it to /api/contracts/proposals.",
    )


def _stem(filename: str) -> str:
    """The name that a dataset would get by the file, as far as letters go, without the ending."""
    return _SEPARATORS.sub("_", filename.lower().partition(".")[0]).strip("_")


def _problem(error: ParameterError, detail: str) -> Problem:
    problem = refused_parameters([error])
    return Problem(problem.status, problem.kind, problem.title, detail, members=problem.members)
