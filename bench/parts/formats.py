"""The other formats against the limit, and the reference parser (ijson) forced upon a JSON array."""

import time
import zlib
from collections.abc import Callable
from pathlib import Path
from statistics import median

from bench.comparing import COMPARISON_COLUMNS, compare_with_limit, comparison_cells
from bench.datasets import VEHICLE_LOGS
from bench.part import Bench, Part
from bench.results import Cell, Column, Findings, Table, Target
from bench.samples import Sample, compress_gzip, compress_zstd, make_sample
from logistics_core import zstd
from logistics_pipeline.demo.file_formats import Format

_RECORDS = 1_000_000
_REPETITIONS = 5
_BLOCK_BYTES = 256 * 1024
_OTHERS: tuple[tuple[str, Format, float], ...] = (("NDJSON", "ndjson", 0.85), ("CSV", "csv", 0.7))


def _measure(bench: Bench) -> Findings:
    records = bench.records(_RECORDS)
    rows: list[list[Cell]] = []
    targets: list[Target] = []

    def compare(name: str, sample: Sample, wanted: float | None, *, reference_parser: bool = False) -> None:
        bench.say(name)
        comparison = compare_with_limit(
            bench, sample, bench.repetitions(_REPETITIONS), reference_parser=reference_parser
        )
        rows.append([name, *comparison_cells(comparison)])
        if wanted is not None:
            what = f"{sample.dataset.name}, {name}, {records:,}: loader / limit"
            targets.append(Target(what, "ratio", "at least", wanted, comparison.ratio.median))

    array = make_sample(bench.folder, VEHICLE_LOGS, records)
    compare("JSON array", array, None)
    compare("JSON array, reference parser", array, 0.35, reference_parser=True)
    decompression = []
    for name, compress, read in (
        ("JSON array, gzip", compress_gzip, _read_gzip),
        ("JSON array, zstd", compress_zstd, _read_zstd),
    ):
        packed = compress(array)
        compare(name, packed, None)
        decompression.append(_decompress(bench, name, packed, read))
        packed.remove()
    array.remove()
    for name, format, wanted in _OTHERS:
        sample = make_sample(bench.folder, VEHICLE_LOGS, records, format=format)
        compare(name, sample, wanted)
        sample.remove()
    return Findings(
        [
            Table(
                "vehicle_logs, chronological, into the empty table",
                [Column("format", "text"), *COMPARISON_COLUMNS],
                rows,
            ),
            Table(
                "The decompressor alone, into nothing",
                [Column("format", "text"), Column("records/s", "rate"), Column("MiB/s, decompressed", "MiB")],
                decompression,
            ),
        ],
        targets,
    )


def _decompress(bench: Bench, name: str, packed: Sample, read: Callable[[Path], int]) -> list[Cell]:
    """How fast the records could come at most, were decompression all there is to do."""
    times = []
    size = 0
    for _ in range(bench.repetitions(_REPETITIONS)):
        since = time.perf_counter()
        size = read(packed.path)
        times.append(time.perf_counter() - since)
    return [name, packed.records / median(times), size / 2**20 / median(times)]


def _read_gzip(path: Path) -> int:
    size, inflate = 0, zlib.decompressobj(wbits=31)
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            size += len(inflate.decompress(block))
    return size


def _read_zstd(path: Path) -> int:
    size = 0
    with zstd.ZstdFile(path) as plain:
        while block := plain.read1(_BLOCK_BYTES):
            size += len(block)
    return size


PART = Part(
    "formats",
    "Speed: other formats, and the reference parser",
    """\
The same logs in other formats. The *reference parser* reads what the fast parser cannot (arrays inside objects,
concatenated objects, anything irregular); here it is forced upon a plain array. A compressed file cannot be loaded
faster than it is decompressed: the second table has that bound.""",
    _measure,
)
