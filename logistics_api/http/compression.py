"""Bodies made smaller: thoroughly for what is kept and sent often, cheaply for what is sent once."""

import gzip

import brotli

from logistics_core import zstd

SMALLEST = 1_000
"""Bytes below which compression gains less than a network packet."""

INLINE = 64 << 10
"""Bytes up to which the cheap compression takes so little that a thread would cost more."""


def compress_thoroughly(coding: str, body: bytes) -> bytes:
    """Some milliseconds for 40 kB: once per answer that is kept, in a thread (all three let go of the interpreter)."""
    match coding:
        case "zstd":
            return zstd.compress(body, 12)
        case "br":
            return bytes(brotli.compress(body, quality=6))
        case "gzip":
            return gzip.compress(body, 6, mtime=0)
    raise ValueError(f"no such coding: {coding}")


def compress_cheaply(coding: str, body: bytes) -> bytes:
    """For an answer that is sent once."""
    match coding:
        case "zstd":
            return zstd.compress(body, 1)
        case "br":
            return bytes(brotli.compress(body, quality=1))
        case "gzip":
            return gzip.compress(body, 1, mtime=0)
    raise ValueError(f"no such coding: {coding}")
