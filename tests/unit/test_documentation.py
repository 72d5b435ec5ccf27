"""Holds the documentation to the code."""

import re
from pathlib import Path

import pytest
import typer.main

from logistics_core.settings import Settings
from logistics_pipeline.cli import app
from tests.checkout import PROJECT_ROOT

README = (PROJECT_ROOT / "README.md").read_text()
SETTINGS = (PROJECT_ROOT / "docs/settings.md").read_text()
COMMANDS = (PROJECT_ROOT / "docs/commands.md").read_text()
PAGES = [PROJECT_ROOT / "README.md", *PROJECT_ROOT.glob("docs/**/*.md"), *PROJECT_ROOT.glob("deploy/**/*.md")]


def test_the_settings_page_lists_exactly_the_settings_there_are_with_their_meaning() -> None:
    listed = dict(re.findall(r"^\| `(LOGISTICS_\w+)` \| [^|]*\| (.+) \|$", SETTINGS, re.MULTILINE))
    assert listed == Settings.variables()


def test_the_settings_page_gives_the_actual_defaults() -> None:
    defaults = dict(re.findall(r"^\| `LOGISTICS_(\w+)` \| `([^`]+)` \|", SETTINGS, re.MULTILINE))
    for name, field in Settings.model_fields.items():
        if name != "data_dir" and field.default is not None and field.default_factory is None:
            assert defaults[name.upper()] == str(field.default)


def test_the_commands_page_lists_every_command() -> None:
    group = typer.main.get_command(app)
    commands = set(group.commands)  # type: ignore[attr-defined]
    listed = set(re.findall(r"^\| `logistics ([\w-]+)", COMMANDS, re.MULTILINE))
    assert listed == commands


def test_every_make_target_that_a_page_names_exists() -> None:
    targets = set(re.findall(r"^([\w-]+):", (PROJECT_ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z][\w-]*)", README + COMMANDS, re.MULTILINE))
    assert {"demo", "up", "test"} <= named <= targets


def test_the_readme_leads_to_the_glossary_the_commands_and_the_settings() -> None:
    for name in ("glossary", "commands", "settings"):
        assert f"](docs/{name}.md)" in README


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT_ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_the_glossary_is_in_alphabetical_order() -> None:
    terms = re.findall(r"^\| \*\*([^*]+)\*\*", (PROJECT_ROOT / "docs/glossary.md").read_text(), re.MULTILINE)
    assert len(terms) > 30
    assert terms == sorted(terms, key=str.lower)


def test_every_decision_is_in_the_index() -> None:
    folder = PROJECT_ROOT / "docs/decisions"
    index = (folder / "README.md").read_text()
    for record in folder.glob("0*.md"):
        assert record.name in index


def test_every_dependency_has_its_line_in_the_decision_record() -> None:
    record = (PROJECT_ROOT / "docs/decisions/0002-dependencies.md").read_text()
    project = (PROJECT_ROOT / "pyproject.toml").read_text()
    block = project.split("dependencies = [", 1)[1].split("]\n\n", 1)[0]
    for name in re.findall(r'"([a-z-]+)', block):
        assert name in record, name


def test_the_constraints_pin_names_and_versions_only() -> None:
    lines = (PROJECT_ROOT / "constraints.txt").read_text().splitlines()
    for line in lines:
        assert line.startswith("#") or re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+", line), line


def test_every_setting_is_listed_once() -> None:
    listed = re.findall(r"^\| `(LOGISTICS_\w+)` \|", SETTINGS, re.MULTILINE)
    assert sorted(listed) == sorted(set(listed))
