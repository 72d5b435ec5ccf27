"""csv-detective's `routine`: dialect and types, by every row."""

import contextlib
import io
from typing import Any

from csv_detective import routine  # type: ignore[import-not-found]

_TYPES = {"int": "integer", "float": "number", "bool": "boolean", "date": "date", "datetime": "datetime"}


def propose_all(path: str, delimiter: str) -> dict[str, object]:
    with contextlib.redirect_stdout(io.StringIO()):
        found: dict[str, Any] = routine(path, num_rows=-1, save_results=False)
    columns = [[name, _TYPES.get(each["python_type"], "string")] for name, each in found["columns"].items()]
    return {"delimiter": found["separator"], "has_header": True, "columns": columns}
