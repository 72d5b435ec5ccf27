"""The `If-Data-Version` request header: the figures of one data version, or none.

Figures of different versions must not stand side by side. A client that has received several versions, because of a
refresh or because the database is unavailable, repeats its requests for the version that it shows.
"""

from starlette.types import Scope

from logistics_api.errors import LONGEST_FOUND, ParameterError, Problem, refused_parameters
from logistics_api.http.context import context_of

HEADER = "If-Data-Version"


def pinned_version(scope: Scope) -> bytes | None:
    """The data version that the request asks for; None if it accepts any.

    Raises:
        Problem: 422, the header is not a data version.
    """
    pinned = context_of(scope).if_data_version
    if pinned is None or (pinned.isdigit() and len(pinned) <= 18):
        return None if pinned is None else str(int(pinned)).encode()
    found = pinned.decode("latin-1")[:LONGEST_FOUND]
    expected = "a data version: a whole number, as in Data-Version"
    raise refused_parameters(
        [ParameterError(parameter=HEADER, location="header", expected=expected, found=found)],
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
