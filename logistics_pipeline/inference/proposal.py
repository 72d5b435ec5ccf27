"""The proposal for a file: a contract, the evidence for every part of it, and the questions that are open."""

from collections.abc import Mapping
from typing import Any

import msgspec

from logistics_core.catalogue import ContractError, Role
from logistics_core.catalogue.contract_files import contract_from_document
from logistics_core.catalogue.model import MISSING_VALUES
from logistics_core.profiles import FieldProfile
from logistics_pipeline.inference.column_types import ColumnType
from logistics_pipeline.inference.questions import Question
from logistics_pipeline.loading.excerpts import excerpt
from logistics_pipeline.loading.formats.column_names import spelling_key

PROFILE = "https://datapackage.org/profiles/2.0/dataresource.json"


class ProposedColumn(msgspec.Struct, frozen=True, kw_only=True):
    """A column and what its values prove."""

    name: str
    title: str
    """As the file has it; empty if it has none."""
    type: ColumnType
    role: Role
    unit: str | None = None
    required: bool = False
    cells: int
    empty: int
    distinct: int
    examples: tuple[str, ...]
    missing_values: tuple[str, ...] = ()
    decimal_char: str | None = None
    group_char: str | None = None
    currency: str | None = None
    is_percent: bool = False
    has_parentheses: bool = False
    """Negative numbers are in parentheses."""
    date_orders: tuple[str, ...] = ()
    date_forms: tuple[str, ...] = ()
    format: str | None = None
    """The pattern of its dates or months, if all values prove one or a person has decided it."""
    true_values: tuple[str, ...] = ()
    false_values: tuple[str, ...] = ()
    time_zone: str | None = None
    """Which timestamps have a time zone: `all`, `some` or `none`."""
    otherwise: "ProposedColumn | None" = None
    """What the column is if a person answers that it is no text."""
    evidence: tuple[str, ...] = ()


class ProposedDialect(msgspec.Struct, frozen=True):
    """How a CSV file is written."""

    delimiter: str
    quote: str
    line_end: str
    has_header: bool
    escape: str | None = None
    """What precedes a quote within quotes, if that is not another quote."""
    has_spaces: bool = False
    """A blank stands between delimiters and quotes."""


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """What a file of unknown shape holds, as far as its content proves it."""

    file: str
    dataset: str
    title: str
    format: str
    compression: str | None
    encoding: str
    dialect: ProposedDialect | None
    rows: int
    """Records that were read."""
    bad_records: int
    is_whole: bool
    """Whether every record of the file was read."""
    read: str
    """What was read, in a sentence."""
    columns: tuple[ProposedColumn, ...]
    key: tuple[str, ...]
    key_evidence: str
    time_column: str | None
    questions: tuple[Question, ...]
    notes: tuple[str, ...]
    preview: tuple[tuple[str | None, ...], ...] = ()
    """The first records, their cells shortened."""
    decided: dict[str, Any] = {}
    """Keys of the contract that a person has decided: `path`, `encoding`, `dialect`."""
    refusals: tuple[str, ...] = ()
    """Answers that no file can be loaded by, and what to do instead."""
    is_name_taken: bool = False
    """Whether there is a dataset of this name already."""
    profiles: dict[str, FieldProfile] = {}
    """By column, if they were asked for."""
    seconds: float

    def contract(self) -> dict[str, Any]:
        """The contract as a document: a Data Package resource with our keys."""
        schema: dict[str, Any] = {"primaryKey": list(self.key), "fields": [_field(each) for each in self.columns]}
        contract: dict[str, Any] = {
            "$schema": PROFILE,
            "name": self.dataset,
            "path": f"{self.dataset}.{'csv' if self.dialect is not None else 'json'}",
            "title": self.title,
            "singular": f"{self.dataset[:33]}_record",
            "description": f"Records of {self.title}",
            "schema": schema,
        }
        dated_by = next((each for each in self.columns if each.name == self.time_column), None)
        if dated_by is not None and dated_by.type is ColumnType.DATE and dated_by.required:
            contract["datedBy"] = {"field": dated_by.name}
        return contract | self.decided

    def obstacles(self) -> list[str]:
        """Why this version cannot load files by the contract yet; empty if it can."""
        found = ["there is a dataset of this name already: choose another one"] if self.is_name_taken else []
        if any(each.has_parentheses for each in self.columns):
            found.append("it takes no negative numbers in parentheses yet")
        found += self.refusals
        found += self._lost_columns()
        if self.dialect is not None:
            found += _obstacles_of_dialect(self.dialect)
        return found or _refusal(self.contract())

    def _lost_columns(self) -> list[str]:
        """Columns that a load would not find: it compares names, and JSON's must be the same."""
        spelling = spelling_key if self.dialect is not None else str
        lost = [each for each in self.columns if each.title and spelling(each.title) != spelling(each.name)]
        if not lost:
            return []
        names = ", ".join(f"{excerpt(each.title)} ({each.name})" for each in lost[:5])
        more = f" and {len(lost) - 5:,} more" if len(lost) > 5 else ""
        return [f"it does not find columns by their titles yet: {names}{more}; rename them in the file"]

    def to_json(self) -> dict[str, Any]:
        """The proposal as one JSON document."""
        document = msgspec.to_builtins(self)
        return {**document, "obstacles": self.obstacles(), "contract": self.contract()}


