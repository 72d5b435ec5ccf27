"""What the documentation names in backticks exists: settings, commands, targets, paths, modules, tables, identifiers.

Docstrings are held to the same rules where they name identifiers, so that none names a neighbour that has moved.
CHANGELOG.md is history and exempt.
"""

import ast
import importlib
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import typer.main

from logistics_api.app import create_app
from logistics_api.http.auth.scopes import SIGN_IN_PATH, SIGN_OUT_PATH, SIGNED_IN_PATH
from logistics_core.alert_rules.built_in import BUILT_IN
from logistics_core.catalogue import built_in_catalogue
from logistics_core.settings import Settings
from logistics_pipeline.cli import app as command_line
from tests.checkout import PROJECT_ROOT

PAGES = [
    PROJECT_ROOT / "README.md",
    *sorted(PROJECT_ROOT.glob("docs/**/*.md")),
    *sorted(PROJECT_ROOT.glob("deploy/**/*.md")),
]
PACKAGES = ["logistics_core", "logistics_pipeline", "logistics_api"]
SOURCES = [path for package in PACKAGES for path in sorted((PROJECT_ROOT / package).rglob("*.py"))]

OF_TESTS = {
    "LOGISTICS_TEST_CHROMIUM",
    "LOGISTICS_TEST_PGBOUNCER",
    "LOGISTICS_TEST_NGINX",
    "LOGISTICS_TEST_GRAPHQL_HTTP",
    "LOGISTICS_TEST_SOURCE_PEERS",
    "LOGISTICS_TEST_CITUS_URL",
    "LOGISTICS_TEST_POSTGRES",
    "LOGISTICS_TEST_RECORD_MB",
}
"""Read by the tests alone."""

MADE_AT_RUN_TIME = {
    "notifications.yaml",
    "reports.yaml",
    "alerts",
    "data",
    "raw",
    "failed",
    "landed",
    "logs",
    "cache",
    "dagster",
    "postgres",
}
"""In the data folder: what is in it is not in the repository."""

NOT_OURS = re.compile(
    r"pg_\w+|array_agg|bit_count|row_to_json|string_agg|width_bucket"  # PostgreSQL
    r"|credentials_file|python_info|FORWARDED_ALLOW_IPS|max_waiting"  # Prometheus and its client, uvicorn, psycopg_pool
    r"|logistics_postgres"  # Docker Compose, of the project's name and the volume's
)
"""Identifiers of programs that the documentation names and the code does not."""


def spans(text: str) -> list[str]:
    """The texts in backticks, those of code blocks not among them."""
    prose = re.sub(r"^ *(```|~~~).*?^ *\1", "", text, flags=re.MULTILINE | re.DOTALL)
    return [re.sub(r"\s+", " ", span.replace("\\|", "|")) for span in re.findall(r"`([^`]+)`", prose)]


def each_page() -> pytest.MarkDecorator:
    return pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT_ROOT)))


@each_page()
def test_settings_exist(page: Path) -> None:
    named = set(re.findall(r"\bLOGISTICS_[A-Z_]+\b(?!\*)", page.read_text()))
    assert named <= {*Settings.variables(), *OF_TESTS, "LOGISTICS_"}


@each_page()
def test_commands_and_their_options_exist(page: Path) -> None:
    for line in [*spans(page.read_text()), *shell_lines(page.read_text())]:
        if match := re.match(r"(?:\S*/)?logistics((?: .*)?)$", line):
            refuse_unknown(match[1], typer.main.get_command(command_line))


def test_commands_and_sensors_that_built_in_rules_name_exist() -> None:
    for rule in BUILT_IN.values():
        text = rule.get("description", "")
        for span in spans(text):
            if match := re.match(r"logistics((?: .*)?)$", span):
                refuse_unknown(match[1], typer.main.get_command(command_line))
        for sensor in re.findall(r"sensor `(\w+)`", text):
            assert (PROJECT_ROOT / f"logistics_pipeline/orchestration/sensors/{sensor}.py").is_file(), sensor


def shell_lines(text: str) -> list[str]:
    """The commands of code blocks, without comments and what they are piped into."""
    blocks = re.findall(r"^ *```(?:sh|bash|shell|console)\n(.*?)^ *```", text, flags=re.MULTILINE | re.DOTALL)
    lines = re.sub(r"\\\n", " ", "".join(blocks)).splitlines()
    return [re.split(r"\s[#|&>;]|$", line.strip().removeprefix("$ "))[0].strip() for line in lines]


