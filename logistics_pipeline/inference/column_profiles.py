"""Profiles of the columns of a sample: their values as texts, measured by what the column was found to hold."""

from collections.abc import Callable

from logistics_core.profiles import (
    FIRST_DAY,
    FieldProfile,
    ValueKind,
    measure_number,
    measure_text,
    profile_of_counts,
    value_kind,
)
from logistics_pipeline.inference.column_types import Reading
from logistics_pipeline.inference.typed_column import TypedColumn
from logistics_pipeline.loading.contract.dates import InvalidDateError, parse_date
from logistics_pipeline.loading.contract.number_formats import CONTRACT_FORMAT, split_amount, value_in


def profile_of(each: TypedColumn) -> FieldProfile:
    """Makes the profile of a column; words for "nothing" are no values."""
    missing = set(each.reading.missing)
    counts = {text: count for text, count in each.column.counts.items() if text not in missing}
    empty = each.column.empty + each.column.cells(each.reading.missing)
    kind, measure = _kind(each.reading)
    return profile_of_counts(counts, empty, kind, measure)


def _kind(reading: Reading) -> tuple[ValueKind, Callable[[str], float | None]]:
    match value_kind(reading.type):
        case ValueKind.NUMBER as kind:
            return kind, _number_measure(reading)
        case ValueKind.DATE as kind:
            return kind, _date_measure(reading)
        case kind:
            return kind, measure_text


def _number_measure(reading: Reading) -> Callable[[str], float | None]:
    format = reading.number_format or CONTRACT_FORMAT
    if reading.number_format is None and reading.group is not None:
        format = format._replace(group=reading.group)

    def measure(text: str) -> float | None:
        number = measure_number(text) if format.decimal == "." else None
        if number is not None:
            return number
        amount = split_amount(text.strip("()"), takes_any_text=True)
        value = value_in(amount.body, format) if amount is not None else None
        if amount is None or value is None:
            return None
        is_negative = amount.sign == "-" or text.startswith("(")
        return -float(value) if is_negative else float(value)

    return measure


def _date_measure(reading: Reading) -> Callable[[str], float | None]:
    order = reading.date_orders[0] if reading.date_orders else None

    def measure(text: str) -> float | None:
        try:
            return float((parse_date(text, order) - FIRST_DAY).days)
        except InvalidDateError:
            return None

    return measure
