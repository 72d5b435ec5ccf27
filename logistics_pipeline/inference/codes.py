"""Texts of digits that are codes, not numbers: what they mean is in their digits, and nobody adds them up.

Three signs tell a code: the way it is written (a leading zero, more digits than a computer's integer has, `3E7`), a
check digit that every value has right, or a name that says so. A name alone never makes a number of a text.
"""

import re
from collections.abc import Callable, Collection, Sequence

from logistics_pipeline.inference.names import words_of

MOST_DIGITS = 18
"""Of an integer: PostgreSQL's bigint holds each of as many."""

_PLAIN_TEXTS = re.compile(rf"(?:-?(?:0|[1-9][0-9]{{0,{MOST_DIGITS - 1}}}+)(?:\.[0-9]++)?+(?:\x1f|\Z))*+")
"""Numbers without any sign of a code, joined: most columns hold no others."""
_LEADING_ZERO = re.compile(r"[+-]?0[0-9]")
_MANY_DIGITS = re.compile(rf"[+-]?[0-9]{{{MOST_DIGITS + 1},}}")
_EXPONENT_OF_CODE = re.compile(r"[0-9]+[eE][0-9]+")
_DECIMAL_EXPONENT = re.compile(r"[+-]?[0-9]*\.[0-9]*[eE][+-]?[0-9]+|[+-]?[0-9]+[eE][+-][0-9]+")
_PHONE = re.compile(r"\+[0-9]{7,}")
_FEWEST_WITH_CHECK_DIGIT = 8
"""Distinct values whose check digits are all right by chance once in a hundred million."""

_CODE_WORDS = frozenset(
    {
        "zip", "zipcode", "postcode", "postal", "plz", "phone", "telephone", "tel", "mobile", "fax", "iban", "bic",
        "swift", "ean", "gtin", "upc", "isbn", "issn", "barcode", "fips", "geoid", "siren", "siret", "ssn", "vin",
        "imei", "msisdn", "sscc", "sku", "icao", "iata", "naics", "sic", "hscode", "taric",
    }
)  # fmt: skip


def sign_of_code(texts: Collection[str]) -> str | None:
    """Returns the first way of writing that shows that texts of digits are codes, as a sentence; None if none does."""
    if _PLAIN_TEXTS.fullmatch("\x1f".join(texts)):
        return None
    for text in texts:
        if _LEADING_ZERO.match(text):
            return f"`{text}` has a leading zero"
        if _MANY_DIGITS.fullmatch(text):
            return f"`{text}` has more than {MOST_DIGITS} digits"
        if _PHONE.fullmatch(text):
            return f"`{text}` begins with a plus sign, as telephone numbers do"
    codes = [text for text in texts if _EXPONENT_OF_CODE.fullmatch(text)]
    if codes and not any(_DECIMAL_EXPONENT.fullmatch(text) for text in texts):
        return f"`{codes[0]}` may be a code: no value has a decimal point or a sign before the exponent"
    return None


def name_of_code(name: str) -> str | None:
    """Returns the word of a name that says that its values are codes."""
    return next((word for word in words_of(name) if word in _CODE_WORDS), None)


def check_digit_of(texts: Sequence[str]) -> str | None:
    """Returns the kind of check digit that every one of some integers has right; None if there is none."""
    length = len(texts[0]) if texts else 0
    if len(texts) < _FEWEST_WITH_CHECK_DIGIT or length not in _LENGTHS or any(len(text) != length for text in texts):
        return None
    if not "".join(texts).isdecimal():
        return None
    return next((name for name, lengths, is_right in _KINDS if length in lengths and all(map(is_right, texts))), None)


def _has_gtin_digit(text: str) -> bool:
    total = sum(int(digit) * (3 if index % 2 else 1) for index, digit in enumerate(reversed(text)))
    return total % 10 == 0


def _has_luhn_digit(text: str) -> bool:
    doubled = (int(digit) * (2 if index % 2 else 1) for index, digit in enumerate(reversed(text)))
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def _has_isbn_digit(text: str) -> bool:
    return sum(int(digit) * (10 - index) for index, digit in enumerate(text)) % 11 == 0


_KINDS: tuple[tuple[str, Collection[int], Callable[[str], bool]], ...] = (
    ("GTIN (EAN, UPC, ISBN)", (8, 12, 13, 14, 18), _has_gtin_digit),
    ("Luhn (cards, IMEI, SIREN, wagons)", (7, 9, 11, 12, 14, 15, 16), _has_luhn_digit),
    ("ISBN", (10,), _has_isbn_digit),
)
_LENGTHS = frozenset(length for _, lengths, _ in _KINDS for length in lengths)
