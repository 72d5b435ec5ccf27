"""Reads the files of rules: `NAME.yaml` in the folder `alerts/` of the data folder; and those that are built in.

A file with the name of a built-in rule takes its place; keys that it leaves out are those of the built-in one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from logistics_core.alert_rules.built_in import BUILT_IN
from logistics_core.alert_rules.reading import rule_of_document
from logistics_core.catalogue.contract_shapes import ShapeFault
from logistics_core.catalogue.contract_yaml import KeyPath, Place, YamlDocument, with_place
from logistics_pipeline.files.definition_files import (
    DefinitionError,
    check_name,
    definition_paths,
    parse_document,
    read_text,
)


@dataclass(frozen=True)
class RuleText:
    """A rule as it is written somewhere."""

    name: str
    origin: str
    """`built-in` or `file`."""
    document: Mapping[str, Any] | None
    enabled: bool = True
    problem: str | None = None


def read_rules(folder: Path) -> dict[str, RuleText]:
    """The built-in rules and those of a folder, which need not exist. One that cannot be used has its problem."""
    found = {name: _of_document(name, "built-in", document) for name, document in BUILT_IN.items()}
    for path in definition_paths(folder, "alerts"):
        found[path.stem] = _of_file(path)
    return dict(sorted(found.items()))


def _of_file(path: Path) -> RuleText:
    try:
        read = _read(path)
    except DefinitionError as error:
        return RuleText(path.stem, "file", None, problem=str(error))
    return _of_document(path.stem, "file", _on_top_of_built_in(path.stem, read.value), read.places, str(path))


def _on_top_of_built_in(name: str, document: dict[str, Any]) -> dict[str, Any]:
    return {**BUILT_IN.get(name, {}), **document}


def _of_document(
    name: str,
    origin: str,
    document: Mapping[str, Any],
    places: Mapping[KeyPath, Place] | None = None,
    where: str = "",
) -> RuleText:
    try:
        rule_of_document(document, name, places)
    except ShapeFault as error:
        return RuleText(name, origin, None, problem=f"{where}: {with_place(error.path, str(error), places or {})}")
    return RuleText(name, origin, document, enabled=bool(document.get("enabled", True)))


def _read(path: Path) -> YamlDocument:
    check_name(path.stem, str(path), "rule", "rule")
    read = parse_document(read_text(path, "rule"), str(path), "rule")
    if not isinstance(read.value, dict):
        raise DefinitionError(f"{path}: a rule consists of keys with values, such as `title`, `watch` and `when`.")
    return read
