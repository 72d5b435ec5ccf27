"""File formats: a JSON array with one record per line, NDJSON, or CSV with a header. No input or output here.

A line is filled in through `Layout.template`, which takes all values as text, in the order of the dataset's fields.
They must need no escaping in any format: no quotes, commas, backslashes or control characters.
"""

import csv
import io
import json
from dataclasses import dataclass
from typing import Any, Literal

from logistics_core.catalogue import Dataset, FieldType

Format = Literal["json", "ndjson", "csv"]


@dataclass(frozen=True)
class Layout:
    """One dataset in one format. `empty` is the whole text of a file without records."""

    dataset: Dataset
    format: Format
    template: str
    null: str
    opening: str
    separator: str
    closing: str
    empty: str

    @property
    def suffix(self) -> str:
        return f".{self.format}"

    def read(self, line: str) -> dict[str, Any]:
        """The record of a line made with the template."""
        if self.format == "csv":
            return dict(zip(self.dataset.columns, line.split(","), strict=True))
        record: dict[str, Any] = json.loads(line)
        return record

    def render(self, record: object) -> str:
        """The line of any record, even of one that the template could not make."""
        if self.format != "csv":
            return json.dumps(record, ensure_ascii=False, separators=(",", ":"))
        assert isinstance(record, dict), "a CSV row is always a record"
        text = io.StringIO()
        csv.writer(text, lineterminator="").writerow([record.get(column) for column in self.dataset.columns])
        return text.getvalue()


def layout_of(format: Format, dataset: Dataset) -> Layout:
    """How files of a dataset are written in a format."""
    if format == "csv":
        header = ",".join(dataset.columns) + "\n"
        template = ",".join(["%s"] * len(dataset.columns))
        return Layout(dataset, format, template, "", header, "\n", "\n", empty=header)
    if format == "ndjson":
        return Layout(dataset, format, _json_template(dataset), "null", "", "\n", "\n", empty="")
    return Layout(dataset, format, _json_template(dataset), "null", "[\n", ",\n", "\n]\n", empty="[]\n")


def _json_template(dataset: Dataset) -> str:
    values = ("%s" if field.type is FieldType.NUMBER else '"%s"' for field in dataset.fields)
    pairs = (f'"{name}":{value}' for name, value in zip(dataset.columns, values, strict=True))
    return "{" + ",".join(pairs) + "}"
