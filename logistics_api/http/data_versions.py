"""The request headers that say which data versions a client accepts.

`If-Data-Version`: the figures of one data version, or none. Figures of different versions must not stand side by side.
A client that has received several versions, because of a refresh or because the database is unavailable, repeats its
requests for the version that it shows.

`Min-Data-Version`: no figures older than those that the client has seen. Another process of the API may have answered
it, one whose replica is ahead of ours (decision 0067).
"""

from starlette.types import Scope

from logistics_api.database.freshness import Freshness
from logistics_api.database.replication import REPLAY_SECONDS
from logistics_api.errors import LONGEST_FOUND, Problem, refused_parameter
from logistics_api.http.context import context_of

HEADER = "If-Data-Version"
MINIMUM_HEADER = "Min-Data-Version"


def pinned_version(scope: Scope) -> bytes | None:
    """The data version that the request asks for; None if it accepts any.

    Raises:
        Problem: 422, the header is not a data version.
    """
    pinned = _version(HEADER, context_of(scope).if_data_version)
    return None if pinned is None else str(pinned).encode()


async def await_minimum(scope: Scope, freshness: Freshness) -> int | None:
    """Waits for the lowest data version that the client accepts.

    Returns it if responses may still be older, because another server answers; None if there are no newer figures.

    Raises:
        Problem: 422, the header is not a data version; 503, the replica that is read has older figures.
    """
    minimum = _version(MINIMUM_HEADER, context_of(scope).min_data_version)
    if minimum is None or not freshness.reachable:
        return minimum
    if not await freshness.reaches(minimum):
        raise _too_old(minimum, None if freshness.published is None else freshness.published.data_version)
    is_there = freshness.published is not None and freshness.published.data_version >= minimum
    return minimum if is_there else None


async def refuse_older_version(minimum: int | None, data_version: bytes, freshness: Freshness) -> None:
    """Checks that a response is not older than the client accepts; one that is marked as stale may be.

    Raises:
        Problem: 503, it is, and there are newer ones.
    """
    version = int(data_version)
    if minimum is not None and version < minimum and not await freshness.has_nothing_newer_than(version):
        raise _too_old(minimum, version)


def _version(header: str, sent: bytes | None) -> int | None:
    if sent is None or (sent.isdigit() and len(sent) <= 18):
        return None if sent is None else int(sent)
    found = sent.decode("latin-1")[:LONGEST_FOUND]
    raise refused_parameter(header, "a data version: a whole number, as in Data-Version", found, "header")


def _too_old(minimum: int, available: int | None) -> Problem:
    return Problem(
        503,
        "data-version-not-yet-available",
        "Data version not yet available",
        f"This client has seen data version {minimum}. The database that this API reads has "
        f"{'none' if available is None else f'version {available}'}, and has not caught up within {REPLAY_SECONDS:g} "
        f"seconds. Try again, or without {MINIMUM_HEADER}.",
        headers={"Retry-After": "1"} | ({} if available is None else {"Data-Version": str(available)}),
    )


def refuse_other_version(scope: Scope, data_version: bytes) -> None:
    """Checks that a response has the data version that the request asks for.

    Raises:
        Problem: 412, it has another one.
    """
    pinned = pinned_version(scope)
    if pinned is not None and pinned != data_version:
        raise version_unavailable(pinned, data_version)


def version_unavailable(pinned: bytes, available: bytes) -> Problem:
    """The response to a request for a data version that can be neither computed nor found in the cache."""
    return Problem(
        412,
        "data-version-unavailable",
        "Data version not available",
        f"Data version {pinned.decode()} of this response is not in the cache; version {available.decode()} is "
        f"available. Repeat the request without {HEADER}.",
        headers={"Data-Version": available.decode()},
    )
