"""The standard library's zstd module: `compression.zstd` from Python 3.14 on, its backport before."""

import sys

if sys.version_info >= (3, 14):
    from compression.zstd import CompressionParameter, DecompressionParameter, ZstdError, ZstdFile, compress, decompress
else:
    from backports.zstd import CompressionParameter, DecompressionParameter, ZstdError, ZstdFile, compress, decompress

__all__ = ["CompressionParameter", "DecompressionParameter", "ZstdError", "ZstdFile", "compress", "decompress"]
