"""Judges records of which not every value is plainly valid: by single values where one decides, else as a whole.

What is wrong in a file is mostly the same few values, such as n/a or nothing. What a value that alone is not plain led
to is remembered as it is written, so that the next record with it is neither decoded nor validated.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from msgspec import Raw

from logistics_core.catalogue import Dataset, InvalidValues
from logistics_pipeline.loading.contract.columns import Column, FormatsNeededError
from logistics_pipeline.loading.contract.date_evidence import DateEvidence
from logistics_pipeline.loading.contract.dates import DateOrder
from logistics_pipeline.loading.contract.extras import Extras
from logistics_pipeline.loading.contract.file_formats import FileFormats
from logistics_pipeline.loading.contract.record_validator import (
    PartialRow,
    Rejection,
    Row,
    compile_validator,
    value_validator,
)
from logistics_pipeline.loading.layouts import NOT_KNOWN, JsonObject, ReadValue, Table, UndecodedValues
from logistics_pipeline.loading.parse.held_records import FoundDate, date_fields

_MAX_KNOWN = 1024
"""Values that are remembered, of each field."""
_MAX_KNOWN_BYTES = 255
"""Longer ones are not remembered."""

ValidateValue = Callable[[object], str | Rejection | None]
"""Validates a field's decoded value: its COPY text, None for NULL, or the rejection."""

Judgement = Row | PartialRow | Rejection | None
"""What becomes of a record; None if it is held back."""


class RecordJudge:
    """Judges the records of one file.

    Where formats were not looked for, it raises FormatsNeededError for a value that only its whole column explains.
    With `holds_dates_back`, records with such dates are held back instead.
    """

    def __init__(
        self,
        dataset: Dataset,
        date_order: DateOrder | None,
        formats: FileFormats,
        extras: Extras | None,
        *,
        holds_dates_back: bool = False,
    ) -> None:
        self._names = dataset.columns
        self.judge_whole = compile_validator(dataset, date_order, formats, extras)
        """Judges a decoded record by all of its values."""
        self._validate_value = [
            _remember_texts(value_validator(field, date_order, formats)) for field in dataset.fields
        ]
        self._clears = [field.invalid_values is InvalidValues.NULL for field in dataset.fields]
        self._is_undecided = [field.formatted_as in formats.not_looked_for for field in dataset.fields]
        self._looks_at_others = any(self._is_undecided)
        self._known: list[dict[object, Rejection]] = [{} for _ in dataset.fields]
        """By position, the rejections of values that alone were not plain, by these as they are written."""
        self._dates = {
            dataset.columns.index(field.name): DateEvidence(field.missing_words)
            for field in (date_fields(dataset) if holds_dates_back else ())
        }
        """By position, what tells dates of all numbers among others, where records are held back."""
        self._unclear_dates = set[str]()
        """Some of those that only their whole file explains."""

    def judge(
        self, values: Sequence[object], columns: Sequence[Column], irregular: Mapping[int, Sequence[int]]
    ) -> Iterator[tuple[int, Judgement]]:
        """Judges the records at some indexes: at each, the values at some positions are not plain.

        `columns` holds the same values, one column per field.
        """
        if not irregular:
            return
        read_value, (cells, others) = _value_reader(values, columns), _cells(values, columns)
        for index, positions in irregular.items():
            cell = NOT_KNOWN
            if len(positions) == 1 and index not in others:
                cell = _as_written(cells[positions[0]][index])
                known = self._known[positions[0]].get(cell)
                if known is not None:
                    yield index, known
                    continue
            if self._dates and self._is_held_back(index, positions, read_value, values):
                yield index, None
                continue
            rejection = self._reject(index, positions, read_value)
            if rejection is None:
                yield index, self.judge_whole(values[index])
                continue
            if cell is not NOT_KNOWN:
                self._remember(positions[0], cell, rejection)
            yield index, rejection

    def _remember(self, position: int, cell: object, rejection: Rejection) -> None:
        if isinstance(cell, str | bytes) and len(cell) > _MAX_KNOWN_BYTES:
            return
        known = self._known[position]
        if len(known) >= _MAX_KNOWN:
            known.clear()
        known[cell] = rejection

    def _reject(self, index: int, positions: Sequence[int], read_value: ReadValue) -> Rejection | None:
        """Rejects a record because of its first invalid value; None if the reference must see the whole record.

        The values of all other fields are plain, so they are valid.
        """
        for number, position in enumerate(positions, start=1):
            value = read_value(index, position)
            if value is NOT_KNOWN:
                return None
            outcome = self._validate_value[position](value)
            if isinstance(outcome, Rejection):
                if self._clears[position]:
                    return None
                if self._looks_at_others:
                    self._look_at_others(index, positions[number:], read_value)
                return outcome
        return None

    def _look_at_others(self, index: int, positions: Sequence[int], read_value: ReadValue) -> None:
        """Asks for formats that a replay of a rejected record will need: it no longer has the file."""
        for position in positions:
            if self._is_undecided[position] and isinstance(value := read_value(index, position), str):
                self._validate_value[position](value)

    # -- dates that only their whole file explains -----------------------------------------------------------------

    def _is_held_back(
        self, index: int, positions: Sequence[int], read_value: ReadValue, values: Sequence[object]
    ) -> bool:
        """Whether a record has a date that only its whole file explains."""
        for position in positions:
            if position in self._dates:
                value = read_value(index, position)
                if value is NOT_KNOWN:
                    record = values[index]
                    value = record.get(self._names[position]) if isinstance(record, dict) else None
                if self._is_unclear_date(position, value):
                    return True
        return False

    def _is_unclear_date(self, position: int, value: object) -> bool:
        """Whether only its whole file explains a date."""
        if isinstance(value, str) and value in self._unclear_dates:
            return True
        try:
            self._validate_value[position](value)
        except FormatsNeededError:
            if isinstance(value, str) and len(self._unclear_dates) < _MAX_KNOWN:
                self._unclear_dates.add(value)
            return True
        return False

    def find_dates(
        self, irregular: Mapping[int, Sequence[int]], columns: Sequence[Column], first: int
    ) -> Iterator[FoundDate]:
        """The dates of all numbers among values that are not plain, where records are held back: no plain one is.

        `first` is the number of the first record.
        """
        for position, evidence in self._dates.items():
            found = {
                index: text
                for index, positions in irregular.items()
                if position in positions and isinstance(text := columns[position][index], str)
            }
            telling = evidence.telling_texts(found.values())
            name = self._names[position]
            yield from (FoundDate(name, text, first + index) for index, text in found.items() if text in telling)


