"""Makes JSON text safe for ijson, and says in words of our own what it refuses.

ijson alone is not fit for hostile input: it crashes the process on an integer of more than 4,300 digits, refuses long
exponents, replaces some lone surrogates and stops at others, and takes form feeds for white space.
"""

import re
from collections.abc import Iterator

import msgspec
from ijson.common import JSONError

from logistics_pipeline.loading.formats.json_scanner import STRING

PARSER_ERRORS = (JSONError, ValueError, ArithmeticError)
"""Errors that ijson raises, for the text itself and from the Python types it creates."""

_REPLACEMENT = "\ufffd".encode()
_PIECE_BYTES = 1 << 20
_CONSTANTS_PIECE_BYTES = 1 << 18
_DIGITS_ALIKE = bytes(0x30 if byte in b"0123456789+-" else 0x65 if byte in b"eE" else byte for byte in range(256))
_MANY_DIGITS = b"0" * 20
_MANY_IN_EXPONENT = b"e" + b"0" * 16
_LONG_EXPONENT = re.compile(rb"([eE][+-]?)[0-9]{16,}")
"""Decimal takes at most 18 digits."""
_LONG_NUMBER = re.compile(rb"([0-9]{10})[0-9]{10,}")
_HIGH = rb"\\u[dD][89abAB][0-9a-fA-F]{2}"
_LOW = rb"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_LONE_HALF = re.compile(rb"\\u[dD](?:[89abAB]..(?!\\u[dD][c-fC-F])|(?<!" + _HIGH + rb"\\u[dD])[c-fC-F])", re.DOTALL)
"""Correct unless there are escaped backslashes. The pattern begins with literal text, which is many times faster."""
_ANY_HALF = re.compile(rb"\\u[dD][89a-fA-F]")
_ESCAPE = re.compile(rb"(?P<pair>" + _HIGH + _LOW + rb")|(?P<half>" + _HIGH + rb"|" + _LOW + rb")|\\.", re.DOTALL)
_CONSTANT = re.compile(STRING + rb"|(?<![0-9A-Za-z.+_-])(?P<constant>NaN|-?Infinity)(?![0-9A-Za-z.+_-])", re.DOTALL)
_NEXT_CONSTANT = re.compile(
    rb'(?:[^"NI-]++|' + STRING + rb"|(?!NaN|-?Infinity)[NI-])*+(?P<constant>NaN|-?Infinity)", re.DOTALL
)
_BARE_NAN = re.compile(rb"NaN(?<![^\s:,\[]NaN)")
_BARE_INFINITY = re.compile(rb"Infinity(?<![^\s:,\[-]Infinity)")
"""Where a constant can begin a value. Both begin with literal text, which is many times faster."""
_NAN = re.compile(rb"(?<![0-9A-Za-z.+_-])NaN(?![0-9A-Za-z.+_-])")
_INFINITY = re.compile(rb"(?<![0-9A-Za-z.+_])Infinity(?![0-9A-Za-z.+_-])")
"""The constants where there are no strings. A sign stays."""
_WHOLE_STRING = re.compile(STRING, re.DOTALL)
_TOKENS = re.compile(rb'(?:[^"]++|' + STRING + rb")*+", re.DOTALL)
_SEPARATORS = (b",", b"[", b"]", b"{", b"}", b":", b" ", b"\n")
_BEGUN_CONSTANT = re.compile(rb"(?<![0-9A-Za-z.+_-])(?:Na?|-|-?I(?:n(?:f(?:i(?:n(?:it?)?)?)?)?)?)$")
_CONSTANTS = {b"NaN": b"1e0", b"Infinity": b"10000000", b"-Infinity": b"-10000000"}
"""The constants that Python's `json.dumps` writes and JSON lacks, and a number as long as each."""


def find_constants(text: bytes) -> list[int]:
    """Returns the positions of constants that JSON lacks. A string that `text` begins in counts as outside strings."""
    if b"NaN" not in text and b"Infinity" not in text:
        return []
    return [found.start() for found in _CONSTANT.finditer(text) if found["constant"]]


def next_constant(text: bytes, start: int) -> int | None:
    """Returns the position of the next constant that JSON lacks after `start`, which is outside strings."""
    for name in (b"NaN", b"Infinity"):
        if text.find(name, start) >= 0:
            found = _NEXT_CONSTANT.match(text, start)
            return found.start("constant") if found else None
    return None


def replace_constants(text: bytes) -> bytes:
    """Replaces constants that JSON lacks by numbers of the same length."""
    if not _BARE_NAN.search(text) and not _BARE_INFINITY.search(text):
        return text  # the usual one is in quotation marks, and most files have none at all
    if b'"' not in text:
        return _INFINITY.sub(b"10000000", _NAN.sub(b"1e0", text))  # five times as fast
    return _CONSTANT.sub(lambda found: _CONSTANTS.get(found["constant"]) or found[0], text)