def refuse_unknown(arguments: str, command: Any) -> None:
    """Follows words such as `keys create NAME [--rate N]` or `db url|start` down the tree of commands."""
    words = re.sub(r"[\[\]…]", " ", arguments).split()
    for word in words:
        if word.startswith("--"):
            options = {option for parameter in command.params for option in parameter.opts} | {"--help"}
            assert set(word.split("|")) <= options | {word for word in word.split("|") if word[0] != "-"}, arguments
        elif (commands := getattr(command, "commands", {})) and re.fullmatch(r"[a-z-]+([|][a-z-]+)*", word):
            choices = word.split("|")
            assert set(choices) <= set(commands), arguments
            command = commands[choices[0]]


@each_page()
def test_make_targets_and_their_variables_exist(page: Path) -> None:
    makefile = (PROJECT_ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([\w-]+):", makefile, re.MULTILINE))
    variables = set(re.findall(r"\$\((?:if \$\()?([A-Z]+)\)", makefile))
    for line in [*spans(page.read_text()), *shell_lines(page.read_text())]:
        if match := re.match(r"make ([\w-]+)((?: [A-Z]+=\S*)*)$", line):
            assert match[1] in targets, line
            assert set(re.findall(r" ([A-Z]+)=", match[2])) <= variables, line


FOR_BROWSERS: dict[str, set[str]] = {
    SIGN_IN_PATH: {"return_to"},
    SIGNED_IN_PATH: {"code", "state"},
    SIGN_OUT_PATH: set(),
}
"""Addresses that people follow, and no program calls."""


@cache
def operations() -> dict[str, set[str]]:
    """path, its parameters unnamed → names of the query parameters that any of its methods takes."""
    found: dict[str, set[str]] = {}
    for path, methods in create_app(Settings(database_url="postgresql://nowhere/none")).openapi()["paths"].items():
        parameters = [each for method in methods.values() for each in method.get("parameters", [])]
        names = {each["name"] for each in parameters if each["in"] == "query"}
        found[re.sub(r"\{\w+\}", "{}", path)] = names
    return found | FOR_BROWSERS


@each_page()
def test_addresses_of_the_api_exist(page: Path) -> None:
    for span in spans(page.read_text()):
        if match := re.fullmatch(r"(?:[A-Z]+ )?(/api(?:/[^ ?]*)?)(?:\?(.*))?", span):
            path = re.sub(r"\{[^}]*\}|<[^>]*>", "{}", match[1]).removesuffix("/")
            assert any(matches(path, each) for each in operations()), span
            query = set(re.findall(r"(?:^|&)(\w+)=", match[2] or ""))
            assert not query or query <= operations()[path], span


def matches(named: str, path: str) -> bool:
    """Whether a path is the one that is named, or below it. `{}` in the name takes whatever a segment begins with."""
    pattern = re.escape(named).replace(re.escape("{}"), r"[^/.]+").replace(r"\.csv", r"\.[^/.]+")
    return re.match(rf"{pattern}($|[/.])", path) is not None


CODE_SUFFIXES = "py|sql|yaml|yml|md|toml|js|css|html"


@cache
def tree() -> tuple[str, ...]:
    """Every file and folder of the repository, as /a/path."""
    hidden = {".git", ".venv", "__pycache__"}
    found = [
        path.relative_to(PROJECT_ROOT)
        for top in PROJECT_ROOT.iterdir()
        if top.name not in hidden
        for path in (top, *top.rglob("*"))
    ]
    return tuple(f"/{path.as_posix()}" for path in found if not hidden & set(path.parts))


@each_page()
def test_paths_exist(page: Path) -> None:
    tops = {path.name for path in PROJECT_ROOT.iterdir() if path.is_dir()}
    for span in spans(page.read_text()):
        path = span.removeprefix("./").removesuffix("/")
        first = path.split("/")[0]
        if not re.fullmatch(r"[\w./<>{}*-]+", span) or first in MADE_AT_RUN_TIME or path.startswith((".", "/")):
            continue
        if re.search(rf"\w\.({CODE_SUFFIXES})$", path) or (first in tops and "/" in span) or span.endswith("/"):
            pattern = re.sub(r"<\w+>|\{\w+\}|\*", "[^/]*", re.sub(r"[.]", "[.]", path))
            assert any(re.search(f"/{pattern}$", each) for each in tree()) or (page.parent / path).exists(), span


@each_page()
def test_modules_exist(page: Path) -> None:
    for span in spans(page.read_text()):
        for name in re.findall(r"(?<![\w/.])(?:logistics_core|logistics_pipeline|logistics_api|bench)(?:\.\w+)+", span):
            assert is_importable(name), span


def is_importable(name: str) -> bool:
    """Whether a dotted name is a module, or something in one."""
    module, parts = name, []
    while not _is_module(module):
        module, _, part = module.rpartition(".")
        parts.append(part)
        if not module:
            return False
    found: object = importlib.import_module(module)
    for part in reversed(parts):
        found = getattr(found, part, None)
    return found is not None


def _is_module(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        return False


@each_page()
def test_tables_exist(page: Path) -> None:
    statements = "".join(path.read_text() for path in PROJECT_ROOT.glob("sql/**/*.sql"))
    statements += " ".join(dataset.table for dataset in built_in_catalogue().values())
    for span in spans(page.read_text()):
        if re.fullmatch(r"(ingest|raw|analytics)\.\w+", span):
            assert re.search(rf"\b{re.escape(span)}\b", statements), span


# Identifiers


@cache
def vocabulary() -> frozenset[str]:
    """Every word of the programs and what they read; of Python without docstrings and comments."""
    words = {"logistics_analytics_platform", *PACKAGES}
    bench = [path for path in (PROJECT_ROOT / "bench").rglob("*.py") if ".venvs" not in path.parts]
    for path in [*SOURCES, *bench, *(PROJECT_ROOT / "tests").rglob("*.py")]:
        words |= {path.stem, path.parent.name, *words_of(ast.parse(path.read_text()))}
    others = [
        *PROJECT_ROOT.glob("sql/**/*.sql"),
        *PROJECT_ROOT.glob("logistics_*/**/*.js*"),
        *PROJECT_ROOT.glob("logistics_*/**/*.yaml"),
        *(path for path in PROJECT_ROOT.glob("deploy/**/*") if path.is_file() and path.suffix != ".md"),
        *(PROJECT_ROOT / name for name in ("dagster.yaml", "docker-compose.yml", "constraints.txt", "pyproject.toml")),
    ]
    for path in others:
        words |= {*re.findall(r"\w+", f"{path.stem} {path.read_text()}")}
    return frozenset(words)


_NAMED_BY: Mapping[type[ast.AST], tuple[str, ...]] = {
    kind: fields
    for kind in vars(ast).values()
    if isinstance(kind, type) and issubclass(kind, ast.AST)
    if (fields := tuple({"id", "attr", "name", "arg", "asname", "module"} & set(kind._fields)))
}
"""Kinds of nodes, with those of their fields that name something."""


def words_of(tree: ast.Module) -> Iterator[str]:
    """The identifiers of a module and the words of its texts, docstrings left out, also those of attributes."""
    prose, texts = set(), []
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr):
            prose.add(node.value)
        elif isinstance(node, ast.Constant):
            texts.append(node)
        for field in _NAMED_BY.get(type(node), ()):
            if isinstance(value := getattr(node, field), str):
                yield from value.split(".")
    for node in texts:
        if node not in prose and isinstance(node.value, str | bytes):
            text = node.value if isinstance(node.value, str) else node.value.decode(errors="replace")
            yield from re.findall(r"\w+", text)


def unknown_identifiers(text: str) -> set[str]:
    named = {span for span in spans(text) if re.fullmatch(r"[A-Za-z]\w*_\w+|_\w+", span)}
    return {name for name in named - vocabulary() if not NOT_OURS.fullmatch(name) and not is_part(name)}


def is_part(name: str) -> bool:
    """Whether something begins or ends so: `_dagster`, a group of metrics."""
    return any(word.startswith(name) or word.endswith(name) for word in vocabulary())


@each_page()
def test_identifiers_are_of_the_code(page: Path) -> None:
    assert not unknown_identifiers(page.read_text())


@pytest.mark.parametrize("package", PACKAGES)
def test_docstrings_name_what_there_is(package: str) -> None:
    unknown = {
        f"{path.relative_to(PROJECT_ROOT)}: {name}"
        for path in SOURCES
        if path.is_relative_to(PROJECT_ROOT / package)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for name in unknown_identifiers(node.value.value)
    }
    assert not unknown


def test_module_docstrings_name_modules_there_are() -> None:
    """A module says which neighbour takes the rest: in backticks, by its bare name."""
    unknown = set()
    for path in SOURCES:
        docstring = ast.get_docstring(ast.parse(path.read_text())) or ""
        for name in spans(docstring):
            if re.fullmatch(r"[a-z][a-z0-9]+", name) and name not in vocabulary():
                unknown.add(f"{path.relative_to(PROJECT_ROOT)}: {name}")
    assert not unknown
