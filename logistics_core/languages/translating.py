"""Tells sentences in a language: patterns of its catalogue with their plural forms, numbers and dates as it has them.

What a catalogue lacks is told in English. Babel and a catalogue are loaded with the first message in another language.
"""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from gettext import GNUTranslations, NullTranslations
from pathlib import Path
from typing import Any

from logistics_core.languages.sentences import Argument, Sentence, filled, in_english

ENGLISH = "en"
_FOLDER = Path(__file__).parent


def languages() -> Sequence[str]:
    """The languages that there are, by their codes of ISO 639."""
    return [ENGLISH, *sorted(path.stem for path in _FOLDER.glob("*.po"))]


def language_of_locale(locale: str | None) -> str:
    """The language of a locale such as de-AT; English if there is no such one. `notify.language_of` says the same."""
    code = re.split("[-_]", locale or ENGLISH)[0].lower()
    return code if code in languages() else ENGLISH


@dataclass(frozen=True)
class Language:
    """A language that messages are told in."""

    code: str
    catalogue: NullTranslations

    def say(self, text: str) -> str:
        """A sentence in this language. A plain text is one without arguments, if the catalogue has it."""
        if self.code == ENGLISH or not text:
            return str(text)
        if not isinstance(text, Sentence):
            return self.catalogue.gettext(text)
        if text.plural is None:
            pattern = self.catalogue.gettext(text.pattern)
        else:
            pattern = self.catalogue.ngettext(text.pattern, text.plural, text.arguments["count"])
        return filled(pattern, text.arguments, self._write)

    def time(self, local: datetime) -> str:
        """A moment by the clocks of a time zone, with the name of that."""
        if self.code == ENGLISH:
            return f"{local.day} {local:%b %Y %H:%M %Z}"
        from babel.dates import format_date, format_time, get_datetime_format

        pattern = str(get_datetime_format("medium", locale=self.code))
        day = format_date(local.date(), "medium", locale=self.code)
        clock = format_time(local.time(), "short", locale=self.code)
        return f"{pattern.format(clock, day)} {local:%Z}"

    def _write(self, value: Argument, kind: str | None) -> str:
        if isinstance(value, Sentence):
            return self.say(value)
        if kind is None and (isinstance(value, str) or value is None):
            return value or ""
        try:
            return self._localised(value, kind)
        except (ArithmeticError, ValueError):  # numbers beyond 28 digits, infinite ones
            return in_english(value, kind)

    def _localised(self, value: Any, kind: str | None) -> str:
        from babel.dates import format_date
        from babel.numbers import format_decimal, format_percent

        match kind:
            case "percentage":
                return format_percent(value, "#,##0.00 %", locale=self.code)
            case "moment":
                return self.time(datetime.fromisoformat(value).astimezone(UTC))
            case "day" | "date":
                return format_date(date.fromisoformat(value), "medium", locale=self.code)
            case "percent":
                return format_percent(value, "#,##0.0 %", locale=self.code)
            case "change":
                return f"{format_decimal(value, '+#,##0.0;-#,##0.0', locale=self.code)} %"
            case "decimal":
                decimals = in_english(value, kind).partition(".")[2]
                pattern = f"#,##0.{'0' * len(decimals)}"
                return format_decimal(Decimal(value), pattern, locale=self.code, decimal_quantization=False)
        number = value if isinstance(value, int) else Decimal(in_english(value, None).replace(",", ""))
        return format_decimal(number, "#,##0.######", locale=self.code)


@cache
def language_named(code: str) -> Language:
    """A language by its code; English if there is no such catalogue."""
    path = _FOLDER / f"{code}.po"
    if code == ENGLISH or code not in languages():
        return Language(ENGLISH, NullTranslations())
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    compiled = io.BytesIO()
    with path.open("rb") as file:
        write_mo(compiled, read_po(file, locale=code))
    compiled.seek(0)
    return Language(code, GNUTranslations(compiled))
