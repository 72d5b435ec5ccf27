"""The proposal for a file: a contract, the evidence for every part of it, and the questions that are open."""

from collections.abc import Mapping
from typing import Any

import msgspec

from logistics_core.catalogue import ContractError, FieldType, Role
from logistics_core.catalogue.contract_files import contract_from_document
from logistics_core.catalogue.model import MISSING_VALUES, NUMERIC_TYPES, TEMPORAL_TYPES
from logistics_core.profiles import FieldProfile
from logistics_pipeline.inference.questions import Question

PROFILE = "https://datapackage.org/profiles/2.0/dataresource.json"


class ProposedColumn(msgspec.Struct, frozen=True, kw_only=True):
    """A column and what its values prove."""

    name: str
    title: str
    """As the file has it; empty if it has none."""
    found_as: str
    """The name by which a load finds it: its title, its path in JSON, or its position."""
    type: FieldType
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
    header_rows: tuple[int, ...] = (1,)
    """The numbers of the rows that make up the header, from 1."""
    comment: str | None = None
    """What lines of comments begin with."""

    def keys(self) -> dict[str, Any]:
        """As a contract says it: what is not plain, and the delimiter."""
        keys: dict[str, Any] = {"delimiter": self.delimiter}
        if self.quote != '"':
            keys["quoteChar"] = self.quote
        if self.escape is not None:
            keys["escapeChar"] = self.escape
        if self.has_spaces:
            keys["skipInitialSpace"] = True
        if not self.has_header:
            keys["header"] = False
        elif self.header_rows != (1,):
            keys["headerRows"] = list(self.header_rows)
        if self.comment is not None:
            keys["commentChar"] = self.comment
        return keys


class NestedIn(msgspec.Struct, frozen=True):
    """Where records are that are elements of an array within those of another dataset."""

    dataset: str
    array: str
    position: str
    """The field with the place of an element."""
    key: dict[str, str]
    """The fields that hold the key of the record around, by the fields of that key."""
    fields: dict[str, dict[str, Any]]
    """What the contract says about these fields: the other contract has decided it."""

    def records(self) -> dict[str, str]:
        """As a contract says it."""
        return {"dataset": self.dataset, "array": self.array, "position": self.position}

    def foreign_keys(self) -> list[dict[str, Any]]:
        """The relation to the records around."""
        return [{"fields": list(self.key.values()), "reference": {"resource": self.dataset, "fields": list(self.key)}}]


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """What a file of unknown shape holds, as far as its content proves it."""

    file: str
    dataset: str
    title: str
    format: str
    compression: str | None
    encoding: str
    """What there is to say about it, in a sentence, or `UTF-8`."""
    codec: str
    """Its name, as Python knows it."""
    array_path: tuple[str, ...] = ()
    """The keys that lead to the array of records in a JSON document."""
    children: tuple[str, ...] = ()
    """Columns with arrays of objects, by their names in the file: these can be datasets of their own."""
    nested: NestedIn | None = None
    """Where the records are, if they are within those of another dataset."""
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
    is_key_confirmed: bool = False
    """Whether a person has decided the key, in an answer or in the definition of a source."""
    profiles: dict[str, FieldProfile] = {}
    """By column, if they were asked for."""
    seconds: float

    def contract(self) -> dict[str, Any]:
        """The contract as a document: a Data Package resource with our keys."""
        schema: dict[str, Any] = {"primaryKey": list(self.key)}
        decided: dict[str, dict[str, Any]] = {}
        if self.nested is not None:
            schema["foreignKeys"], decided = self.nested.foreign_keys(), self.nested.fields
        schema["fields"] = [decided.get(each.name) or _field(each) for each in self.columns]
        contract: dict[str, Any] = {
            "$schema": PROFILE,
            "name": self.dataset,
            "path": f"{self.dataset}.{'csv' if self.dialect is not None else 'json'}",
            "title": self.title,
            "singular": f"{self.dataset[:33]}_record",
            **self._reading(),
            **({} if self.nested is None else {"records": self.nested.records()}),
            "schema": schema,
        }
        if self.key and not self.is_key_confirmed:
            contract["keyConfirmed"] = False
        dated_by = next((each for each in self.columns if each.name == self.time_column), None)
        if dated_by is not None and dated_by.type in TEMPORAL_TYPES and dated_by.required:
            contract["datedBy"] = {"field": dated_by.name}
        dialect = {**contract.get("dialect", {}), **self.decided.get("dialect", {})}
        return contract | self.decided | ({"dialect": dialect} if dialect else {})

    def _reading(self) -> dict[str, Any]:
        """How the contract says that its files are read."""
        keys: dict[str, Any] = {} if self.codec == "utf-8" else {"encoding": self.codec}
        if self.dialect is not None:
            keys["dialect"] = self.dialect.keys()
        elif self.array_path:
            keys["dialect"] = {"property": ".".join(self.array_path)}
        return keys

    def obstacles(self) -> list[str]:
        """Why this version cannot load files by the contract yet; empty if it can."""
        found = ["there is a dataset of this name already: choose another one"] if self.is_name_taken else []
        found += self.refusals
        return found or _refusal(self.contract())

    def to_json(self) -> dict[str, Any]:
        """The proposal as one JSON document."""
        document = msgspec.to_builtins(self)
        return {**document, "obstacles": self.obstacles(), "contract": self.contract()}


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
    }
    if column.found_as != column.name:
        field["aliases"] = [column.found_as]
    if column.unit is not None:
        field["unit"] = column.unit
    if column.required:
        field["constraints"] = {"required": True}
    if not MISSING_VALUES.issuperset(column.missing_values):  # those are understood without being listed
        field["missingValues"] = ["", *sorted(MISSING_VALUES.union(column.missing_values))]
    is_written_otherwise = column.decimal_char == "," or (
        column.decimal_char is not None and column.group_char is not None
    )
    if column.type is FieldType.NUMBER and is_written_otherwise:
        field["decimalChar"] = column.decimal_char
        if column.group_char is not None:
            field["groupChar"] = column.group_char
    if column.type is FieldType.INTEGER and column.group_char is not None:
        field["groupChar"] = column.group_char
    if column.is_percent:
        field["bareNumber"] = False
    if column.has_parentheses and column.type in NUMERIC_TYPES:
        field["negativeParentheses"] = True
    return field | _words(column)


def _words(column: ProposedColumn) -> dict[str, Any]:
    """How times and booleans are written."""
    field: dict[str, Any] = {}
    if column.format is not None:
        field["format"] = column.format
    if column.type is FieldType.BOOLEAN and column.true_values:
        field |= {"trueValues": list(column.true_values), "falseValues": list(column.false_values)}
    if column.type is FieldType.DATETIME and column.time_zone == "all":
        field["timeZone"] = True
    return field
