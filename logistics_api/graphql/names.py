"""Names of types and fields: those of the catalogue in GraphQL's style, each valid and unique where it is used."""

import re
from collections.abc import Collection
from functools import lru_cache

LONGEST = 63
"""Characters of a name in an answer: PostgreSQL writes answers, and its names are no longer than that."""

NAMES_KEPT = 20_000
"""Names in GraphQL's style: a schema is made whenever a contract changes, mostly of the same names."""

_NOT_IN_NAMES = re.compile(r"[^0-9A-Za-z]+")


@lru_cache(NAMES_KEPT)
def camel(name: str) -> str:
    """For example `tripDate` for `trip_date`."""
    first, *others = _words(name)
    return _begun(first[:1].lower() + first[1:] + "".join(word[:1].upper() + word[1:] for word in others))


@lru_cache(NAMES_KEPT)
def pascal(name: str) -> str:
    """For example `VehicleLogs` for `vehicle_logs`."""
    return _begun("".join(word[:1].upper() + word[1:] for word in _words(name)))


@lru_cache(NAMES_KEPT)
def constant(name: str) -> str:
    """In capital letters, as values of enumerations are."""
    return _begun("_".join(_words(name)).upper())


def _words(name: str) -> list[str]:
    return [word for word in _NOT_IN_NAMES.split(name) if word] or ["field"]


def _begun(name: str) -> str:
    """Names begin with a letter."""
    return f"n{name}" if name[0].isdigit() else name


class Names:
    """The names that are taken in one place."""

    def __init__(self, taken: Collection[str] = ()) -> None:
        self._taken = set(taken)

    def claim(self, *wanted: str) -> str:
        """Takes the first of these names that is free, or the last one with a number."""
        for name in wanted:
            if name not in self._taken:
                break
        else:
            number = 2
            while f"{wanted[-1]}_{number}" in self._taken:
                number += 1
            name = f"{wanted[-1]}_{number}"
        self._taken.add(name)
        return name
