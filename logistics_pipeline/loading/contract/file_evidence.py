"""Collects what the records of a file prove about how its values are written: columns in, `FileFormats` out."""

import json
from collections.abc import Iterable, Sequence
from decimal import Decimal

from logistics_core.catalogue import Dataset, Field, FieldType
from logistics_pipeline.loading.contract.columns import NULL, Column
from logistics_pipeline.loading.contract.date_evidence import DateEvidence
from logistics_pipeline.loading.contract.dates import DateOrder
from logistics_pipeline.loading.contract.file_formats import FileFormats
from logistics_pipeline.loading.contract.number_columns import NumberTexts
from logistics_pipeline.loading.contract.number_evidence import FoundText, NumberEvidence


class FileEvidence:
    """Collects what the records of a file prove, column by column."""

    def __init__(self, dataset: Dataset, date_order: DateOrder | None) -> None:
        self._fields = dataset.fields
        self._numbers = {field.name: NumberEvidence(field) for field in _fields_of(dataset, FieldType.NUMBER)}
        dates = _fields_of(dataset, FieldType.DATE) if date_order is None else ()
        self._dates = {field.name: DateEvidence(field.missing_words) for field in dates}

    def add(self, columns: Sequence[Column], first_number: int) -> None:
        """Takes consecutive records as one column per field of the dataset, numbered from `first_number`."""
        for field, column in zip(self._fields, columns, strict=True):
            numbers = range(first_number, first_number + len(column))
            if field.name in self._dates:
                self._dates[field.name].add(*_texts(column, numbers))
            elif field.name in self._numbers:
                values = _decoded(column) if isinstance(column, NumberTexts) else column
                self._add_numbers(self._numbers[field.name], values, numbers)

    def _add_numbers(self, evidence: NumberEvidence, column: Column, numbers: range) -> None:
        evidence.add(*_texts(column, numbers))
        if evidence.needs_bare:
            found = next(
                (pair for pair in zip(column, numbers, strict=True) if _is_number(pair[0]) and pair[0] != 0), None
            )
            if found is not None:
                evidence.add_bare(FoundText(str(found[0]), found[1]))

    def formats(self) -> FileFormats:
        """The outcome."""
        return FileFormats(
            {name: reading for name, evidence in self._numbers.items() if (reading := evidence.reading())},
            {name: reading for name, evidence in self._dates.items() if (reading := evidence.reading())},
        )


def _fields_of(dataset: Dataset, type: FieldType) -> Iterable[Field]:
    return [field for field in dataset.fields if field.type is type]


def _texts(column: Column, numbers: range) -> tuple[Sequence[str], Sequence[int]]:
    """The texts among values, and the numbers of their records."""
    if set(map(type, column)) == {str}:
        return column, numbers  # type: ignore[return-value]  # all are texts
    pairs = [(value, number) for value, number in zip(column, numbers, strict=True) if isinstance(value, str)]
    return [text for text, _ in pairs], [number for _, number in pairs]


def _decoded(column: NumberTexts) -> Column:
    """Decodes values that JSON wrote: texts to themselves, numbers to some number, zero to zero."""
    values: list[object] = [None if text == NULL else int(bool(text.strip("0."))) for text in column]
    for index in column.irregular:
        values[index] = _decoded_value(column[index])
    return values


def _decoded_value(raw: str) -> object:
    if raw.startswith('"'):
        return json.loads(raw)
    return int(bool(raw.strip("-0."))) if raw.startswith("-") or raw[:1].isdigit() else None


def _is_number(value: object) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)
