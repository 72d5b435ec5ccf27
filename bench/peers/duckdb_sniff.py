"""DuckDB's `sniff_csv`: dialect and types by a sample of 20,480 rows, or by all of them."""

import duckdb  # type: ignore[import-not-found]

_TYPES = {
    "BIGINT": "integer",
    "HUGEINT": "integer",
    "DOUBLE": "number",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "TIMESTAMP": "datetime",
    "TIMESTAMP WITH TIME ZONE": "datetime",
    "TIME": "time",
}


def propose_sample(path: str, delimiter: str) -> dict[str, object]:
    """By the sample that `read_csv` takes as well, unless it is told otherwise."""
    return _propose("SELECT Delimiter, HasHeader, Columns FROM sniff_csv(?)", path)


def propose_all(path: str, delimiter: str) -> dict[str, object]:
    """By every row."""
    return _propose("SELECT Delimiter, HasHeader, Columns FROM sniff_csv(?, sample_size = -1)", path)


def _propose(query: str, path: str) -> dict[str, object]:
    found = duckdb.execute(query, [path]).fetchone()
    assert found is not None
    columns = [[each["name"], _TYPES.get(each["type"], "string")] for each in found[2]]
    return {"delimiter": found[0], "has_header": found[1], "columns": columns}