def _obstacles_of_dialect(dialect: ProposedDialect) -> list[str]:
    found = []
    if not dialect.has_header:
        found.append("it reads no CSV files without a header yet")
    if dialect.quote != '"':
        found.append(f"it reads no CSV files with {dialect.quote} as quotes yet")
    if dialect.escape is not None:
        found.append(f"it reads no CSV files with {dialect.escape} before quotes yet")
    if dialect.has_spaces:
        found.append("it reads no CSV files with blanks before quotes yet")
    if dialect.delimiter not in ",;\t|":
        found.append(f"it reads no CSV files with {dialect.delimiter!r} between cells yet")
    return found


def _refusal(contract: Mapping[str, Any]) -> list[str]:
    """What the reader of contracts says against it."""
    try:
        contract_from_document(contract, "the contract")
    except ContractError as error:
        return [str(error)]
    return []


def _field(column: ProposedColumn) -> dict[str, Any]:
    title = column.title or column.name
    field: dict[str, Any] = {
        "name": column.name,
        "title": title,
        "type": str(column.type),
        "role": str(column.role),
        "description": f"As in the column {title}",
    }
    if column.unit is not None:
        field["unit"] = column.unit
    if column.required:
        field["constraints"] = {"required": True}
    if not MISSING_VALUES.issuperset(column.missing_values):  # those are understood without being listed
        field["missingValues"] = ["", *sorted(MISSING_VALUES.union(column.missing_values))]
    is_written_otherwise = column.decimal_char == "," or (
        column.decimal_char is not None and column.group_char is not None
    )
    if column.type is ColumnType.NUMBER and is_written_otherwise:
        field["decimalChar"] = column.decimal_char
        if column.group_char is not None:
            field["groupChar"] = column.group_char
    if column.type is ColumnType.INTEGER and column.group_char is not None:
        field["groupChar"] = column.group_char
    if column.is_percent:
        field["bareNumber"] = False
    return field | _words(column)


def _words(column: ProposedColumn) -> dict[str, Any]:
    """How times and booleans are written."""
    field: dict[str, Any] = {}
    if column.format is not None:
        field["format"] = column.format
    if column.type is ColumnType.BOOLEAN and column.true_values:
        field |= {"trueValues": list(column.true_values), "falseValues": list(column.false_values)}
    if column.type is ColumnType.DATETIME and column.time_zone == "all":
        field["timeZone"] = True
    return field
