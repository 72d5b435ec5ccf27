"""Files that may harm whoever reads them: damaged ones of every format, by seed, and those that are hard by their size.

Each is bytes that anybody may drop. What a reader must do with them is up to the tests.
"""

import bz2
import gzip
import io
import json
import lzma
import random
import zipfile
from collections.abc import Callable, Sequence

TOKENS = [
    b'"',
    b"'",
    b"\\",
    b",",
    b";",
    b"\t",
    b"|",
    b"\n",
    b"\r",
    b"\r\n",
    b"\x00",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\xfe\xff",
    b"\xc3",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"\xe2\x80\xa8",
    b"\x1a",
    b"\x1f\x8b",
    b"PK\x03\x04",
    b"{",
    b"}",
    b"[",
    b"]",
    b"{}",
    b"[]",
    b"null",
    b'{"":{"":[]}}',
    b'"\\ud800"',
    b'"\\u0000"',
    b"NaN",
    b"-Infinity",
    b"1e999999",
    b"9" * 400,
    b"-",
    b"0x1F",
    b"1_000",
    b"#",
    b"sep=;\n",
    b"9999-12-31",
    b"0000-00-00",
    b"31.02.2024",
    b"25:61:61",
    b"PT9999999999H",
    b"=1+1",
    b"\xe2\x80\xae",
    b"\xcc\x81" * 50,
    b"\xd9\xa1\xd9\xa2",
    b"\xc2\xb2",
    b"(1)",
    b"%",
    b"$",
    b"{{7*7}}",
    b"!!python/object",
]
"""Pieces that mean something to a reader of some format."""

WORDS = [
    "",
    "x",
    "NA",
    "yes",
    "no",
    "0",
    "007",
    "1.234",
    "1,5",
    "-3.2e5",
    "01/02/2024",
    "2024-01-31",
    "2024-01-31T10:00Z",
]
WORDS += [
    "25:10:00",
    "P1D",
    "202401",
    "\u00e9t\u00e9",
    "\u65e5\u672c",
    'say "no"',
    "a;b",
    "true",
    "99999999999999999999",
    "$3",
]
ENCODINGS = [
    "utf-8",
    "utf-8-sig",
    "utf-16",
    "utf-16-le",
    "utf-16-be",
    "utf-32",
    "latin-1",
    "cp1252",
    "cp1251",
    "shift-jis",
    "gbk",
]


def damaged(seed: int) -> bytes:
    """A small file of some format, written in some encoding, damaged at some places, maybe compressed."""
    chance = random.Random(seed)
    content = chance.choice(_FORMATS)(chance).encode(chance.choice(ENCODINGS), "replace")
    for _ in range(chance.choice([0, 1, 1, 2, 5, 20])):
        content = _damage(chance, content)
    if chance.random() < 0.15:
        content = chance.choice([gzip.compress, bz2.compress, lzma.compress, _zipped])(content)
        if chance.random() < 0.5:
            content = _damage(chance, content)
    return content


def _damage(chance: random.Random, content: bytes) -> bytes:
    begin = chance.randrange(len(content) + 1)
    end = min(len(content), begin + int(chance.expovariate(0.05)))
    part = content[begin:end]
    replaced: Callable[[], bytes] = chance.choice(
        [
            lambda: b"",
            lambda: part + chance.choice(TOKENS),
            lambda: chance.choice(TOKENS) * chance.choice([1, 2, 3, 1_000]),
            lambda: part * chance.choice([2, 3, 100]),
            lambda: chance.randbytes(len(part)),
            lambda: part[::-1],
            lambda: bytes(each ^ 1 << chance.randrange(8) for each in part),
        ]
    )
    if chance.random() < 0.05:
        return content[:begin]
    return content[:begin] + replaced() + content[end:]


def _csv(chance: random.Random) -> str:
    delimiter, line_end = chance.choice(",;\t|^ \x01:"), chance.choice(["\n", "\r\n", "\r"])
    quote = chance.choice(["", '"', "'"])
    width, rows = chance.choice([1, 2, 5, 30]), chance.choice([0, 1, 3, 40, 400])
    kinds = [chance.sample(WORDS, chance.choice([1, 2, 6])) for _ in range(width)]
    lines = [[f"{quote}{chance.choice(kind)}{quote}" for kind in kinds] for _ in range(rows)]
    header = [chance.choice(["id", "date", "a b", "", "\u00fc", "1"]) for _ in range(width)]
    above = chance.choice([[], [], [["Report"]], [["sep=" + delimiter]], [["# a"], ["# b"]]])
    return line_end.join(delimiter.join(row) for row in [*above, header, *lines]) + chance.choice(["", line_end])


