"""Makes the file of a pull from its pages in the archive, and puts it into the raw folder all at once.

    raw/DATASET/SOURCE/RESOURCE/PULL.ndjson.zst

Its modification time is that of the pull, so that files are registered in the order of their pulls. The same pages and
the same mapping always make the same file. Memory: one page, and eight bytes for each record that must not come twice.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b, sha256
from pathlib import Path
from typing import Any

import msgspec

from logistics_core.zstd import CompressionParameter, ZstdFile
from logistics_pipeline.sources.archive import Archive
from logistics_pipeline.sources.definitions.definition import Mode, Resource
from logistics_pipeline.sources.definitions.paths import MISSING, parse_path, path_text, value_at
from logistics_pipeline.sources.definitions.times import read_time
from logistics_pipeline.sources.faults import FaultKind, SourceFault
from logistics_pipeline.sources.landing.mapping import Mapper, mapping_digest
from logistics_pipeline.sources.ledger.pulls import PageRow, Pull
from logistics_pipeline.sources.pages.page_content import PageReader

LARGE_PAGE_BYTES = 4 << 20
"""Larger pages are read record by record."""
_OVERLAP = "it is that of the page before, which the overlap reads twice"
REPEATED = "it is the same as an earlier one"


@dataclass
class Landing:
    """What became of the records of a pull."""

    records: int = 0
    mapper: Mapper = field(kw_only=True)
    content_sha256: str = ""
    newest: datetime | None = None
    keys: list[str] = field(default_factory=list)
    """Keys of a snapshot."""
    unseen_fields: set[str] = field(default_factory=set)
    """Expected fields that no record had."""

    @property
    def unmapped(self) -> Mapping[str, int]:
        """Records that are not in the file, by reason."""
        return dict(self.mapper.unmapped)

    def outcome(self, resource: Resource) -> dict[str, Any]:
        """The columns of the pull."""
        return {
            "records": self.records,
            "records_landed": self.mapper.mapped,
            "records_unmapped": sum(self.mapper.unmapped.values()),
            "unmapped": msgspec.json.encode(self.unmapped).decode() if self.mapper.unmapped else None,
            "content_sha256": self.content_sha256,
            "mapping_sha256": mapping_digest(resource),
            "newest_record_at": self.newest,
        }


def file_of(raw_dir: Path, pull: Pull) -> Path:
    """Where the file of a pull is, or would be."""
    assert pull.dataset is not None
    return raw_dir / pull.dataset / pull.source / pull.resource / f"{pull.pull_id:010}.ndjson.zst"


@contextmanager
def written(target: Path, pull: Pull, parts: Sequence[tuple["Lander", Iterable[PageRow]]]) -> Iterator[Path]:
    """Writes the file of a pull, with its time, under a hidden name that is gone when the block ends.

    `parts`: the pages of the pull and, if the file is made anew, of others whose records are in it as well.

    Raises:
        SourceFault: a page of it is not in the archive as it was received.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f".{target.name}.tmp")
    moment = int(pull.started_at.timestamp() * 1_000_000) * 1_000
    try:
        with unfinished.open("wb") as file:
            with ZstdFile(file, "wb", options={CompressionParameter.compression_level: 3}) as compressed:
                for lander, pages in parts:
                    lander.write(pages, compressed)
            file.flush()
            os.utime(file.fileno(), ns=(moment, moment))
            os.fsync(file.fileno())
        yield unfinished
    finally:
        unfinished.unlink(missing_ok=True)


