"""What the figures were measured on: the machine, and the versions of everything that has a part in them."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from logistics_pipeline.database.connections import Connection

_PACKAGES = ("psycopg", "msgspec", "ijson", "backports.zstd")


def describe_environment(connection: Connection) -> dict[str, str]:
    """Names and values for the page. Nothing that identifies the machine."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    versions = {name: _version(name) for name in _PACKAGES}
    return {
        "processor": f"{_processor()}, {os.cpu_count()} cores seen",
        "memory": f"{memory:.0f} GiB",
        "system": f"{platform.system()} {'.'.join(platform.release().split('.')[:2])} ({platform.machine()})",
        "Python": platform.python_version(),
        "PostgreSQL": (connection.info.parameter_status("server_version") or "").split()[0],
        **{name: found for name, found in versions.items() if found},
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
