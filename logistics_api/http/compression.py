"""Compresses bodies: thoroughly if they are cached and sent often, cheaply if they are sent once."""

import gzip

import brotli

from logistics_core import zstd

SMALLEST = 1_000
"""Minimum size in bytes: below it, compression saves less than a network packet."""

INLINE = 64 << 10
"""Size in bytes up to which cheap compression is faster than handing it to a thread."""

THOROUGH_LEVELS = {"zstd": 12, "br": 6, "gzip": 6}
CHEAP_LEVELS = {"zstd": 1, "br": 1, "gzip": 1}


def compress_thoroughly(coding: str, body: bytes) -> bytes:
    """Takes some milliseconds for 40 kB: once per cached response, in a thread (all codecs release the GIL)."""
    return _compress(coding, body, THOROUGH_LEVELS[coding])


def compress_cheaply(coding: str, body: bytes) -> bytes:
    """Compresses a response that is sent once."""
    return _compress(coding, body, CHEAP_LEVELS[coding])


def _compress(coding: str, body: bytes, level: int) -> bytes:
    match coding:
        case "zstd":
            return zstd.compress(body, level)
        case "br":
            return bytes(brotli.compress(body, quality=level))
        case _:
            return gzip.compress(body, level, mtime=0)
