"""A file in which people declare several things by name, such as endpoints or reports: read, and followed.

The file need not exist. What it says is stored in the database, whose tables everybody else reads.
"""

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from logistics_core.catalogue.contract_shapes import ShapeFault, check_shape, described
from logistics_core.catalogue.contract_yaml import with_place
from logistics_core.contract_exports import JSON_SCHEMA
from logistics_core.places.checks import fault
from logistics_core.places.keys import Keys
from logistics_pipeline.errors import ConfigurationError
from logistics_pipeline.files.definition_files import DefinitionError, parse_document, read_text

Declared = TypeVar("Declared")


def read_declared(path: Path, parse: Callable[[str, str], list[Declared]]) -> list[Declared]:
    """What a file declares; nothing if it does not exist. `parse` takes its text, and what messages call it.

    Raises:
        DefinitionError: it cannot be read, or declares something that cannot be used.
    """
    try:
        if not path.exists():
            return []
    except OSError as error:
        raise DefinitionError(f"{path} cannot be read: {error.strerror}.") from error
    return parse(read_text(path, "declaration"), str(path))


def parse_declared(
    text: str, where: str, keys: type[Keys], key: str, make: Callable[[dict[str, Any]], list[Declared]]
) -> list[Declared]:
    """What a text declares below its `key`. `make` is given a document of the shape of `keys`.

    Raises:
        DefinitionError: it declares something that cannot be used; the message names line, column and key.
    """
    read = parse_document(text, where, "declaration")
    if read.value is None:
        return []
    try:
        if not isinstance(read.value, dict):
            fault((), f"The file is {described(read.value)}. Expected: the key `{key}`, with their names below it.")
        check_shape(read.value, keys, read.places)
        return make(read.value)
    except ShapeFault as error:
        raise DefinitionError(f"{where}: {with_place(error.path, str(error), read.places)}") from error


def json_schema_of(keys: type[Keys], title: str) -> dict[str, Any]:
    """What such a file may hold, as a JSON Schema for editors."""
    return {"$schema": JSON_SCHEMA, "title": title, **msgspec.json.schema(keys)}


def store_declared(
    noun: str,
    known: Mapping[str, str],
    declared: list[Any],
    store: Callable[[Any, str], None],
    remove: Callable[[str], None],
) -> list[str]:
    """Stores what is new or changed, and removes what is not declared any more. Returns what it did, a sentence each.

    Args:
        noun: what one is called.
        known: the digests of those that the database has, by name.
        declared: data classes with a `name`.
        store: stores one with its digest.
        remove: removes the one of a name.
    """
    changes = []
    for each in declared:
        digest = sha256(json.dumps(asdict(each), default=str, sort_keys=True).encode()).hexdigest()
        if known.get(each.name) != digest:
            store(each, digest)
            changes.append(f"The {noun} {each.name} was {'changed' if each.name in known else 'added'}.")
    for name in sorted(known.keys() - {each.name for each in declared}):
        remove(name)
        changes.append(f"The {noun} {name} was removed.")
    return changes


class FollowedFile:
    """A file that a process follows: it is taken in again whenever it has changed."""

    def __init__(self, path: Path, log: logging.Logger) -> None:
        self._path = path
        self._log = log
        self._taken_in: tuple[int, int] | None = None
        self.problem: str | None = None
        """Why the file cannot be used, if it cannot; what it said before stays."""

    def follow(self, take_in: Callable[[], list[str]]) -> None:
        """Takes the file in if it has changed. `take_in` returns what has changed by that, a sentence each.

        Raises:
            TransientError, psycopg.Error: the database is gone; the file is taken in again.
        """
        state = self._state()
        if state == self._taken_in:
            return
        try:
            for sentence in take_in():
                self._log.info(sentence)
            self.problem = None
        except ConfigurationError as error:
            self.problem = str(error)
            self._log.error(self.problem)
        self._taken_in = state  # not sooner: what the database lost on the way is read again

    def _state(self) -> tuple[int, int]:
        try:
            status = self._path.stat()
        except OSError:
            return 0, 0
        return status.st_size, status.st_mtime_ns
