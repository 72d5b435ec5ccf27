"""Files to load under faults: random datasets, sizes, formats, bad records and keys. Plain bytes; knows no database."""

import csv
import gzip
import io
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from logistics_core import zstd
from tests.database.records import Record, log, shipment, vehicle
from tests.keyed import reading, visit

MAKERS: dict[str, Callable[..., Record]] = {
    "vehicles": vehicle,
    "vehicle_logs": log,
    "shipments": shipment,
    "readings": reading,
    "visits": visit,
}
TEXTS = {
    "vehicles": "name",
    "vehicle_logs": "vehicle_id",
    "shipments": "origin",
    "readings": "station",
    "visits": "place",
}
MEASURES = {
    "vehicles": "total_mileage",
    "vehicle_logs": "fuel_used",
    "shipments": "weight",
    "readings": "value",
    "visits": "guests",
}
AWKWARD_TEXTS = ("tab\there", "two\nlines", "back\\slash\\n", 'a "quoted" one', "comma, semicolon; and |", "Œuvre ☃ 🚚")


@dataclass(frozen=True)
class Frame:
    """What stands before, between and after the records of a file, and what its name ends with."""

    suffix: str
    before: bytes
    between: bytes
    after: bytes


FRAMES = {
    "array": Frame(".json", b"[\n", b",\n", b"\n]\n"),
    "wrapped": Frame(".json", b'{"meta": {"pages": [1]}, "data": {"items": [', b", ", b']}, "more": [2]}'),
    "lines": Frame(".ndjson", b"", b"\n", b"\n"),
    "objects": Frame(".json", b"", b"\n", b"\n"),
}
FORMATS = {"array": 4, "wrapped": 1, "lines": 3, "objects": 1, "csv": 3}
"""Every format, and how often it is chosen."""
COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": lambda content: gzip.compress(content, compresslevel=1, mtime=0),
    ".zst": zstd.compress,
}


@dataclass(frozen=True)
class Delivery:
    """One version of a file, record by record."""

    dataset: str
    format: str
    compression: str
    pieces: list[bytes]

    @property
    def name(self) -> str:
        return f"{self.dataset}{self._frame.suffix}{self.compression}"

    @property
    def content(self) -> bytes:
        return self._compressed(self._framed(self.pieces))

    def as_far_as(self, records: int, end: int) -> bytes:
        """A file of what a load has read that counted so many records and came as far as `end`.

        It is a prefix of the records; or, where the last one was cut in two, a prefix of the bytes.
        """
        pieces = self.pieces[:records]
        size = len(self._frame.before) + len(self._frame.between.join(pieces))
        return self._compressed(self._framed(pieces) if size <= end else self._framed(self.pieces)[:end])

    def reversed(self) -> "Delivery":
        """The same records, the last one first."""
        return replace(self, pieces=self.pieces[::-1])

    @property
    def _frame(self) -> Frame:
        if self.format == "csv":
            return Frame(".csv", ",".join(MAKERS[self.dataset](0)).encode() + b"\r\n", b"\r\n", b"\r\n")
        return FRAMES[self.format]

    def _framed(self, pieces: list[bytes]) -> bytes:
        return self._frame.before + self._frame.between.join(pieces) + self._frame.after

    def _compressed(self, content: bytes) -> bytes:
        return COMPRESSIONS[self.compression](content)

    def __str__(self) -> str:
        return f"{self.name} of {len(self.pieces):,} records"


def drop(path: Path, content: bytes, second: int) -> Path:
    """Writes a file with a modification time of its own, so that two folders can hold the same."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return set_time(path, second)


def set_time(path: Path, second: int) -> Path:
    time = 1_700_000_000_000_000_000 + second * 1_000_000_000
    os.utime(path, ns=(time, time))
    return path


def random_delivery(
    chance: Random, *, is_spoiled: bool = False, is_big: bool = False, exponents: tuple[float, float] = (2.5, 4)
) -> Delivery:
    """A file of a random dataset, format and size.

    A spoiled one is sure to hold bad records; a big one holds more than fits into the pipe of a reading process.
    Others have as many records as ten to a power between the exponents.
    """
    dataset = chance.choice(list(MAKERS))
    format = chance.choices(list(FORMATS), weights=list(FORMATS.values()))[0]
    compression = chance.choices(list(COMPRESSIONS), weights=[5, 3, 1])[0]
    bad_share = chance.uniform(0.01, 0.2) if is_spoiled else chance.choice([0, 0, 0.005, 0.1])
    records = round(10 ** (chance.uniform(4.3, 4.45) if is_big else chance.uniform(*exponents)))
    return _deliver(chance, dataset, format, compression, records, bad_share)


def corrected(chance: Random, old: Delivery) -> Delivery:
    """Another version of a file: other records, most of them with the same keys."""
    records = round(len(old.pieces) * chance.uniform(0.2, 1.5)) + 1
    return _deliver(chance, old.dataset, old.format, old.compression, records, chance.choice([0, 0.01]))


def _deliver(chance: Random, dataset: str, format: str, compression: str, records: int, bad_share: float) -> Delivery:
    keys = _random_keys(chance, records)
    made = [_random_record(chance, dataset, format, key, bad_share) for key in keys]
    if format == "wrapped":  # its first element tells which array holds the records; reversed, that is the last one
        for end in (0, -1):
            made[end] = _random_record(chance, dataset, format, keys[end], bad_share=0)
    if format == "objects" and isinstance(made[0], bytes):  # an array before all objects would be the only one read
        made[0] = _random_record(chance, dataset, format, keys[0], bad_share=0)
    encode = _encoder(dataset, format)
    return Delivery(dataset, format, compression, [each if isinstance(each, bytes) else encode(each) for each in made])


def _encoder(dataset: str, format: str) -> Callable[[Record], bytes]:
    if format != "csv":
        indent = 2 if format == "objects" else None
        return lambda record: json.dumps(record, indent=indent).encode()
    names = list(MAKERS[dataset](0))

    def encode(record: Record) -> bytes:
        text = io.StringIO()
        csv.DictWriter(text, names, lineterminator="").writerow(record)
        return text.getvalue().encode()

    return encode


def _random_keys(chance: Random, records: int) -> list[int]:
    """Chronological or shuffled, all different or some repeated."""
    keys = list(range(records))
    if chance.random() < 0.4:
        keys = chance.choices(range(round(records * chance.uniform(0.5, 1.5)) + 1), k=records)
    elif chance.random() < 0.5:
        chance.shuffle(keys)
    return keys


def _random_record(chance: Random, dataset: str, format: str, key: int, bad_share: float) -> Record | bytes:
    """A good record, or one that breaks a rule; as bytes where it is none at all."""
    record = MAKERS[dataset](key, **{MEASURES[dataset]: chance.randint(1, 10**6) / 100})
    if chance.random() < 0.02:
        record[TEXTS[dataset]] = chance.choice(AWKWARD_TEXTS)
    if chance.random() >= bad_share:
        return record
    match chance.randrange(4):
        case 0:
            return record | {MEASURES[dataset]: -1}
        case 1:
            return record | {MEASURES[dataset]: "much"}
        case 2:
            return record | {next(iter(record)): ""}
        case _:
            return b"only one field" if format == "csv" else b'["no", "object"]'
