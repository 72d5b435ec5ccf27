"""Which number of a column's dates is the month: decided over all its values, never by most of them or a sample.

`DateEvidence` takes the column part by part and keeps, for each order of day, month and year, the first value that
excludes it. `DateReading` is the outcome, and reads values by it. Every value of the column counts, also those of
records that are rejected for another reason; a day that does not exist in any order proves nothing.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from logistics_pipeline.loading.contract.dates import (
    MAX_DATE_CHARACTERS,
    ORDER_NAMES,
    ORDERS,
    InvalidDateError,
    NumberOrder,
    UnknownOrderError,
    parse_date,
    possible_orders,
    without_time,
)
from logistics_pipeline.loading.contract.number_evidence import FoundText
from logistics_pipeline.loading.excerpts import excerpt


@dataclass(frozen=True)
class DateReading:
    """How the dates of a column are read that consist of numbers."""

    excluded: dict[NumberOrder, FoundText]
    """For each order that does not fit all values, the first that it does not fit."""
    cells: int
    """Dates of all numbers in the column."""

    @property
    def order(self) -> NumberOrder | None:
        """The order, if only one fits all values."""
        fitting = self._fitting
        return fitting[0] if len(fitting) == 1 else None

    @property
    def _fitting(self) -> list[NumberOrder]:
        return [order for order in ORDERS if order not in self.excluded]

    def read(self, text: str) -> date:
        """Parses a date.

        Raises:
            InvalidDateError: it is none, or the file does not show which; the message tells what the file proves.
        """
        try:
            return parse_date(text, self.order)
        except UnknownOrderError:
            raise InvalidDateError(self._doubt(text)) from None
        except InvalidDateError as error:
            raise contradicted(text, self.order, error, "this file") from None

    def _doubt(self, text: str) -> str:
        if fitting := self._fitting:
            names = " or ".join(ORDER_NAMES[order] for order in fitting)
            return (
                f'is ambiguous: "{excerpt(text)}" may be {names}, and no value of its column in this file tells which '
                f"({self.cells:,} depend on it); set LOGISTICS_DATE_ORDER to dmy or mdy"
            )
        proofs = f"{self.excluded['mdy']} is not month first, {self.excluded['dmy']} not day first"
        return (
            f'is ambiguous: "{excerpt(text)}" stands in a column with dates of both orders: {proofs}; set '
            "LOGISTICS_DATE_ORDER to dmy or mdy, or correct the file"
        )

    def note(self, name: str) -> str | None:
        """What the ledger says about the column."""
        if self.order is None:
            return None
        rival: NumberOrder = "dmy" if self.order == "mdy" else "mdy"
        return f"Dates in {name} are {ORDER_NAMES[self.order]}: {self.excluded[rival]} proves it"

    def to_json(self) -> dict[str, Any]:
        """Returns it as the ledger stores it."""
        return {"excluded": {order: list(found) for order, found in self.excluded.items()}, "cells": self.cells}

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> "DateReading":
        """Returns what `to_json` made."""
        excluded = document["excluded"]
        return cls({order: FoundText(*excluded[order]) for order in ORDERS if order in excluded}, document["cells"])


def contradicted(text: str, order: NumberOrder | None, error: InvalidDateError, source: str) -> InvalidDateError:
    """Returns the error of a date that does not exist in an order, saying so if it exists in another one."""
    others = possible_orders(without_time(text))
    if order is None or not others or order in others:
        return error
    return InvalidDateError(
        f"{error}: it proves {ORDER_NAMES[others[0]]} ({others[0]}), but by {source} dates are {ORDER_NAMES[order]} "
        f"({order})"
    )


class DateEvidence:
    """Collects what the values of a column prove. Constant memory."""

    _MAX_KNOWN = 10_000
    _MAX_SILENT = 500

    def __init__(self, missing_words: frozenset[str]) -> None:
        self._missing_words = missing_words
        self._excluded: dict[NumberOrder, FoundText] = {}
        self._cells = 0
        self._known: dict[str, tuple[NumberOrder, ...]] = {}
        """The possible orders of days seen so far."""
        self._silent = set[object]()
        """Values that say nothing, as ISO dates do: a file has few, unless they have times of day."""

    def telling_texts(self, values: Collection[object]) -> set[str]:
        """Returns the dates of all numbers among some values: nothing else proves anything.

        Raises:
            TypeError: one of the values is an array or an object.
        """
        new = set(values) - self._silent
        if len(self._known) > self._MAX_KNOWN:
            self._known.clear()
        telling = {value for value in new if isinstance(value, str) and self._orders(_day(value.strip()))}
        if len(new) <= self._MAX_SILENT and len(self._silent) <= self._MAX_KNOWN:
            self._silent.update(each for each in new - telling if not _is_long(each))
        return telling

    def add(self, texts: Sequence[str], numbers: Sequence[int]) -> None:
        """Takes texts and the numbers of their records, in order."""
        telling = self.telling_texts(texts)
        if not telling:
            return
        for text, count in Counter(texts).items():  # in the order in which they first occur
            if text in telling:
                stripped = text.strip()
                self._cells += count
                self._exclude_others(self._orders(_day(stripped)), stripped, numbers, texts, text)

    def _orders(self, day: str) -> tuple[NumberOrder, ...]:
        orders = self._known.get(day)
        if orders is None:
            orders = self._known[day] = () if day in self._missing_words else possible_orders(day)
        return orders

    def _exclude_others(
        self,
        orders: tuple[NumberOrder, ...],
        stripped: str,
        numbers: Sequence[int],
        texts: Sequence[str],
        text: str,
    ) -> None:
        new = [order for order in ORDERS if order not in orders and order not in self._excluded]
        if new and without_time(stripped) == _day(stripped):  # with an impossible time it is no date
            self._excluded.update(dict.fromkeys(new, FoundText(stripped, numbers[texts.index(text)])))

    def reading(self) -> DateReading | None:
        """The outcome; None if no date consists of numbers in an unknown order."""
        return DateReading(self._excluded, self._cells) if self._cells else None


def _is_long(value: object) -> bool:
    return isinstance(value, str) and len(value) > MAX_DATE_CHARACTERS


def _day(text: str) -> str:
    """The part before the time of day, found as fast as possible: there are as many as records."""
    if len(text) <= 10 and text[-1:].isdigit():
        return text
    if " " in text:
        return text.partition(" ")[0].rstrip(",")[:MAX_DATE_CHARACTERS]
    return without_time(text) if len(text) <= MAX_DATE_CHARACTERS else ""
