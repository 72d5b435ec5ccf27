"""Recognises the encoding of text: UTF-8, UTF-16 and Windows-1252 (with Latin-1, its subset). Reads bytes, no files.

UTF-16 shows at the beginning: by its byte order mark, or by the zero bytes of its ASCII characters. Everything else is
UTF-8 until a byte sequence proves otherwise; what it is then depends on all bytes of the file:
`recognise_single_byte`, or `recognise_declared` where a contract names an encoding.
"""

import codecs
import re
from collections.abc import Iterable
from dataclasses import dataclass

from logistics_pipeline.errors import FileError

UTF8_MARK = b"\xef\xbb\xbf"
"""A byte order mark in UTF-8."""

_UTF16_MARKS = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
_SAMPLE_BYTES = 4096


@dataclass(frozen=True)
class Encoding:
    """How a file's bytes are to be read, and what to tell people about it."""

    codec: str
    note: str | None = None
    mark_bytes: int = 0
    """Length of the byte order mark at the beginning, where it is not UTF-8."""

    @property
    def is_utf8(self) -> bool:
        return self.codec == "utf-8"


UTF8 = Encoding("utf-8")


def recognise_utf16(head: bytes, declared: str | None = None) -> Encoding | None:
    """Returns the encoding of a text in UTF-16 by its beginning, None if it is something else.

    A text without a mark and with few ASCII characters is in UTF-16 if a contract declares that, and it has zero bytes.
    """
    codec = _UTF16_MARKS.get(head[:2])
    if codec is not None and head[:4] != b"\xff\xfe\0\0":  # that is UTF-32
        return Encoding(codec, f"Encoding {codec.upper()}, with a byte order mark.", 2)
    codec = _utf16_by_zero_bytes(head[:_SAMPLE_BYTES])
    if codec is not None:
        return Encoding(codec, f"Encoding {codec.upper()}, recognised by its zero bytes.")
    if declared is not None and declared.startswith("utf-16") and b"\0" in head:
        codec = "utf-16-le" if declared == "utf-16" else declared
        return Encoding(codec, f"Encoding {codec.upper()}, as the contract says.")
    return None


def _utf16_by_zero_bytes(sample: bytes) -> str | None:
    """Where the zero bytes of ASCII characters are: behind them in UTF-16-LE, before them in UTF-16-BE.

    The text begins with an ASCII character, as all delimiters, names and brackets are, and nearly all zero bytes are on
    the same side.
    """
    if len(sample) < 4:
        return None
    before, behind = sample[0::2].count(0), sample[1::2].count(0)
    if sample[1] == 0 != sample[0] and behind > 1 and behind >= 20 * before:
        return "utf-16-le"
    if sample[0] == 0 != sample[1] and before > 1 and before >= 20 * behind:
        return "utf-16-be"
    return None


def first_sequence_is_utf8(block: bytes) -> bool | None:
    """Whether the first bytes of a block that are not ASCII are a character in UTF-8; None if the block ends there."""
    match = re.search(rb"[\x80-\xff][\x80-\xbf]{0,3}", block)
    if match is None:
        return None
    try:
        return bool(codecs.utf_8_decode(match.group(), "strict", False)[1]) or None
    except UnicodeDecodeError as error:
        return error.start > 0


# -- one byte per character ------------------------------------------------------------------------------------------

_LETTER = rb"\x8a\x8c\x8e\x9a\x9c\x9e\x9f\xaa\xb5\xba\xc0-\xd6\xd8-\xf6\xf8-\xff"
"""Letters of Windows-1252 that are not ASCII."""
_UNASSIGNED = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
"""Bytes that stand for nothing in Windows-1252."""
_LOWER = rb"a-z\x9a\x9c\x9e\xdf-\xf6\xf8-\xff"
_SYMBOL_IN_WORD = re.compile(
    rb"[a-zA-Z%b][\x82-\x84\x86-\x89\x8b\x93\x94\x98\x9b\xa1-\xa3\xa5\xa6\xb1\xb3\xb9\xbc-\xbf][a-zA-Z%b]"
    rb"|(?<![0-9a-zA-Z%b])[\xa2\xa5\xa6\xb3\xb9\xbc-\xbe][a-zA-Z%b]"
    rb"|(?<![0-9a-zA-Z%b])\xa3[a-zA-Z%b]{2}"
    rb"|[a-zA-Z%b][\xa1\xa5\xa6\xb1\xbc\xbe\xbf](?![0-9a-zA-Z%b])" % ((_LETTER,) * 8),
)
"""As `³` in `Zdu³a` and `£` in `£ód`: the words are Polish, in Windows-1250; or `”` in `K”ln`, in code page 437."""
_CAPITAL_IN_WORD = re.compile(rb"\x9f[%b]|[%b][\x8a\x8c\x8e\x9f]" % (_LOWER, _LOWER))
"""As `Ÿ` in `ZŸrich`, in Mac OS Roman."""
_OTHER_SCRIPT = re.compile(rb"(?=[\x80-\xff]{4})[%b]*+[^\x00-\x7f%b]" % (_LETTER, _LETTER))
"""A symbol among four bytes that are not ASCII: letters of a script with two bytes per character."""
_FOREIGN_WORD = re.compile(rb"(?<![a-zA-Z%b])[%b]{3,}+(?![a-zA-Z])" % (_LETTER, _LETTER))
"""A word of accented letters alone: Cyrillic or Greek, unless there are words with ASCII letters as well."""
_ACCENTED_WORD = re.compile(rb"[a-zA-Z][%b]|[%b][a-zA-Z]" % (_LETTER, _LETTER))
_CONTROLS = re.compile(rb"[\x80-\x9f]")
_WORD_BYTES = 200
"""The longest word that is looked at as a whole where two blocks meet."""