def _remember_texts(validate: ValidateValue) -> ValidateValue:
    """Validates each text, and null, once."""
    known: dict[str | None, str | Rejection | None] = {}

    def validate_known(value: object) -> str | Rejection | None:
        if value is not None and type(value) is not str:
            return validate(value)
        if value not in known:
            if value is not None and len(value) > _MAX_KNOWN_BYTES:
                return validate(value)
            if len(known) >= _MAX_KNOWN:
                known.clear()
            known[value] = validate(value)
        return known[value]

    return validate_known


def _value_reader(values: Sequence[object], columns: Sequence[Column]) -> ReadValue:
    """Reads single values of records that are also given as columns."""
    if isinstance(values, UndecodedValues):
        return values.read_value
    others = values.others if isinstance(values, Table) else None

    def read(index: int, position: int) -> object:
        is_record = type(values[index]) in (dict, JsonObject) if others is None else index not in others
        return columns[position][index] if is_record else NOT_KNOWN

    return read


def _cells(values: Sequence[object], columns: Sequence[Column]) -> tuple[Sequence[Column], Collection[int]]:
    """The values as they are written, and the indexes of records of which these columns do not tell the values."""
    if isinstance(values, UndecodedValues):
        return values.cells()
    return columns, values.others if isinstance(values, Table) else range(len(values))


def _as_written(cell: object) -> object:
    """Something that is equal for cells that are written alike; `NOT_KNOWN` unless that is certain."""
    if type(cell) is Raw:
        return bytes(cell)
    return cell if type(cell) is str or cell is None else NOT_KNOWN
