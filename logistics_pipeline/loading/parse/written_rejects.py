"""Rejects as they are written to the ledger: rows for COPY, and their numbers by kind.

A parser prepares them, so that the loader, which waits for PostgreSQL, receives few large texts in place of many small
objects.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import NamedTuple

from logistics_pipeline.loading.contract.columns import NULL
from logistics_pipeline.loading.contract.copy_text import escape
from logistics_pipeline.loading.contract.record_validator import Rejection
from logistics_pipeline.loading.contract.reject_kinds import reject_kind, stored_kind
from logistics_pipeline.loading.layouts import RawRecord

MAX_EXAMPLE_BYTES = 1024
"""What is kept of the first record of each kind: more than the ledger shows."""

_LONG_BYTES = 16 * 1024


class Reject(NamedTuple):
    """A record that is set aside, and why."""

    raw_record: RawRecord
    rejection: Rejection


@dataclass
class RejectCount:
    """Rejects of one kind."""

    first_record: int
    example: bytes
    """The beginning of that record."""
    count: int = 0


@dataclass
class WrittenRejects:
    """Consecutive rejects of one file."""

    count: int = 0
    parts: list[tuple[str, bytes]] = field(default_factory=list)
    """COPY text, each part continued by a long raw record that is not written out as text yet, or by nothing."""
    kinds: dict[tuple[str | None, str], RejectCount] = field(default_factory=dict)
    """By field and kind of reason."""

    def copy_text(self) -> Iterator[str]:
        """The rows of `ingest.rejects` (`COLUMNS`) as COPY text, in pieces of limited size."""
        texts, size = list[str](), 0
        for text, raw in self.parts:
            texts.append(text)
            size += len(text)
            if raw or size >= _LONG_BYTES:
                yield "".join(texts)
                texts, size = [], 0
            yield from (raw[begin : begin + _LONG_BYTES].hex() for begin in range(0, len(raw), _LONG_BYTES))
        if texts:
            yield "".join(texts)


COLUMNS = ("file_id", "record_no", "byte_offset", "field", "reason", "kind", "raw")


def write_rejects(file_id: int, rejects: Sequence[Reject]) -> WrittenRejects:
    """Prepares rejects of a file, in the order of their records."""
    if not rejects:
        return WrittenRejects()
    written, texts = WrittenRejects(len(rejects)), list[str]()
    reasons = [_reason_columns(rejection) for _, rejection in rejects]
    for ((number, offset, raw), _), (columns, _) in zip(rejects, reasons, strict=True):
        before = f"{file_id}\t{number}\t{NULL if offset is None else offset}\t{columns}\t\\\\x"
        if len(raw) > _LONG_BYTES:
            written.parts.append(("".join([*texts, before]), raw))
            texts = ["\n"]
        else:
            texts.append(f"{before}{raw.hex()}\n")
    written.parts.append(("".join(texts), b""))
    kinds = [kind for _, kind in reasons]
    for kind, count in Counter(kinds).items():
        first = rejects[kinds.index(kind)].raw_record
        written.kinds[kind] = RejectCount(first.record_no, first.raw[:MAX_EXAMPLE_BYTES], count)
    return written


def merge_rejects(parts: Iterable[WrittenRejects]) -> WrittenRejects:
    """Several parts as one."""
    merged = WrittenRejects()
    for part in parts:
        merged.count += part.count
        merged.parts += part.parts
        for kind, counted in part.kinds.items():
            first = merged.kinds.get(kind)
            if first is None:
                merged.kinds[kind] = replace(counted)
                continue
            if counted.first_record < first.first_record:
                first.first_record, first.example = counted.first_record, counted.example
            first.count += counted.count
    return merged


@lru_cache(maxsize=4096)  # many records are rejected for the very same reason
def _reason_columns(rejection: Rejection) -> tuple[str, tuple[str | None, str]]:
    """A reason's columns as COPY text, and what it is counted by."""
    name, reason = rejection
    values = (name, reason, stored_kind(reason))
    return "\t".join([NULL if value is None else escape(value) for value in values]), (name, reject_kind(reason))
