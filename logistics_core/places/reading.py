"""Reads definitions of places: the files with `kind: files` in the folder of sources.

What is wrong with one is said where sources are read and checked. Of a whole folder, one that cannot be used is left
out, and keeps no other place from its work.
"""

import os
from collections.abc import Mapping
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from logistics_core.catalogue.contract_files import MAX_FILE_BYTES, SUFFIX
from logistics_core.catalogue.contract_shapes import NAME, ShapeFault, check_shape, listed, suggestion
from logistics_core.catalogue.contract_yaml import KeyPath, Place, YamlFault, read_yaml
from logistics_core.places.checks import check_address, fault, length, reference
from logistics_core.places.definition import PlaceDefinition
from logistics_core.places.keys import FilesKeys
from logistics_core.places.options import CREDENTIALS, OPTIONS, SCHEMES
from logistics_core.places.secrets import is_reference, is_sensitive


def declared_places(folder: Path) -> tuple[PlaceDefinition, ...]:
    """The places that the files of a folder declare. The folder need not exist."""
    try:
        names = sorted(entry.name for entry in os.scandir(folder) if entry.name.endswith(SUFFIX))
    except OSError:
        return ()
    paths = [folder / name for name in names if NAME.fullmatch(name.removesuffix(SUFFIX))]
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
        read = read_yaml(path.read_text("utf-8"))
        is_place = isinstance(read.value, dict) and read.value.get("kind") == "files"
        return place_of_document(read.value, path.stem, read.places) if is_place else None
    except (YamlFault, ShapeFault, ValueError):
        return None


def place_of_document(document: dict[str, Any], name: str, places: Mapping[KeyPath, Place]) -> PlaceDefinition:
    """The place that a document declares. `places` tells where its keys are, for messages.

    Raises:
        ShapeFault: it declares none; the message begins with the key at fault.
    """
    check_shape(document, FilesKeys, places)
    keys = msgspec.convert(document, FilesKeys)
    scheme = check_address(keys.url, ("url",)).scheme
    if scheme not in SCHEMES:
        fault(("url",), f"begins with {scheme or 'no scheme'}. Expected: one of {listed(sorted(SCHEMES))}.")
    _check_known("options", keys.options, OPTIONS[scheme], scheme)
    _check_known("credentials", keys.credentials, CREDENTIALS[scheme], scheme)
    for option, value in keys.options.items():
        if is_sensitive(option) and not is_reference(value):
            fault(("options", option), "is a secret by its name. Move it to `credentials`, as a reference.")
    shortest, longest = _polls(keys)
    return PlaceDefinition(
        name=name,
        url=keys.url,
        dataset=keys.dataset,
        options=keys.options,
        credentials={each: reference(text, ("credentials", each)) for each, text in keys.credentials.items()},
        land=keys.land,
        private=keys.private,
        shortest_poll_seconds=shortest.total_seconds(),
        longest_poll_seconds=longest.total_seconds(),
    )


def _check_known(key: str, given: Mapping[str, Any], known: frozenset[str], scheme: str) -> None:
    """Whether a place of this kind has these options: a misspelt one would be ignored in silence."""
    for name in given:
        if name not in known:
            fault((key, name), f"is none of {scheme}://. Expected: {listed(sorted(known))}.{suggestion(name, known)}")


def _polls(keys: FilesKeys) -> tuple[timedelta, timedelta]:
    shortest, longest = length(keys.poll.shortest, ("poll", "from")), length(keys.poll.longest, ("poll", "to"))
    if not timedelta(seconds=1) <= shortest <= longest:
        fault(("poll", "from"), "is longer than `to`, or less than a second. Expected: such as 5s, and 5m for `to`.")
    return shortest, longest
