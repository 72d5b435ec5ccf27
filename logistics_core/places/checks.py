"""Values of the keys of a definition: judged one by one, and named by their key where they are wrong."""

from collections.abc import Callable
from functools import cache
from math import isfinite
from typing import Any, NoReturn, TypeVar
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from logistics_core.catalogue.contract_shapes import ShapeFault, suggestion
from logistics_core.catalogue.contract_yaml import KeyPath, path_text
from logistics_core.places.secrets import parse_reference
from logistics_core.time_lengths import parse_length

Result = TypeVar("Result")


def fault(path: KeyPath, message: str) -> NoReturn:
    """Refuses the value of a key; the message goes on after the name of the key."""
    raise ShapeFault(path, f"{path_text(path)} {message}")


def checked(parse: Callable[[Any], Result]) -> Callable[[Any, KeyPath], Result]:
    """The same function, whose message says which key is at fault."""

    def read(value: Any, path: KeyPath) -> Result:
        try:
            return parse(value)
        except ValueError as error:
            fault(path, str(error))

    return read


reference = checked(parse_reference)
length = checked(parse_length)


def check_address(text: str, path: KeyPath) -> Any:
    """The parts of an address, as `urlsplit` has them: one without a password in it."""
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 - it is checked when it is read
    except ValueError:
        fault(path, "is no address.")
    if parts.password is not None:
        fault(path, "holds a password. Remove it, and change it if others have seen it; secrets are references.")
    return parts


def check_time_zone(name: str, path: KeyPath) -> None:
    """Checks that a time zone is known by this name."""
    if name not in _time_zones():
        meant = suggestion(name, _time_zones())
        fault(path, f"is {name!r}, which is no time zone. Expected: Europe/Berlin.{meant}")


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())


def check_storable(value: Any, path: KeyPath) -> None:
    """Definitions are stored as JSON, which has neither NaN nor, in PostgreSQL, NUL.

    Raises:
        ShapeFault: the document holds one.
    """
    if isinstance(value, float) and not isfinite(value):
        fault(path, f"is {value}. Expected: a number.")
    if isinstance(value, str) and "\0" in value:
        fault(path, "holds the character NUL. Remove it.")
    if isinstance(value, dict):
        for key, each in value.items():
            check_storable(key, path)
            check_storable(each, (*path, key))
    if isinstance(value, list):
        for number, each in enumerate(value):
            check_storable(each, (*path, number))
