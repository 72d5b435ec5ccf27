"""The lock file pins what was tested, and leaves nothing out."""

import re
import tomllib

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.checkout import PROJECT_ROOT

_PINNED = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(?P<version>[^\s;\\]+)", re.MULTILINE)


def pins(name: str) -> dict[str, str]:
    text = (PROJECT_ROOT / name).read_text()
    return {canonicalize_name(found["name"]): found["version"] for found in _PINNED.finditer(text)}


def test_the_lock_pins_the_tested_versions() -> None:
    tested, locked = pins("constraints.txt"), pins("requirements.lock")

    assert len(locked) > 50
    assert {name: version for name, version in locked.items() if tested.get(name, version) != version} == {}


def test_the_lock_has_every_dependency_with_hashes() -> None:
    project = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text())["project"]
    wanted = {canonicalize_name(Requirement(text).name) for text in project["dependencies"]}

    assert wanted <= pins("requirements.lock").keys()
    entries = re.split(r"(?m)^(?=[A-Za-z0-9])", (PROJECT_ROOT / "requirements.lock").read_text())[1:]
    assert all("--hash=sha256:" in entry for entry in entries)
    assert all("://" not in entry for entry in entries)
