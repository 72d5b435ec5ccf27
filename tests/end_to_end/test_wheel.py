"""What is built from the checkout works by itself: installed into an empty environment, run in an empty folder."""

import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.checkout import PROJECT_ROOT
from tests.end_to_end.conftest import PATIENCE, Installation
from tests.ports import free_port

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the source archive and the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("built")
    _run(sys.executable, "-m", "build", "--outdir", str(folder), str(PROJECT_ROOT))
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    return next(built.glob("*.whl"))


@pytest.fixture(scope="module")
def open_folder() -> Iterator[Path]:
    """A folder that others may enter, unlike pytest's own: started by root, PostgreSQL runs as another user."""
    with tempfile.TemporaryDirectory(prefix="logistics-wheel-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture(scope="module")
def bin_dir(wheel: Path, open_folder: Path) -> Path:
    """The programs of a virtual environment that holds nothing but the wheel and what it needs."""
    environment = open_folder / "venv"
    _run(sys.executable, "-m", "venv", str(environment))
    _run(str(environment / "bin/pip"), "install", "--quiet", "-c", str(PROJECT_ROOT / "constraints.txt"), str(wheel))
    return environment / "bin"


@pytest.fixture
def installation(open_folder: Path) -> Iterator[Installation]:
    """Where the demo is to make its data folder: in an empty one."""
    (open_folder / "empty").mkdir()
    made = Installation(open_folder / "empty" / "data", free_port(), free_port())
    yield made
    made.cut_power()


def test_the_source_archive_holds_all_that_the_wheel_is_made_of(wheel: Path, tmp_path: Path) -> None:
    _run(sys.executable, "-m", "build", "--wheel", "--outdir", str(tmp_path), str(PROJECT_ROOT))
    assert _names(wheel) == _names(tmp_path / wheel.name)


def test_the_wheel_holds_every_file_of_the_packages_and_the_resources(wheel: Path) -> None:
    packages = {"logistics_core", "logistics_pipeline", "logistics_api"}
    tracked = _run("git", "ls-files", *packages, cwd=PROJECT_ROOT).splitlines()
    resources = _run("git", "ls-files", "sql", "dagster.yaml", "workspace.yaml", cwd=PROJECT_ROOT).splitlines()
    wanted = {*tracked, *(f"logistics_core/resources/{path}" for path in resources)}
    assert {name for name in _names(wheel) if name.split("/")[0] in packages} == wanted


def test_the_installed_demo_shows_figures_in_an_empty_folder(bin_dir: Path, installation: Installation) -> None:
    folder = installation.data_dir.parent
    environment = {name: value for name, value in installation.environment.items() if name != "LOGISTICS_DATA_DIR"}
    done = subprocess.run(
        [bin_dir / "logistics", "demo", "--once"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=180 * PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "shipments                     99,458" in done.stdout
    assert "Of 200,500 records read, 200,460 are loaded, 0 superseded, 40 rejected" in done.stdout
    assert [path.name for path in folder.iterdir()] == ["data"]


def test_the_installed_command_prints_its_version(bin_dir: Path, wheel: Path) -> None:
    assert _run(str(bin_dir / "logistics"), "--version").strip() == wheel.name.split("-")[1]


def _names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def _run(*command: str, cwd: Path | None = None) -> str:
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "DAGSTER_HOME")}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
