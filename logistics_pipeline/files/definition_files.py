"""YAML files in which people define something: sources, rules of alerts, endpoints.

Everybody who reads them refuses the same: what is no file, too large, not UTF-8 or not YAML, and values that cannot be
stored. What the keys mean is judged by whoever knows them.
"""

import os
from pathlib import Path

from logistics_core.catalogue.contract_files import MAX_FILE_BYTES, SUFFIX
from logistics_core.catalogue.contract_shapes import NAME, ShapeFault
from logistics_core.catalogue.contract_yaml import YamlDocument, YamlFault, read_yaml, with_place
from logistics_core.places.checks import check_storable
from logistics_pipeline.errors import ConfigurationError

FolderState = frozenset[tuple[str, int, int]]


class DefinitionError(ConfigurationError):
    """A file defines nothing that can be used; the message names the file, the place in it and what is expected."""


def definition_paths(folder: Path, content: str) -> list[Path]:
    """The definition files of a folder of `content`, which need not exist, by name. Hidden files are left out.

    Raises:
        DefinitionError: the folder cannot be read.
    """
    try:
        names = sorted(entry.name for entry in os.scandir(folder) if not entry.name.startswith("."))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise DefinitionError(f"The folder of {content} {folder} cannot be read: {error.strerror}.") from error
    return [folder / name for name in names if name.endswith((SUFFIX, ".yml"))]


def check_name(name: str, where: str, noun: str, owner: str) -> None:
    """Checks what a file is called whose `owner` has its name, such as a source.

    Raises:
        DefinitionError: it cannot have it.
    """
    if where.endswith(".yml"):
        raise DefinitionError(f"{where}: the name of a {noun} ends in {SUFFIX}. Rename the file.")
    if not NAME.fullmatch(name):
        raise DefinitionError(
            f"{where}: a {owner} has the name of its file, and {name!r} is no name. Expected: small letters, digits "
            "and underscores, a letter first, at most 40. Rename the file."
        )


def read_text(path: Path, noun: str) -> str:
    """What is in a file. `noun` is what messages call it.

    Raises:
        DefinitionError: it is none, too large, or not UTF-8.
    """
    try:
        if not path.is_file():
            raise DefinitionError(f"{path} is not a file.")
        if path.stat().st_size > MAX_FILE_BYTES:
            raise DefinitionError(f"{path}: a {noun} has at most {MAX_FILE_BYTES:,} bytes.")
        return path.read_bytes().decode()
    except OSError as error:
        raise DefinitionError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise DefinitionError(
            f"{path}: byte {error.start} is not UTF-8. Expected: a text file in UTF-8. Save it in that encoding."
        ) from error


def parse_document(text: str, where: str, noun: str) -> YamlDocument:
    """The document that a text holds. `where` names the text in messages, `noun` is what they call it.

    Raises:
        DefinitionError: it is too large, not YAML, or holds a value that cannot be stored.
    """
    if len(text.encode(errors="replace")) > MAX_FILE_BYTES:
        raise DefinitionError(f"{where}: a {noun} has at most {MAX_FILE_BYTES:,} bytes.")
    try:
        read = read_yaml(text, noun)
    except YamlFault as error:
        raise DefinitionError(f"{where} is not YAML: {error}") from error
    try:
        check_storable(read.value, ())
    except ShapeFault as error:
        raise DefinitionError(f"{where}: {with_place(error.path, str(error), read.places)}") from error
    return read


def folder_state(folder: Path) -> FolderState:
    """Changes when a YAML file in it does; a folder that cannot be read is like an empty one."""
    found = set()
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.endswith(SUFFIX) and not entry.name.startswith("."):
                    status = entry.stat()
                    found.add((entry.name, status.st_size, status.st_mtime_ns))
    except OSError:
        return frozenset(found)
    return frozenset(found)
