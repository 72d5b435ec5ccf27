"""The tools compared with. Each script here is what their own documentation leads to.

A peer's packages are never the project's: they are installed from PyPI into `bench/.venvs/<peer>`, once.
`run.py` is started with that environment's Python and imports the peer's module, which has one function `load`.
"""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_FOLDER = Path(__file__).parent
_ENVIRONMENTS = _FOLDER.parent / ".venvs"


@dataclass(frozen=True)
class Peer:
    """Another way to get a JSON file into PostgreSQL."""

    name: str
    """Of its module here, its environment and its requirements."""
    title: str
    package: str
    """The package whose version is shown beside the title."""
    table: str
    """Where its rows arrive."""
    share: float
    """Of the sample, so that a slow one does not hold up everything."""

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

    def command(self, url: str, path: Path, folder: Path) -> list[str]:
        """Loads a file; `folder` is the tool's own, to keep what it wants to know the next time."""
        return [str(self._python), str(_FOLDER / "run.py"), self.name, url, str(path), str(folder)]

    @property
    def _environment(self) -> Path:
        return _ENVIRONMENTS / self.name

    @property
    def _python(self) -> Path:
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
        pip = [str(self._python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "-r", str(self.requirements)], check=True)
        stamp.write_text(wanted)


PEERS = (
    Peer("duckdb_adbc", "DuckDB + ADBC (COPY BINARY)", "duckdb", "raw.vehicle_logs", 1.0),
    Peer("textbook", "textbook loop: ijson → StringIO → COPY per 10,000 rows", "ijson", "raw.vehicle_logs", 1.0),
    Peer("dlt_postgres", "dlt, Postgres destination, CSV load files", "dlt", "peer.vehicle_logs", 0.1),
)
