"""What a page says: its records, and the values beside them that pagination and checks need.

A page in memory is decoded as a whole. One too large for that is read piece by piece, record by record: see `streams`.
Numbers keep their digits: fractions are decimals, integers are of any length.
"""

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, BinaryIO, cast

import msgspec

from logistics_pipeline.sources.archive import Archive
from logistics_pipeline.sources.definitions.definition import PaginationType, Resource, ResponseFormat
from logistics_pipeline.sources.definitions.paths import MISSING, ValuePath, path_text, value_at
from logistics_pipeline.sources.faults import FaultKind, PassingFault, SourceFault
from logistics_pipeline.sources.pages.record_counts import RecordCounter
from logistics_pipeline.sources.pages.rows import charset_of, read_rows
from logistics_pipeline.sources.pages.streams import stream_records, stream_values

_DECODER = msgspec.json.Decoder(float_hook=Decimal)
_BY_RECORDS = (PaginationType.OFFSET, PaginationType.PAGE, PaginationType.KEYSET)
"""Paginations whose walks look into records."""
_NAMED = 12
_SHOWN = 200
_GREATEST_COUNT = 10**15


@dataclass(frozen=True)
class PageContent:
    """What pagination and checks need of a page."""

    records: int = 0
    next: Any = MISSING
    has_more: Any = MISSING
    pages: Any = MISSING
    total: int | None = None
    last_record: Any = None
    items: tuple[Any, ...] | None = ()
    """The records; None if there are too many to be held, or only their number was asked for."""
    ends: tuple[bytes, ...] = ()
    """The first and the last record in JSON: pages with others are others."""


@dataclass
class PageReader:
    """Reads the pages of one resource."""

    resource: Resource
    archive: Archive
    needs_items: bool = True
    """Whether the records are needed, not just their number."""
    _wanted: dict[str, ValuePath] = field(init=False)
    _counter: RecordCounter | None = field(init=False)

    def __post_init__(self) -> None:
        pagination = self.resource.pagination
        self._wanted = {
            "next": pagination.next,
            "has_more": pagination.has_more,
            "pages": pagination.pages,
            "total": self.resource.total,
            "error": self.resource.error,
        }
        needs_records = self.needs_items or pagination.type in _BY_RECORDS
        self._counter = None if needs_records else RecordCounter.of(self.resource.records, self._wanted)

    def read(self, digest: str, content: bytes | None, headers: Mapping[str, str], where: str) -> PageContent:
        """Reads a page; `content` is None if it is not in memory.

        Raises:
            SourceFault: it is not what the definition says.
        """
        if self.resource.format is not ResponseFormat.JSON:
            return self._read_rows(digest, content, headers, where)
        if content is None:
            return self._read_large(digest, headers, where)
        if self._counter is not None and (counted := self._count(self._counter, content, headers, where)) is not None:
            return counted
        document = self._document(content, headers, where)
        values = {name: value_at(document, path) if path else MISSING for name, path in self._wanted.items()}
        self._check_error(values["error"], where)
        items = self._items(document, where)
        return PageContent(
            len(items), values["next"], values["has_more"], values["pages"], self._total(values["total"], headers),
            items[-1] if items else None, tuple(items), _ends(items),
        )  # fmt: skip

    def _count(
        self, counter: RecordCounter, content: bytes, headers: Mapping[str, str], where: str
    ) -> PageContent | None:
        try:
            found = counter.count(_in_utf8(content, headers))
        except UnicodeDecodeError:
            return None
        if found is None:
            return None
        values = found.values
        self._check_error(values["error"], where)
        total = self._total(values["total"], headers)
        return PageContent(
            found.records, values["next"], values["has_more"], values["pages"], total, items=None, ends=found.ends
        )

    def records(self, digest: str, headers: Mapping[str, str], size: int, limit: int) -> Iterator[Any]:
        """The records of a page in the archive; a page of more than `limit` bytes is read piece by piece."""
        where = f"the page {digest} in the archive"
        if self.resource.format is not ResponseFormat.JSON:
            self.archive.check(digest)
            yield from self._rows(digest, None, headers, where)
        elif size > limit:
            self.archive.check(digest)
            with self.archive.open(digest) as file:
                yield from stream_records(file, self.resource.records, where)
        else:
            document = self._document(self.archive.read(digest), headers, where)
            yield from self._items(document, where)

    def _document(self, content: bytes, headers: Mapping[str, str], where: str) -> Any:
        try:
            return _DECODER.decode(_in_utf8(content, headers))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise _not_json(content, headers, where, str(error)) from None
        except RecursionError:
            raise _not_json(content, headers, where, "it is nested too deeply") from None

    def _items(self, document: Any, where: str) -> list[Any]:
        path = self.resource.records
        found = value_at(document, path)
        if isinstance(found, list):
            return found
        if found is None and path:
            return []
        raise SourceFault(
            FaultKind.RESPONSE,
            f"{where}: the response has no list of records at {path_text(path) or 'its top'}; "
            f"{_described(found, document)}.",
            "If it is an error, its text says what to do. Otherwise correct `records`: the path to the list.",
        )

    def _read_large(self, digest: str, headers: Mapping[str, str], where: str) -> PageContent:
        with self.archive.open(digest) as file:
            wanted = {name: path for name, path in self._wanted.items() if path}
            values = stream_values(file, wanted, self.resource.records, where)
        self._check_error(values.get("error", MISSING), where)
        count, first, last = 0, None, None
        with self.archive.open(digest) as file:
            for record in stream_records(file, self.resource.records, where):
                count += 1
                first = record if count == 1 else first
                last = record
        return PageContent(
            count, values.get("next", MISSING), values.get("has_more", MISSING), values.get("pages", MISSING),
            self._total(values.get("total", MISSING), headers), last, None, _ends([first, last] if count else []),
        )  # fmt: skip

    def _read_rows(self, digest: str, content: bytes | None, headers: Mapping[str, str], where: str) -> PageContent:
        count, last, items = 0, None, list[Any]()
        for record in self._rows(digest, content, headers, where):
            count, last = count + 1, record
            if content is not None:
                items.append(record)
        held = None if content is None else tuple(items)
        ends = _ends(items or ([last] if count else []))
        return PageContent(count, total=self._total(MISSING, headers), last_record=last, items=held, ends=ends)

    def _rows(self, digest: str, content: bytes | None, headers: Mapping[str, str], where: str) -> Iterator[Any]:
        error = self.resource.error
        with self.archive.open(digest) if content is None else io.BytesIO(content) as file:
            for number, record in enumerate(read_rows(cast(BinaryIO, file), self.resource.format, headers, where), 1):
                if error:
                    self._check_error(value_at(record, error), f"{where}, record {number:,}")
                yield record

    def _total(self, value: Any, headers: Mapping[str, str]) -> int | None:
        if self.resource.total_header:
            value = headers.get(self.resource.total_header.lower(), MISSING)
            if isinstance(value, str):
                value = value.rpartition("/")[2]  # Content-Range: items 0-24/319
        return whole_number(value)

    def _check_error(self, found: Any, where: str) -> None:
        if found is MISSING or found is None or found is False or found in ("", [], {}):
            return
        text = found if isinstance(found, str) else msgspec.json.encode(found).decode()
        raise SourceFault(
            FaultKind.RESPONSE,
            f"{where}: the response is an error ({path_text(self.resource.error)}): {text[:_SHOWN]}.",
            "Its text says what to do.",
        )


