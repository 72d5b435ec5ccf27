"""Sentences: texts in English that remember their pattern and what stands in it, so that others can tell them anew."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

Argument = Any
"""A text, a number, or a sentence. Moments and days are texts in ISO 8601."""
_PLACE = re.compile(r"\{(\w+)(?::(\w+))?\}")


class Sentence(str):
    """A text in English that was made of a pattern, such as `{file} has failed: {reason}`.

    A place is filled with its argument as it is: numbers as people write them, sentences as sentences. A kind says
    what an argument is otherwise: `{share:percent}` (one decimal) and `{share:percentage}` (two),
    `{change:change}` (percent with its sign), `{price:decimal}` (a number as a text, whose digits all count),
    `{at:moment}`, `{on:day}`, `{on:date}` (with the name of its month).
    """

    pattern: str
    plural: str | None
    """Used instead of the pattern unless the argument `count` is one."""
    arguments: Mapping[str, Argument]

    def __new__(
        cls,
        pattern: str,
        plural: str | None = None,
        /,
        arguments: Mapping[str, Argument] | None = None,
        **more: Argument,
    ) -> "Sentence":
        """The arguments by name, or in a mapping."""
        given = {**(arguments or {}), **more}
        chosen = pattern if plural is None or given.get("count") == 1 else plural
        made = super().__new__(cls, filled(chosen, given, in_english))
        made.pattern, made.plural, made.arguments = pattern, plural, given
        return made

    @property
    def document(self) -> list[Any]:
        """It as JSON: pattern, plural and arguments."""
        return [self.pattern, self.plural, {name: document_of(value) for name, value in self.arguments.items()}]


def joined(parts: Iterable[str], separator: str = "\n") -> Sentence:
    """Texts one after the other."""
    given = {f"part{number}": part for number, part in enumerate(parts)}
    return Sentence(separator.join(f"{{{name}}}" for name in given), arguments=given)


def document_of(value: Argument) -> Any:
    """A text, a sentence or a number as JSON that PostgreSQL stores."""
    if isinstance(value, Sentence):
        return value.document
    if isinstance(value, str):
        return value.replace("\0", "").encode("utf-8", "replace").decode()
    return float(value) if isinstance(value, Decimal) else value


def sentence_of(document: Any) -> str:
    """What `document_of` has made JSON of; a plain text is one as it is."""
    match document:
        case [str() as pattern, (str() | None) as plural, dict() as arguments]:
            given = {
                name: sentence_of(value) if isinstance(value, list) else value for name, value in arguments.items()
            }
            return Sentence(pattern, plural, arguments=given)
    return "" if document is None else str(document)


def filled(pattern: str, arguments: Mapping[str, Argument], write: Callable[[Argument, str | None], str]) -> str:
    """A pattern with its arguments, each as `write` says it. A place without an argument stays."""

    def replaced(place: re.Match[str]) -> str:
        return write(arguments[place[1]], place[2]) if place[1] in arguments else place[0]

    return _PLACE.sub(replaced, pattern)


def in_english(value: Argument, kind: str | None) -> str:
    """An argument as English messages have it."""
    match kind:
        case "moment":
            return f"{datetime.fromisoformat(value).astimezone(UTC):%Y-%m-%d %H:%M %Z}"
        case "day":
            return str(date.fromisoformat(value))
        case "date":
            day = date.fromisoformat(value)
            return f"{day.day} {day:%b %Y}"
        case "percent":
            return f"{value:.1%}"
        case "percentage":
            return f"{value:.2%}"
        case "change":
            return f"{value:+,.1f} %"
        case "decimal":
            return f"{Decimal(value):,f}"
    if isinstance(value, str) or value is None:
        return value or ""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.6g}"
