"""Files to load, made by the project's own generator, and their other forms."""

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


def redeliver(sample: Sample) -> Sample:
    """The same content under a second name."""
    path = sample.path.with_stem(f"{sample.path.stem}-again")
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
