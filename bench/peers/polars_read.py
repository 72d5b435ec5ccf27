"""Polars reads the whole file with types. It has to be told the delimiter, and takes the first row for the header."""

import polars  # type: ignore[import-not-found]

_TYPES = {
    "Int64": "integer",
    "Int128": "integer",
    "Float64": "number",
    "Boolean": "boolean",
    "Date": "date",
    "Time": "time",
}


def propose_all(path: str, delimiter: str) -> dict[str, object]:
    table = polars.read_csv(path, separator=delimiter, try_parse_dates=True, infer_schema_length=None)
    columns = [[name, _type(str(kind))] for name, kind in table.schema.items()]
    return {"delimiter": delimiter, "has_header": True, "columns": columns}


def _type(kind: str) -> str:
    return "datetime" if kind.startswith("Datetime") else _TYPES.get(kind, "string")
