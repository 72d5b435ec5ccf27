"""Collects what the records of a file prove about how its values are written: columns in, `FileFormats` out."""

import json
from collections.abc import Collection, Iterable, Sequence
from decimal import Decimal, InvalidOperation

from logistics_core.catalogue import Dataset, Field, FieldType
from logistics_pipeline.loading.contract.columns import NULL, Column, indexes_of
from logistics_pipeline.loading.contract.date_evidence import DateEvidence
from logistics_pipeline.loading.contract.dates import DateOrder
from logistics_pipeline.loading.contract.file_formats import FORMATTED_TYPES, FileFormats
from logistics_pipeline.loading.contract.number_columns import JsonNumbers, NumberTexts
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
                _add_dates(self._dates[field.name], column, numbers)
            elif field.name in self._numbers:
                self._add_numbers(self._numbers[field.name], column, numbers)

    def _add_numbers(self, evidence: NumberEvidence, column: Column, numbers: range) -> None:
        needs_bare = evidence.needs_bare
        values: Iterable[object]
        if isinstance(column, JsonNumbers):
            values = map(_json_number, column.texts())
        elif isinstance(column, NumberTexts):
            evidence.add(*_json_texts(column, numbers))
            values = map(_json_number, column)
        else:
            evidence.add(*_texts(column, numbers))
            values = column
        if needs_bare:
            found = next((pair for pair in zip(values, numbers, strict=True) if _is_amount(pair[0])), None)
            if found is not None:
                evidence.add_bare(FoundText(str(found[0]), found[1]))

    def formats(self, types: Collection[FieldType] = FORMATTED_TYPES) -> FileFormats:
        """The outcome for the types of fields that were looked at."""
        commas = (evidence.decimal_comma for evidence in self._numbers.values())
        foreign = next((found for found in commas if found is not None), None)
        numbers = {name: reading for name, each in self._numbers.items() if (reading := each.reading(foreign))}
        dates = {name: order for name, each in self._dates.items() if (order := each.reading())}
        return FileFormats(numbers if FieldType.NUMBER in types else None, dates if FieldType.DATE in types else None)


def _fields_of(dataset: Dataset, type: FieldType) -> Iterable[Field]:
    return [field for field in dataset.fields if field.formatted_as is type]


def _add_dates(evidence: DateEvidence, column: Column, numbers: range) -> None:
    """Passes on only the texts that matter: most dates of most files are ISO dates that were seen before."""
    try:
        telling = evidence.telling_texts(column)
    except TypeError:  # arrays or objects: not dates
        column = _texts(column, numbers)[0]
        telling = evidence.telling_texts(column)
    if telling:
        indexes = indexes_of(telling, column)
        evidence.add([str(column[index]) for index in indexes], [numbers[index] for index in indexes])


def _texts(column: Column, numbers: range) -> tuple[Sequence[str], Sequence[int]]:
    """The texts among values, and the numbers of their records. An empty text, for any other value, says nothing."""
    if set(map(type, column)) == {str}:
        return column, numbers  # type: ignore[return-value]  # all are texts
    return [value if isinstance(value, str) else "" for value in column], numbers


def _json_texts(column: NumberTexts, numbers: range) -> tuple[Sequence[str], Sequence[int]]:
    """The same of values as JSON wrote them: a text has its quotation marks."""
    indexes = [index for index in sorted(column.irregular) if column[index].startswith('"')]
    return [json.loads(column[index]) for index in indexes], [numbers[index] for index in indexes]


def _json_number(text: str) -> Decimal | None:
    try:
        return None if text == NULL else Decimal(text)
    except InvalidOperation:
        return None


def _is_amount(value: object) -> bool:
    """Whether a value is a number other than zero, and no text."""
    return isinstance(value, int | Decimal) and not isinstance(value, bool) and value != 0
