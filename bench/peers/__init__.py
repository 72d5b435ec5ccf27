"""The tools compared with. Each script here is what their own documentation leads to.

A peer's packages are never the project's: they are installed from PyPI into `bench/.venvs/<peer>`, once.
`run.py` is started with that environment's Python and imports the peer's module, which has one function `load`;
`propose.py` is for tools that find types, whose modules have a function `propose_all` or `propose_sample`.
"""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_FOLDER = Path(__file__).parent
_ENVIRONMENTS = _FOLDER.parent / ".venvs"


@dataclass(frozen=True)
class Environment:
    """The virtual environment of a module here, with what its requirements name."""

    name: str
    """Of the module, its environment and its requirements."""
    title: str
    package: str
    """The package whose version is shown beside the title."""

    @property
    def requirements(self) -> Path:
        return _FOLDER / f"{self.name}.txt"

    @property
    def version(self) -> str:
        for line in self.requirements.read_text().splitlines():
            name, _, number = line.partition("==")
            if name.partition("[")[0] == self.package:
                return number
        raise LookupError(f"{self.requirements.name} does not pin {self.package}")

    @property
    def _environment(self) -> Path:
        return _ENVIRONMENTS / self.name

    @property
    def python(self) -> Path:
        return self._environment / "bin" / "python"

    def install(self) -> None:
        """Makes the peer's environment unless it is there with these requirements.

        Raises:
            subprocess.CalledProcessError: pip could not install it, for instance without a network.
        """
        stamp = self._environment / "installed.txt"
        wanted = self.requirements.read_text()
        if stamp.exists() and stamp.read_text() == wanted:
            return
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(self._environment)], check=True)
        pip = [str(self.python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "-r", str(self.requirements)], check=True)
        stamp.write_text(wanted)


@dataclass(frozen=True)
class Peer(Environment):
    """Another way to get a JSON file into PostgreSQL."""

    table: str
    """Where its rows arrive."""
    share: float
    """Of the sample, so that a slow one does not hold up everything."""

    def command(self, url: str, path: Path, folder: Path) -> list[str]:
        """Loads a file; `folder` is the tool's own, to keep what it wants to know the next time."""
        return [str(self.python), str(_FOLDER / "run.py"), self.name, url, str(path), str(folder)]


@dataclass(frozen=True)
class TypeFinder(Environment):
    """Another way to find out how a CSV file is written and what its columns hold."""

    function: str
    reads: str
    """What of a file it looks at."""
    finds_dialect: bool = True
    finds_types: bool = True
    most_bytes: int = 1 << 30
    """Larger files take it minutes."""

    def command(self) -> list[str]:
        """Answers a request on standard input, as `propose.py` says."""
        return [str(self.python), str(_FOLDER / "propose.py"), f"{self.name}.{self.function}"]


PEERS = (
    Peer("duckdb_adbc", "DuckDB + ADBC (COPY BINARY)", "duckdb", "raw.vehicle_logs", 1.0),
    Peer("textbook", "textbook loop: ijson → StringIO → COPY per 10,000 rows", "ijson", "raw.vehicle_logs", 1.0),
    Peer("dlt_postgres", "dlt, Postgres destination, CSV load files", "dlt", "peer.vehicle_logs", 0.1),
)

TYPE_FINDERS = (
    TypeFinder("duckdb_sniff", "DuckDB sniff_csv", "duckdb", "propose_sample", "20,480 rows"),
    TypeFinder("duckdb_sniff", "DuckDB sniff_csv, all rows", "duckdb", "propose_all", "all rows"),
    TypeFinder(
        "csv_detective_routine", "csv-detective", "csv-detective", "propose_all", "all rows", most_bytes=11_000_000
    ),
    TypeFinder(
        "clevercsv_detector", "CleverCSV", "clevercsv", "propose_sample", "20,000 characters", finds_types=False
    ),
    TypeFinder(
        "polars_read",
        "Polars read_csv",
        "polars",
        "propose_all",
        "all rows",
        finds_dialect=False,
        most_bytes=11_000_000,
    ),
)