def _value(chance: random.Random, depth: int = 0) -> object:
    plain: list[object] = [*WORDS, None, True, 0, -1.5, 10**30, float("nan"), float("inf"), "\ud800", "\x00"]
    if depth < 3 and chance.random() < 0.2:
        return chance.choice(
            [[_value(chance, depth + 1)], {"a.b": _value(chance, depth + 1), "": 1}, [{"a": 1}], {}, []]
        )
    return chance.choice(plain)


def _records(chance: random.Random) -> list[dict[str, object]]:
    keys = chance.sample(
        ["id", "id.x", "", "a", "A", "\u00fc", "x" * 300, "\ud800", "\x00", "null", "a.b.c", "a\nname: b"], 4
    )
    return [{key: _value(chance) for key in keys if chance.random() < 0.9} for _ in range(chance.choice([0, 1, 3, 60]))]


def _array(chance: random.Random) -> str:
    return json.dumps(_records(chance), ensure_ascii=chance.random() < 0.5, indent=chance.choice([None, 1]))


def _lines(chance: random.Random) -> str:
    return "\n".join(json.dumps(each) for each in _records(chance))


def _wrapped(chance: random.Random) -> str:
    return json.dumps({"meta": _value(chance), "data": {"rows": _records(chance)}, "more": _records(chance)})


def _noise(chance: random.Random) -> str:
    alphabet = chance.choice(
        ["ab,\n", '"\n', "[]{}", "0123456789.,\n", "\r\n", "\x00a\n", "-/: 0123456789\n", '{"a":1}\n']
    )
    return "".join(chance.choices(alphabet, k=chance.choice([1, 10, 200, 5_000])))


_FORMATS: Sequence[Callable[[random.Random], str]] = [_csv, _csv, _csv, _array, _lines, _wrapped, _noise]


def _zipped(content: bytes) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("data.csv", content)
    return archive.getvalue()


def _wide(columns: int, rows: int) -> bytes:
    return "\n".join([",".join(f"c{each}" for each in range(columns)), *[",".join(["1"] * columns)] * rows]).encode()


def _filled(head: bytes, line: Callable[[int], str], size: int) -> bytes:
    lines, total, number = [head], len(head), 0
    while total < size:
        lines.append(line(number).encode())
        total += len(lines[-1])
        number += 1
    return b"".join(lines)[:size]


