"""Whether a folder of YAML files that people edit has changed."""

import os
from pathlib import Path

from logistics_core.catalogue.contract_files import SUFFIX

FolderState = frozenset[tuple[str, int, int]]


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
