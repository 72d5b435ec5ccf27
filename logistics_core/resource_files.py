"""Where the files outside the packages are: `sql/`, `dagster.yaml` and `workspace.yaml`.

A checkout has them at its top. A wheel carries copies in `logistics_core/resources/` (`force-include` in
pyproject.toml), and that folder is used wherever it exists.
"""

from pathlib import Path

_CHECKOUT = Path(__file__).resolve().parent.parent
_IN_WHEEL = Path(__file__).resolve().parent / "resources"

RESOURCES = _IN_WHEEL if _IN_WHEEL.is_dir() else _CHECKOUT
"""The folder that holds them, and Dagster's home. It may be read-only: Dagster's files go to the data folder."""


def default_data_dir() -> Path:
    """The data folder unless `LOGISTICS_DATA_DIR` names another: the checkout's, or one in the current folder."""
    return (_CHECKOUT if RESOURCES == _CHECKOUT else Path.cwd()) / "data"
