"""How people write numbers: decimal commas, groups of thousands, currency signs. Pure functions on one text.

A `NumberFormat` says which character is the decimal sign and which one groups thousands. Most texts fit several formats
and mean the same in each; `1,234` does not. Which format a column has is decided by `number_evidence`.
"""

import re
from functools import cache, lru_cache
from typing import NamedTuple

SPACES = " \u00a0\u2007\u2009\u202f"
"""Spaces that may group thousands or part a number from its currency."""

_GROUPS = {".": r"\.", ",": ",", " ": f"[{SPACES}]", "'": "['\u2019]"}
"""Patterns of what groups thousands. All spaces are one, and so are the two apostrophes."""

PLAIN = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,6})?", re.ASCII)
"""A number as the contract writes it unless it says otherwise: a decimal point, no groups."""

POINT_OR_GROUP = re.compile(r"[+-]?[1-9][0-9]{0,2}\.[0-9]{3}", re.ASCII)
"""A plain number that would be another one if the point grouped thousands."""

CURRENCY_CODES = frozenset(
    re.findall(
        "[A-Z]{3}",
        "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD "
        "CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ "
        "GYD HKD HNL HRK HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP "
        "LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB "
        "PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL "
        "THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW "
        "ZWG",
    )
)
"""ISO 4217, without those for metals, funds and tests."""

MAX_CHARACTERS = 400
"""Of a number in a text: twice 100 digits with groups, and a currency."""

_SIGN = "[+\u2212-]"
_CURRENCY = (
    r"(?:[A-Z]{0,2}[$\u00a3\u00a5\u058f\u060b\u09f3\u0e3f\u17db\u20a0-\u20c0\ufe69\uff04\uffe1\uffe5\uffe6]"
    r"|[A-Z]{3}|kr|z\u0142|K\u010d|Ft|lei)"
)
_AMOUNT = re.compile(
    rf"(?P<sign>{_SIGN})?(?P<before>{_CURRENCY})?[{SPACES}]?(?P<inner>{_SIGN})?"
    rf"(?P<body>[0-9.,](?:[0-9.,'\u2019{SPACES}eE+-]*[0-9.,])?)[{SPACES}]?(?P<after>{_CURRENCY})?"
)
_SIGNED = re.compile(rf"[()]|{_SIGN}")
"""What no number in parentheses holds: a sign, as of an exponent, or other parentheses."""
_NO_NUMBER = "[^0-9+\u2212-]*?"
_ENCLOSED = re.compile(
    rf"{_NO_NUMBER}(?P<sign>{_SIGN})?{_NO_NUMBER}(?P<body>[.,]?[0-9](?:.*[0-9])?)[^0-9]*", re.DOTALL | re.ASCII
)


class NumberFormat(NamedTuple):
    """The decimal character and the one that groups thousands, if any: a space stands for all spaces."""

    decimal: str
    group: str | None = None


CONTRACT_FORMAT = NumberFormat(".")
FORMATS = (
    CONTRACT_FORMAT,
    *(NumberFormat(".", group) for group in (",", " ", "'")),
    NumberFormat(","),
    *(NumberFormat(",", group) for group in (".", " ", "'")),
)
"""All formats that a file can prove, the contract's own first."""


class Amount(NamedTuple):
    """A number as written, without what stands around it."""

    sign: str
    body: str
    currency: str | None


def split_amount(text: str, *, takes_any_text: bool = False, takes_parentheses: bool = False) -> Amount | None:
    """Splits a trimmed text into sign, number and currency; None if it has no such parts.

    With `takes_any_text` whatever stands before and after the number is left out (`bareNumber: false`). With
    `takes_parentheses` a number without a sign in parentheses is below zero.
    """
    if len(text) > MAX_CHARACTERS:
        return None
    if takes_parentheses and text[:1] == "(" and text[-1:] == ")":
        inner = text[1:-1].strip(SPACES)
        amount = None if _SIGNED.search(inner) else split_amount(inner, takes_any_text=takes_any_text)
        return None if amount is None else amount._replace(sign="-")
    match = _AMOUNT.fullmatch(text)
    if match is not None:
        signs = [sign for sign in (match["sign"], match["inner"]) if sign]
        currencies = [each for each in (match["before"], match["after"]) if each]
        if len(signs) <= 1 and len(currencies) <= 1 and all(map(_is_currency, currencies)):
            sign = "-" if signs and signs[0] != "+" else ""
            return Amount(sign, match["body"], currencies[0] if currencies and not takes_any_text else None)
    if takes_any_text and (match := _ENCLOSED.fullmatch(text)):
        return Amount("-" if match["sign"] not in (None, "+") else "", match["body"], None)
    return None


def _is_currency(text: str) -> bool:
    return len(text) != 3 or not text.isalpha() or text in CURRENCY_CODES or text == "lei"


def value_in(body: str, format: NumberFormat) -> str | None:
    """Returns an unsigned number as PostgreSQL reads it, every digit kept; None if it is not written in this format."""
    if not _pattern(format).fullmatch(body):
        return None
    groups = "" if format.group is None else SPACES if format.group == " " else f"{format.group}\u2019"
    kept = "".join([character for character in body if character not in groups]) if groups else body
    return kept.replace(format.decimal, ".")


@cache
def _pattern(format: NumberFormat) -> re.Pattern[str]:
    """Groups have three digits; a comma may also group as in India (`12,34,567`). A group never begins with a zero."""
    decimal = re.escape(format.decimal)
    whole = "[0-9]+"
    if format.group is not None:
        group = _GROUPS.get(format.group, re.escape(format.group))
        whole += f"|[1-9][0-9]{{0,2}}(?:{group}[0-9]{{3}})+"
        if format.group == ",":
            whole += "|[1-9][0-9]?(?:,[0-9]{2})+,[0-9]{3}"
    return re.compile(
        f"(?:(?:{whole})(?:{decimal}[0-9]*)?|{decimal}[0-9]+|[0-9]+(?:{decimal}[0-9]*)?[eE][+-]?[0-9]{{1,6}})", re.ASCII
    )


@lru_cache(maxsize=4096)
def fitting_formats(body: str) -> tuple[NumberFormat, ...]:
    """The formats in which a text is a number."""
    return tuple(format for format in FORMATS if _pattern(format).fullmatch(body))