def _ends(items: list[Any]) -> tuple[bytes, ...]:
    try:
        return tuple(msgspec.json.encode(each, enc_hook=str) for each in (*items[:1], *items[-1:]))
    except RecursionError:  # the mapping refuses what is nested so deeply
        return ()


def whole_number(value: Any) -> int | None:
    """A number of records or pages; None if it is none, such as -1 where a source does not know.

    Compared before it is an integer: 1e999999999 would have a billion digits.
    """
    try:
        number = value if isinstance(value, int | Decimal) else Decimal(value)
        is_count = not isinstance(value, bool) and 0 <= number < _GREATEST_COUNT
    except (TypeError, ValueError, InvalidOperation):
        return None
    return int(number) if is_count else None


def _in_utf8(content: bytes, headers: Mapping[str, str]) -> bytes:
    """The content in UTF-8, if the response says that it is in another encoding."""
    content = content.removeprefix(b"\xef\xbb\xbf")
    charset = charset_of(headers)
    if charset in ("utf-8", "utf8", "us-ascii", ""):
        return content
    try:
        return content.decode(charset).encode()
    except LookupError:
        return content


def _not_json(content: bytes, headers: Mapping[str, str], where: str, reason: str) -> SourceFault:
    kind = headers.get("content-type", "").split(";")[0].strip() or "no type"
    if not content.strip():
        return PassingFault(
            FaultKind.RESPONSE,
            f"{where}: the response is empty. Expected: JSON.",
            "If an empty response means that there are no records, the source should answer 204, or [].",
        )
    if content.lstrip()[:1] == b"<":
        is_html = "html" in kind or b"<html" in content[:1_000].lower()
        what = "an HTML page, perhaps a login" if is_html else "XML"
        return SourceFault(
            FaultKind.RESPONSE,
            f"{where}: the response is {what} ({kind}). Expected: JSON.",
            "Check `baseUrl`, `path` and `authentication`.",
        )
    begin = " ".join(content[:80].decode("utf-8", "replace").split())
    return PassingFault(
        FaultKind.RESPONSE,
        f"{where}: the response is not JSON ({kind}): {reason}. It begins with {begin!r}.",
        "It may have been cut off: run the pull again. If it is in another format, set `format`.",
    )


def _described(found: Any, document: Any) -> str:
    if found is not MISSING and not isinstance(found, dict):
        return f"there is {str(found)[:_SHOWN]!r}"
    holder = found if isinstance(found, dict) else document
    if not isinstance(holder, dict):
        return "it is a list" if isinstance(holder, list) else f"it is {str(holder)[:_SHOWN]!r}"
    names = list(holder)
    listed = ", ".join(map(str, names[:_NAMED])) + (", ..." if len(names) > _NAMED else "")
    said = next((str(holder[name]) for name in ("message", "error", "detail", "errors") if holder.get(name)), "")
    return f"its keys are {listed or 'none'}" + (f" and it says {said[:_SHOWN]!r}" if said else "")