MIB = 1 << 20
LARGE: dict[str, Callable[[], bytes]] = {
    "a line of 64 MiB": lambda: b"a,b\n" + b"x" * (64 * MIB),
    "a line of 8 MiB without a header": lambda: b"x" * (8 * MIB - 10),
    "a line of digits": lambda: b"a,b\n1," + b"9" * (7 * MIB),
    "a line of delimiters": lambda: b"," * (7 * MIB),
    "rows of delimiters": lambda: (b"," * 1_400 + b"\n") * 5_000,
    "quotes": lambda: b'"' * (7 * MIB),
    "quotes and line ends": lambda: b'"\n' * (3 * MIB),
    "quotes and delimiters": lambda: b'",' * (3 * MIB),
    "pairs of quotes": lambda: b'a,b\n1,"' + b'""' * (3 * MIB) + b'"\n',
    "a quote that is never closed": lambda: b'id,note\n1,"open\n' + b"2,fine\n" * MIB,
    "line ends": lambda: b"\n" * (7 * MIB),
    "carriage returns": lambda: b"a\r" * (3 * MIB),
    "both line ends": lambda: b"a,1\r\nb,2\n\r" * (600 << 10),
    "NULs": lambda: b"\x00" * (7 * MIB),
    "blanks": lambda: b" " * (7 * MIB),
    "rows of one short cell": lambda: _filled(b"id\n", lambda number: f"{number % 90 + 10}\n", 8 * MIB),
    "rows of two short cells": lambda: _filled(b"id,k\n", lambda number: f"{number % 97},{number % 89}\n", 8 * MIB),
    "rows of one number": lambda: _filled(b"id\n", lambda number: f"{number}\n", 8 * MIB),
    "rows of many kinds of dates": lambda: _filled(
        b"when,x\n", lambda number: f"{number % 28 + 1}.{number % 12 + 1}.{number % 4_000 + 1000},{number}\n", 8 * MIB
    ),
    "other texts in each row": lambda: _filled(
        b"a,b\n", lambda number: f"t{number:x}-{number % 7},x{number:o}\n", 8 * MIB
    ),
    "other shapes in each row": lambda: _filled(
        b"a,b\n", lambda number: "".join("1a-.:/"[number // 6**place % 6] for place in range(9)) + ",1\n", 8 * MIB
    ),
    "10,000 columns": lambda: _wide(10_000, 20),
    "1,500 columns": lambda: _wide(1_500, 2_000),
    "a million columns": lambda: _wide(1_000_000, 1),
    "titles that are all the same": lambda: (
        b",".join([b"a"] * 1_500) + b"\n" + (b",".join([b"1"] * 1_500) + b"\n") * 500
    ),
    "long titles": lambda: b",".join([b"t" * 5_000] * 1_400) + b"\n" + b",".join([b"1"] * 1_400),
    "ragged rows": lambda: _filled(b"a,b\n", lambda number: "1," * (number % 40) + "1\n", 8 * MIB),
    "open brackets": lambda: b"[" * (7 * MIB),
    "open objects": lambda: b'{"a":' * MIB,
    "deep arrays in a record": lambda: b'[{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}]",
    "deep objects on a line": lambda: b'{"a":1}\n' + b'{"a":' * 200_000 + b"1" + b"}" * 200_000,
    "deep objects in a wrapper": lambda: b'{"a":' * 100_000 + b"[{}]" + b"}" * 100_000,
    "empty objects": lambda: b"[" + b"{}," * (2 * MIB) + b"{}]",
    "lines of empty objects": lambda: b"{}\n" * (2 * MIB),
    "small objects": lambda: b"[" + b'{"a":1},' * (MIB - 10) + b"{}]",
    "lines of small objects": lambda: b'{"a":1}\n' * MIB,
    "numbers in an array": lambda: b"[" + b"1," * (3 * MIB) + b"1]",
    "arrays in an array": lambda: b"[" + b"[]," * (2 * MIB) + b"[]]",
    "an array of empty objects in a wrapper": lambda: b'{"a":[' + b"{}," * (2 * MIB) + b"{}]}",
    "nested empty arrays in records": lambda: b"[" + (b'{"a":[' + b"[]," * 50_000 + b"[]]},") * 40 + b"{}]",
    "an object with many keys": lambda: b"{" + b",".join(b'"k%d":1' % each for each in range(500_000)) + b"}",
    "other keys in each object": lambda: b"[" + b",".join(b'{"k%d":1}' % each for each in range(400_000)) + b"]",
    "1,500 fields in each object": lambda: (
        (b"{" + b",".join(b'"k%d":1' % each for each in range(1_500)) + b"}\n") * 400
    ),
    "one field of 1,500 in each object": lambda: b"\n".join(b'{"k%d":1}' % (each % 1_500) for each in range(500_000)),
    "a number of a million digits": lambda: b'[{"a":' + b"9" * MIB + b"}]",
    "large exponents": lambda: b'[{"a":1e999999999},' + b'{"a":1e-999999999},' * 200_000 + b'{"a":1}]',
    "large exponents in CSV": lambda: b"a,b\n" + b"1e999999999,1E-99999999\n" * 200_000,
    "a gzip bomb": lambda: gzip.compress(b"1,2\n" * (50 * MIB), 9),
    "a gzip bomb of one line": lambda: gzip.compress(b"a" * (200 * MIB), 9),
    "a bzip2 bomb": lambda: bz2.compress(b"\n" * (100 * MIB), 9),
    "an xz bomb": lambda: lzma.compress(b"[" * (200 * MIB), preset=1),
    "a zip bomb": lambda: _zipped(b"a" * (200 * MIB)),
    "gzip in gzip": lambda: gzip.compress(gzip.compress(b"a,b\n1,2\n")),
    "thousands of gzip members": lambda: gzip.compress(b"a,b\n") + gzip.compress(b"1,2\n") * 100_000,
    "UTF-16 of one line": lambda: ("a,b\n" + "x" * (3 * MIB)).encode("utf-16"),
    "UTF-16 rows": lambda: ("a,b\n" + "1,2\n" * (900 << 10)).encode("utf-16-le"),
    "large UTF-16 rows": lambda: ("a,b\n" + "1,2\n" * (4 * MIB)).encode("utf-16"),
    "Windows-1252 at the end of 40 MiB": lambda: b"a,b\n" + b"x,2\n" * (10 * MIB) + b"\xe9,1\n",
    "combining characters": lambda: ("a,b\n" + "e" + "\u0301" * (2 * MIB) + ",1\n").encode(),
    "random bytes": lambda: random.Random(1).randbytes(8 * MIB),
    "random printable text": lambda: bytes(32 + each % 95 for each in random.Random(2).randbytes(7 * MIB)),
    "comments": lambda: b"# no\n" * MIB + b"a,b\n1,2\n",
    "a preamble as long as the table": lambda: b"word\n" * 100_000 + b"a,b\n" + b"1,2\n" * 100_000,
}
"""Files that are hard by their size, as functions that make them."""
