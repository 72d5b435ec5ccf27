"""Files to load, made by the project's own generator, and their other forms."""

import csv
import gzip
import shutil
from dataclasses import dataclass
from pathlib import Path

from logistics_core import zstd
from logistics_core.catalogue import Dataset
from logistics_pipeline.demo.file_formats import Format
from logistics_pipeline.demo.generator import generate
from logistics_pipeline.demo.records import Order

BYTES_PER_LOG = 113
"""Approximate size of a vehicle log in a JSON array, to make files of a given size."""


@dataclass(frozen=True)
class Sample:
    """A file to load."""

    path: Path
    dataset: Dataset
    records: int
    bad: int = 0

    @property
    def good(self) -> int:
        return self.records - self.bad

    @property
    def bytes(self) -> int:
        return self.path.stat().st_size

    def remove(self) -> None:
        self.path.unlink()


def make_sample(
    folder: Path,
    dataset: Dataset,
    records: int,
    *,
    format: Format = "json",
    order: Order = "chronological",
    bad_every: int | None = None,
) -> Sample:
    """Generates one file of logs or shipments, alone in a folder of its own below `folder`."""
    name = f"{dataset.name}-{records}-{format}-{order}-{bad_every or 'good'}"
    # Shipments need logs to refer to, and the generator writes those too: they are not wanted here.
    shipments = records if dataset.name == "shipments" else 0
    made = generate(folder / name, logs=records, shipments=shipments, format=format, order=order, bad_every=bad_every)
    wanted = next(file for file in made if file.dataset == dataset.name)
    for file in made:
        if file is not wanted:
            file.path.unlink()
    return Sample(wanted.path, dataset, wanted.records, wanted.bad)


def make_dirty_sample(folder: Path, dataset: Dataset, records: int, percent: int, *, format: Format = "json") -> Sample:
    """Generates a file of which so many of every hundred records are bad, scattered and of every kind of damage."""
    clean = make_sample(folder, dataset, records, format=format)
    spoiled = make_sample(folder, dataset, records, format=format, bad_every=1)
    path, bad = clean.path.with_stem(f"{clean.path.stem}-{percent}-percent-bad"), 0
    with clean.path.open() as good_lines, spoiled.path.open() as bad_lines, path.open("w") as mixed:
        for number, (good_line, bad_line) in enumerate(zip(good_lines, bad_lines, strict=True)):
            is_bad = number * _SCATTERING % 100 < percent and good_line != bad_line
            mixed.write(bad_line if is_bad else good_line)
            bad += is_bad
    clean.remove()
    spoiled.remove()
    return Sample(path, dataset, records, bad)


_SCATTERING = 37
"""Without a divisor in common with 100: of every hundred lines each comes first once."""


def put_words(sample: Sample, field: str, word: str, every: int) -> Sample:
    """The rows of a CSV file with a word in a field of some."""
    path, bad = sample.path.with_stem(f"{sample.path.stem}-words"), 0
    with sample.path.open(newline="") as rows, path.open("w", newline="") as written:
        reader = csv.DictReader(rows)
        writer = csv.DictWriter(written, reader.fieldnames or [])
        writer.writeheader()
        for number, row in enumerate(reader):
            is_bad = number % every == 0
            writer.writerow(row | {field: word} if is_bad else row)
            bad += is_bad
    return Sample(path, sample.dataset, sample.records, bad)


def compress_gzip(sample: Sample) -> Sample:
    """The same file as gzip makes it by default."""
    path = sample.path.with_name(f"{sample.path.name}.gz")
    with sample.path.open("rb") as plain, gzip.open(path, "wb", compresslevel=6) as packed:
        shutil.copyfileobj(plain, packed, 1 << 20)
    return Sample(path, sample.dataset, sample.records, sample.bad)


def compress_zstd(sample: Sample) -> Sample:
    """The same file as zstd makes it by default."""
    path = sample.path.with_name(f"{sample.path.name}.zst")
    with sample.path.open("rb") as plain, zstd.ZstdFile(path, "wb", level=3) as packed:
        shutil.copyfileobj(plain, packed, 1 << 20)
    return Sample(path, sample.dataset, sample.records, sample.bad)


def redeliver(sample: Sample, name: str = "again") -> Sample:
    """The same content under another name."""
    path = sample.path.with_stem(f"{sample.path.stem}-{name}")
    shutil.copyfile(sample.path, path)
    return Sample(path, sample.dataset, sample.records, sample.bad)


def split_sample(sample: Sample, files: int) -> Path:
    """Splits an NDJSON sample into that many JSON arrays in a folder of their own, and deletes the sample."""
    folder = sample.path.parent / "files"
    folder.mkdir()
    lines = sample.path.read_text().splitlines()
    size = len(lines) // files
    for number in range(files):
        part = ",\n".join(lines[number * size : (number + 1) * size])
        (folder / f"{sample.dataset.name}-{number + 1:04d}.json").write_text(f"[\n{part}\n]\n")
    sample.remove()
    return folder
