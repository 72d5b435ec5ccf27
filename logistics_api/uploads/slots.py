"""Limits the number of files that are received at the same time."""

from collections.abc import Iterator
from contextlib import contextmanager

from logistics_api.errors import Problem

MAX_CONCURRENT = 4
"""Most uploads received at the same time; further requests are refused with Retry-After."""


class UploadSlots:
    """The uploads under way in this process."""

    def __init__(self) -> None:
        self._taken = 0

    @contextmanager
    def one(self) -> Iterator[None]:
        """Takes a slot while the block runs.

        Raises:
            Problem: 503, there are too many.
        """
        if self._taken >= MAX_CONCURRENT:
            raise Problem(
                503,
                "too-many-uploads",
                "Too many uploads",
                f"{MAX_CONCURRENT} files are being received. Try again in a moment.",
                headers={"Retry-After": "5"},
            )
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1