@dataclass
class Lander:
    """Maps the pages of one pull."""

    resource: Resource
    archive: Archive
    earlier: tuple[tuple[PageRow, ...], ...] = ()
    """Of events: the pages of earlier pulls that may hold some of the same."""
    landing: Landing | None = None
    """What became of the records, once they are written or counted."""

    def write(self, pages: Iterable[PageRow], file: Any = None) -> Landing:
        """Writes the records to a file, or only counts them."""
        landing = Landing(mapper=Mapper(self.resource))
        landing.unseen_fields = set(self.resource.expect.fields)
        seen = self._seen() if self.resource.mode is Mode.APPEND else None
        digest = sha256()
        for page in pages:
            lines = self._lines(page, landing, seen)
            for each in [b"".join(lines)] if page.bytes <= LARGE_PAGE_BYTES else lines:
                digest.update(each)
                if file is not None:
                    file.write(each)
        landing.content_sha256 = digest.hexdigest()
        self.landing = landing
        return landing

    def _seen(self) -> set[bytes]:
        """The digests of events that earlier pulls have brought."""
        reader = PageReader(self.resource, self.archive)
        return {
            record_digest(record)
            for pages in self.earlier
            for page in pages
            for record in reader.records(page.sha256, page.headers, page.bytes, LARGE_PAGE_BYTES)
        }

    def _lines(self, page: PageRow, landing: Landing, seen: set[bytes] | None) -> Iterator[bytes]:
        reader = PageReader(self.resource, self.archive)
        overlap = self.resource.pagination.overlap if page.number > 1 else 0
        count = 0
        if not page.records:  # it may be no list at all: 204, or a status that means nothing
            return
        for record in reader.records(page.sha256, page.headers, page.bytes, LARGE_PAGE_BYTES):
            count += 1
            landing.records += 1
            if count <= overlap:
                landing.mapper.leave_out(_OVERLAP)
                continue
            if seen is not None and not _is_new(record, seen):
                landing.mapper.leave_out(REPEATED)
                continue
            self._note(record, landing)
            line = landing.mapper.line(record, page.parent)
            if line is not None:
                yield line + b"\n"
        if count != page.records:
            raise SourceFault(
                FaultKind.ARCHIVE,
                f"Page {page.number} of pull {page.pull_id} has {count:,} records in the archive, but had "
                f"{page.records:,} when it was received.",
                "If `records` of the definition was changed, change it back, or pull the records again.",
            )

    def _note(self, record: Any, landing: Landing) -> None:
        incremental = self.resource.incremental
        if incremental is not None and incremental.field:
            value = value_at(record, incremental.field)
            if value is not MISSING and value is not None:
                with suppress(ValueError, TypeError, OverflowError):  # the contract of the dataset judges the value
                    moment = read_time(value, incremental.format)
                    landing.newest = moment if landing.newest is None else max(moment, landing.newest)
        if self.resource.mode is Mode.SNAPSHOT:
            landing.keys.append(key_text(record, self.resource))
        if landing.unseen_fields:
            landing.unseen_fields -= {
                each for each in landing.unseen_fields if value_at(record, parse_path(each)) is not MISSING
            }


def key_text(record: Any, resource: Resource) -> str:
    """The key of a record, as text.

    Raises:
        SourceFault: it has none.
    """
    values = [value_at(record, path) for path in resource.key]
    if any(each is MISSING or each is None or isinstance(each, dict | list) for each in values):
        lacking = next(path for path, each in zip(resource.key, values, strict=True) if each is MISSING or each is None)
        raise SourceFault(
            FaultKind.MAPPING,
            f"A record of {resource.name} has nothing at {path_text(lacking)}, which is part of its key.",
            "Correct `key` of the definition: what has vanished can be told only if every record has one.",
        )
    text = str(values[0]) if len(values) == 1 else msgspec.json.encode(values, enc_hook=str).decode()
    return text.replace("\0", "\\0")  # which no text in the database may hold


def _is_new(record: Any, seen: set[bytes]) -> bool:
    digest = record_digest(record)
    if digest in seen:
        return False
    seen.add(digest)
    return True


def record_digest(record: Any) -> bytes:
    """What tells events apart that have no key: all they say."""
    return blake2b(msgspec.json.encode(record, enc_hook=str), digest_size=12).digest()