_MAY_BE_OTHERS = (
    "the bytes would also fit Windows-1250, ISO 8859-15 and others: if letters look wrong, deliver the file in UTF-8"
)
_UNSETTLED = Encoding(
    "utf-8",
    "The file is neither UTF-8 nor Windows-1252 (it may be Windows-1250, Windows-1251, KOI8-R, GBK, code page 850 or "
    "another): records with bytes that are not UTF-8 are rejected. Convert the file to UTF-8.",
)


def recognise_single_byte(blocks: Iterable[bytes]) -> Encoding:
    """Returns the encoding of a whole file that is not UTF-16, given as blocks of its bytes.

    It is Windows-1252 only if no two bytes in it form a character in UTF-8, all bytes are assigned, and the words they
    make are words. Stops at the first valid character in UTF-8: the file is UTF-8 then, perhaps with broken records.
    Memory: one block.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    has_high_bytes = has_controls = has_foreign_words = has_accented_words = fits = False
    is_western, tail = True, b""
    for block in blocks:
        text = decoder.decode(block)
        if not text.isascii() and re.search("[^\x00-\x7f\udc80-\udcff]", text):
            return UTF8
        block = tail + block
        tail = block[-_WORD_BYTES:]
        if block.isascii():
            continue
        has_high_bytes = True
        is_western = is_western and not any(
            pattern.search(block) for pattern in (_UNASSIGNED, _SYMBOL_IN_WORD, _CAPITAL_IN_WORD, _OTHER_SCRIPT)
        )
        has_controls = has_controls or bool(_CONTROLS.search(block))
        has_foreign_words = has_foreign_words or bool(_FOREIGN_WORD.search(block))
        has_accented_words = has_accented_words or bool(_ACCENTED_WORD.search(block))
    fits = is_western and (has_accented_words or not has_foreign_words)
    if not has_high_bytes:
        return UTF8
    if not fits:
        return _UNSETTLED
    latin = "Windows-1252" if has_controls else "Windows-1252 (the same as Latin-1 here)"
    return Encoding("cp1252", f"Encoding {latin}; {_MAY_BE_OTHERS}.")


# -- an encoding that a contract names -------------------------------------------------------------------------------

_SURE = 10
"""How many times more characters of UTF-8 than other bytes there are in a text in UTF-8 with broken records."""


def recognise_declared(blocks: Iterable[bytes], declared: str) -> Encoding:
    """Returns the encoding of a whole file that is not UTF-16, where a contract declares one that is not UTF-8.

    A file that is valid UTF-8 proves that, whatever the contract says. Memory: one block.

    Raises:
        FileError: some of its characters speak for UTF-8, others against it.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    characters = broken = 0
    for block in blocks:
        text = decoder.decode(block)
        if not text.isascii():
            characters += len(_NOT_ASCII.findall(text))
            broken += len(_BROKEN.findall(text))
    broken += len(decoder.decode(b"", True))
    name = declared.upper()
    if not broken:
        return Encoding("utf-8", f"Encoding UTF-8; the contract says {name}." if characters else None)
    if characters >= _SURE * broken:
        note = f"Encoding UTF-8; the contract says {name}. Records with bytes that are not UTF-8 are rejected."
        return Encoding("utf-8", note)
    if broken >= _SURE * characters or declared in _WIDE:
        return Encoding(declared, f"Encoding {name}, as the contract says.")
    raise FileError(
        f"It cannot be told whether the file is in UTF-8 or in {name}, as the contract says: {characters:,} of its "
        f"characters are UTF-8, {broken:,} bytes are not. Deliver it in one encoding"
    )


_NOT_ASCII = re.compile("[^\x00-\x7f\udc80-\udcff]")
_BROKEN = re.compile("[\udc80-\udcff]")
_WIDE = frozenset({"shift_jis", "cp932", "euc_jp", "gb2312", "gbk", "gb18030", "big5", "cp950", "euc_kr", "cp949"})
"""Encodings with several bytes per character: many of their pairs of bytes happen to be a character in UTF-8."""


def recognise(blocks: Iterable[bytes], declared: str | None) -> Encoding:
    """Returns the encoding of a whole file that is not UTF-16, with the one that a contract names, if it names any.

    Raises:
        FileError: see `recognise_declared`.
    """
    if declared is None or declared in ("utf-8", "ascii"):
        return recognise_single_byte(blocks)
    return recognise_declared(blocks, declared)
