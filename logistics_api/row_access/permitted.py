"""The rows that a caller may see, of the datasets that are served: what statements read instead of a table."""

from functools import lru_cache
from typing import Annotated

from cachetools import LRUCache
from fastapi import Depends, Request
from psycopg import sql

from logistics_api.errors import Problem
from logistics_core.catalogue import Catalogue, Dataset
from logistics_core.metrics.conditions import Filter
from logistics_core.row_access.permitted_records import permitted_records
from logistics_core.row_access.rules import RowAccess

KEPT = 256
"""Callers with different rows whose rules are kept as SQL."""


class PermittedRows:
    """The rows of each dataset that a caller may see. Those who may see the same rows share one of these."""

    def __init__(self, access: RowAccess, catalogue: Catalogue) -> None:
        self.text = access.text
        """Tells them apart, for keys and checksums."""
        self._access, self._catalogue = access, catalogue
        self._read = lru_cache(None)(self._find)

    def includes(self, dataset: Dataset) -> bool:
        """Whether any rows of the dataset may be seen."""
        return dataset.name in self._access.rules

    def require(self, name: str) -> None:
        """Refuses a dataset of which no rows may be seen.

        Raises:
            Problem: 403.
        """
        self._read(name)

    def filter(self, dataset: Dataset) -> Filter:
        """Which rows of the dataset may be seen.

        Raises:
            Problem: 403, none.
        """
        return self._read(dataset.name)[0]

    def records(self, dataset: Dataset) -> sql.Composable:
        """These rows: a table, or a subquery without an alias, for statements with parameters.

        Raises:
            Problem: 403, there are none.
        """
        return self._read(dataset.name)[1]

    def _find(self, name: str) -> tuple[Filter, sql.Composable]:
        dataset = self._catalogue[name]
        try:
            found = self._access.filter(dataset, self._catalogue)
        except ValueError as error:
            raise _outdated_rule(name, error) from error
        if found is None:
            raise _no_rows_of(name, list(self._access.rules))
        return found, permitted_records(dataset, found, self._catalogue)


class RowPermissions:
    """The permitted rows of callers, for one catalogue."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._known: LRUCache[RowAccess, PermittedRows] = LRUCache(KEPT)

    def of(self, access: RowAccess) -> PermittedRows:
        """What a caller may see."""
        found = self._known.get(access)
        if found is None:
            found = self._known[access] = PermittedRows(access, self._catalogue)
        return found


def permitted_rows(request: Request) -> PermittedRows | None:
    """The rows that the sender of a request may see; None: all."""
    access: RowAccess | None = request.state.principal.row_access
    if access is None:
        return None
    permissions: RowPermissions = request.app.state.row_permissions
    return permissions.of(access)


def granted_rows(request: Request) -> str | None:
    """The same as JSON, for statements that ask whether something is about these rows alone."""
    access: RowAccess | None = request.state.principal.row_access
    return None if access is None else access.text


def is_about_permitted(column: str) -> str:
    """The condition that something is about rows of `%(granted)s` alone, or that the sender may see all."""
    return f"(%(granted)s::jsonb IS NULL OR access.are_rows_permitted({column}, ARRAY[%(granted)s::jsonb]))"


async def _of_request(request: Request) -> PermittedRows | None:
    return permitted_rows(request)


Permitted = Annotated[PermittedRows | None, Depends(_of_request)]


def refused(what: str, instead: str) -> Problem:
    """The response to a request for what cannot be narrowed down to some rows."""
    return Problem(
        403,
        "rows-not-permitted",
        "Rows not permitted",
        f"You may see some rows only, and {what} cannot be narrowed down to them. {instead}",
    )


def refuse_as_of(permitted: PermittedRows | None, as_of: object) -> None:
    """Refuses what was known earlier to callers that may see some rows only: rules are about rows as they are now.

    Raises:
        Problem: 403.
    """
    if permitted is not None and as_of is not None:
        raise refused("what was known earlier", "Leave out the parameter that asks for it.")


_WHO_ALLOWS = (
    "Whoever manages access can allow it: for a key `logistics keys create NAME --only RULE`, for people of a group "
    "`logistics people restrict GROUP --only RULE`."
)


def _no_rows_of(dataset: str, granted: list[str]) -> Problem:
    return Problem(
        403,
        "rows-not-permitted",
        "Rows not permitted",
        f"You may not see any rows of {dataset}, only of {', '.join(granted)}. {_WHO_ALLOWS}",
    )


def _outdated_rule(dataset: str, error: ValueError) -> Problem:
    return Problem(
        403,
        "rows-not-permitted",
        "Rows not permitted",
        f"The rule that says which rows of {dataset} you may see does not fit the contract of {dataset} any more: "
        f"{error} {_WHO_ALLOWS}",
    )