def make_safe(text: bytes) -> bytes:
    """Returns text that is safe for ijson: the same object if `text` is safe already.

    It holds the same number of values, and is valid exactly if `text` is but for the constants of `replace_constants`,
    which are replaced. Long numbers are shortened, form feeds made invalid, lone surrogates and invalid UTF-8 replaced.
    """
    safe = replace_constants(text)
    digits = text.translate(_DIGITS_ALIKE)
    if _MANY_DIGITS in digits or _MANY_IN_EXPONENT in digits or b"\f" in text or b"\v" in text:
        safe = _LONG_EXPONENT.sub(rb"\g<1>999999", safe)
        safe = _LONG_NUMBER.sub(rb"\1", safe).replace(b"\f", b"\0").replace(b"\v", b"\0")
    if b"\\" in safe and (_LONE_HALF.search(safe) or (b"\\\\" in safe and _ANY_HALF.search(safe))):
        safe = _ESCAPE.sub(lambda escape: rb"\u0020" if escape["half"] else escape[0], safe)
    if not safe.isascii():
        try:
            safe.decode()
        except UnicodeDecodeError:
            safe = safe.decode("utf-8", "replace").encode()
    return text if safe == text else safe


def make_large_safe(text: bytes) -> bytearray:
    """Makes the text of one value safe to be checked, as `make_safe` does, in memory for one copy of it."""
    safe = bytearray()
    for piece in _pieces(_without_constants(text)):
        safe += make_safe(piece).replace(_REPLACEMENT, b"?")  # a third as long, and no more valid outside strings
    return safe


def _without_constants(raw: bytes) -> bytes | bytearray:
    """Replaces constants piece by piece: a list of all of them could fill the memory."""
    if next_constant(raw, 0) is None:
        return raw
    text, begin = bytearray(), 0
    while begin < len(raw):
        end = _end_outside_strings(raw, begin, begin + _CONSTANTS_PIECE_BYTES)
        text += replace_constants(raw[begin:end])
        begin = end
    return text


def _end_outside_strings(text: bytes, begin: int, end: int) -> int:
    """An offset around `end` that is neither in a string nor in a word."""
    if end >= len(text):
        return len(text)
    whole = _TOKENS.match(text, begin, end)
    assert whole is not None
    if whole.end() < end:  # at the quotation mark of a string that ends later, or never
        long = _WHOLE_STRING.match(text, whole.end())
        return long.end() if long else len(text)
    return max(text.rfind(separator, begin, end) for separator in _SEPARATORS) + 1 or end


def _pieces(text: bytes | bytearray) -> Iterator[bytes]:
    """Cuts text into pieces that `make_safe` may change one by one: outside escapes, numbers and characters."""
    begin = 0
    while begin < len(text):
        end = min(begin + _PIECE_BYTES, len(text))
        if end < len(text):
            end = _last_boundary(text, begin, end)
        yield bytes(text[begin:end])
        begin = end


def _last_boundary(text: bytes | bytearray, begin: int, end: int) -> int:
    """An offset shortly before `end` where an escape may begin and none continues; `end` if there is none."""
    for boundary in range(end - 1, max(begin, end - 1000), -1):
        if text[boundary] in b'"[]{},: \\' and text[boundary - 1] != ord("\\"):
            return boundary
    return end - (end - begin) % 2


def is_broken(text: bytes) -> bool:
    """Whether `text` cannot be the beginning of a JSON value, whatever follows."""
    return not _may_continue(text) and not _may_continue(make_large_safe(_without_begun_constant(text)))


def _without_begun_constant(text: bytes) -> bytes:
    """Without the beginning of a constant at the end: the rest of it may follow."""
    return text[: -len(begun[0])] if (begun := _BEGUN_CONSTANT.search(text, max(0, len(text) - 8))) else text


def _may_continue(text: bytes | bytearray) -> bool:
    """Whether text is missing at the end, or none at all."""
    try:
        _SKIP(text)
    except msgspec.DecodeError as error:
        return "truncated" in str(error)
    except RecursionError:
        return False  # nested deeper than is accepted
    return True


_SKIP = msgspec.json.Decoder(msgspec.Raw).decode
"""Checks a value without building anything of it. Refuses half surrogate pairs, too, as if text were missing."""


def parser_reason(error: Exception) -> str:
    """Returns a parser's error message without its drawing of the position, or words of our own for other errors."""
    if not isinstance(error, JSONError):
        return "a value that cannot be read"
    text = error.args[0] if error.args else str(error)
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    return str(text).strip().splitlines()[0]
