"""Which places are declared: the files of the folder of sources with `kind: files`, as far as they can be used.

What is wrong with a definition is said where sources are read and checked; here, one that cannot be used is left out,
and keeps no other place from its work.
"""

import os
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

import msgspec

from logistics_core.catalogue.contract_files import MAX_FILE_BYTES, SUFFIX
from logistics_core.catalogue.contract_yaml import YamlFault, read_yaml
from logistics_pipeline.files.place_options import SCHEMES
from logistics_pipeline.files.stores import PlaceDefinition, PlaceError
from logistics_pipeline.time_lengths import parse_length

_REFERENCE = re.compile(r"(env|file):(.+)", re.DOTALL)


@dataclass(frozen=True)
class Reference:
    """A reference to a secret: `env:NAME` or `file:PATH`. Its text is the reference, never the value."""

    kind: str
    name: str

    def value(self) -> str:
        """The secret itself.

        Raises:
            PlaceError: there is none; the message holds no value.
        """
        try:
            text = os.environ[self.name] if self.kind == "env" else Path(self.name).expanduser().read_text("utf-8")
        except (KeyError, OSError, ValueError):
            what = "environment variable is not set" if self.kind == "env" else "file cannot be read"
            raise PlaceError(
                f"The secret {self.kind}:{self.name} is missing: the {what}. Set it for every process that reads files "
                "(`logistics up`, Dagster, this shell)."
            ) from None
        return text.strip("\r\n")


class _Poll(msgspec.Struct, frozen=True, rename={"shortest": "from", "longest": "to"}):
    shortest: str = "5s"
    longest: str = "5m"


class _Keys(msgspec.Struct):
    kind: str
    url: Annotated[str, msgspec.Meta(pattern=f"^({'|'.join(SCHEMES)})://.")] = ""
    dataset: str | None = None
    options: dict[str, str | int | bool] = {}
    credentials: dict[str, Annotated[str, msgspec.Meta(pattern="^(env|file):.")]] = {}
    land: bool = False
    private: bool = False
    poll: _Poll = _Poll()


def declared_places(folder: Path) -> tuple[PlaceDefinition, ...]:
    """The places that the files of a folder declare. The folder need not exist."""
    try:
        names = sorted(entry.name for entry in os.scandir(folder) if entry.name.endswith(SUFFIX))
    except OSError:
        return ()
    paths = [folder / name for name in names if not name.startswith(".")]
    return tuple(place for path in paths if (place := _of_file(path)) is not None)


def _of_file(path: Path) -> PlaceDefinition | None:
    try:
        status = path.stat()
        return _of_version(path, status.st_mtime_ns, status.st_size) if status.st_size <= MAX_FILE_BYTES else None
    except OSError:
        return None


@lru_cache(maxsize=256)
def _of_version(path: Path, modified_ns: int, size: int) -> PlaceDefinition | None:
    try:
        keys = msgspec.convert(read_yaml(path.read_text("utf-8")).value, _Keys)
    except (YamlFault, msgspec.ValidationError, ValueError):
        return None
    return _place(path.stem, keys) if keys.kind == "files" and keys.url else None


def _place(name: str, keys: _Keys) -> PlaceDefinition:
    return PlaceDefinition(
        name=name,
        url=keys.url,
        dataset=keys.dataset,
        options=keys.options,
        credentials={each: _reference(text) for each, text in keys.credentials.items()},
        land=keys.land,
        private=keys.private,
        shortest_poll_seconds=_seconds(keys.poll.shortest, 5),
        longest_poll_seconds=_seconds(keys.poll.longest, 300),
    )


def _reference(text: str) -> Any:
    found = _REFERENCE.fullmatch(text)
    assert found is not None
    return Reference(found[1], found[2])


def _seconds(text: str, otherwise: float) -> float:
    try:
        return parse_length(text).total_seconds()
    except ValueError:
        return otherwise
