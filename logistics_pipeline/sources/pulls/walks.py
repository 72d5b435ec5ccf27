"""One walk through the pages of a resource, for one window and one parent: what its pages say together.

Each page is compared with those before: a page or an address that was there already (loop guard), records that come
again or a total that changes while pages are counted (shifted pages), fewer records than the total (count check).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from logistics_pipeline.sources.definitions.definition import PaginationType, Resource
from logistics_pipeline.sources.definitions.paths import MISSING, path_text, value_at
from logistics_pipeline.sources.faults import FaultKind, SourceFault
from logistics_pipeline.sources.pages.page_content import PageContent
from logistics_pipeline.sources.pages.pagination import Token

MOST_USELESS_PAGES = 1_000
"""Pages one after the other that bring nothing new, before a walk counts as endless."""
MOST_KEYS = 300_000
"""Records of a walk that are remembered, to see whether they come again: about 25 MB."""


@dataclass
class Walk:
    """What is known of the pages read so far."""

    resource: Resource
    pages: int = 0
    read: int = 0
    repeated: int = 0
    """Records that came again, those of the overlap left out."""
    first_total: int | None = None
    last_total: int | None = None
    shifts: list[str] = field(default_factory=list)
    """What has shown that pages have shifted, a sentence each."""
    warnings: dict[str, None] = field(default_factory=dict)
    _tokens: set[str] = field(default_factory=set)
    _digest: str = ""
    _keys: set[int] = field(default_factory=set)
    _tail: list[int] = field(default_factory=list)
    _last_key: Any = None
    _direction: int = 0
    _brought: set[int] = field(default_factory=set)
    """Number of records, the first and the last, of each page."""
    _useless: int = 0
    """Pages up to this one that have brought nothing new."""

    def note_token(self, token: Token) -> None:
        """Notes the request of a page.

        Raises:
            SourceFault: it was sent before.
        """
        text = json.dumps(token, sort_keys=True, default=str)
        if text in self._tokens:
            raise SourceFault(
                FaultKind.LOOP,
                f"Page {self.pages} of {self.resource.name} leads to a page that was read already ({text[:200]}): the "
                "source goes round in circles.",
                "Check `pagination.next`. If the last page names a next one as well, set `pagination.hasMore`.",
            )
        self._tokens.add(text)

    def is_same_as_last(self, digest: str, content: PageContent) -> bool:
        """Whether a page is that before, byte for byte, and the walk may end there.

        Raises:
            SourceFault: it is, and may not.
        """
        if digest != self._digest or not content.records or self.resource.pagination.type is PaginationType.NONE:
            return False
        total = self.last_total
        if total is not None and self.read - self.repeated >= total:
            return True
        raise SourceFault(
            FaultKind.LOOP,
            f"Page {self.pages + 1} of {self.resource.name} is page {self.pages} again, byte for byte.",
            f"The source ignores `pagination.parameter` ({self.resource.pagination.parameter or 'none'}), or answers "
            "with its last page for ever: correct it, or set `total`, `pagination.pages` or `pagination.hasMore`.",
        )

    def take_in(self, digest: str, content: PageContent) -> None:
        """Compares a page with those before.

        Raises:
            SourceFault: the walk has no end, or leaves records out.
        """
        pagination = self.resource.pagination
        self._look_for_progress(content)
        if pagination.type in (PaginationType.OFFSET, PaginationType.PAGE):
            self._look_for_shifts(content)
        elif pagination.type is PaginationType.KEYSET and content.items is not None:
            self._check_order(content.items)
        if content.total is not None:
            self.first_total = content.total if self.first_total is None else self.first_total
            self.last_total = content.total
        overlap = pagination.overlap if self.pages else 0
        self.read += max(0, content.records - overlap)
        self.pages += 1
        self._digest = digest

    def _look_for_progress(self, content: PageContent) -> None:
        """A source may hand out new cursors for ever, with no records or with the same ones again."""
        brought = hash((content.records, content.ends))
        self._useless = self._useless + 1 if not content.records or brought in self._brought else 0
        self._brought.add(brought)
        if self._useless > MOST_USELESS_PAGES:
            raise SourceFault(
                FaultKind.LOOP,
                f"{MOST_USELESS_PAGES:,} pages of {self.resource.name} one after the other, up to page "
                f"{self.pages + 1:,}, have no records, or the same ones as pages before: the source has no end.",
                "Check that the source takes `pagination.parameter`. If the last page names a next one as well, set "
                "`pagination.hasMore` or `pagination.pages`.",
            )

    def _look_for_shifts(self, content: PageContent) -> None:
        if content.total is not None and self.last_total not in (None, content.total):
            self.shifts.append(
                f"the total changed from {self.last_total:,} to {content.total:,} at page {self.pages + 1}"
            )
        if content.items is None:
            return
        keys = [self._key_of(record) for record in content.items]
        overlap = self.resource.pagination.overlap if self.pages else 0
        if overlap and keys and keys[:overlap] != self._tail:
            self.shifts.append(f"page {self.pages + 1} does not begin with the last {overlap} of the page before")
            overlap = 0
        new = keys[overlap:]
        again = sum(key in self._keys for key in new)
        if again:
            self.repeated += again
            self.shifts.append(f"{again:,} records of page {self.pages + 1} were on pages before")
        if len(self._keys) < MOST_KEYS:
            self._keys.update(new)
        if self.resource.pagination.overlap:
            self._tail = (self._tail + new)[-self.resource.pagination.overlap :]

    def _key_of(self, record: Any) -> int:
        if self.resource.key:
            return hash(tuple(str(value_at(record, path)) for path in self.resource.key))
        return hash(msgspec.json.encode(record, enc_hook=str))

    def _check_order(self, items: Sequence[Any]) -> None:
        """Records are asked for after the last key: where keys are not in order, or not unique, some are left out."""
        path = self.resource.pagination.key
        for record in items:
            key = value_at(record, path)
            if key is MISSING or self._last_key is None:
                self._last_key = None if key is MISSING else key
                continue
            direction = _compared(self._last_key, key)
            if direction == 0 and record is not items[0]:
                self.warnings[
                    f"Several records of {self.resource.name} have the same {path_text(path)}: where a page ends "
                    "between them, some are left out. Choose a key that is unique."
                ] = None
            elif direction and self._direction and direction != self._direction:
                raise SourceFault(
                    FaultKind.RESPONSE,
                    f"Page {self.pages + 1} of {self.resource.name} is not in the order of {path_text(path)}: {key!r} "
                    f"comes after {self._last_key!r}.",
                    "Ask the source for that order, by a parameter; otherwise records are left out.",
                )
            self._direction = direction or self._direction
            self._last_key = key

    def missing(self) -> str | None:
        """What is missing by the total that the source names, in a sentence; None if nothing is."""
        totals = [each for each in (self.first_total, self.last_total) if each is not None]
        found = self.read - self.repeated
        if not totals or found >= min(totals):
            if totals and found > max(totals):
                self.warnings[
                    f"{self.resource.name}: {found:,} records were read, more than the total of {max(totals):,} that "
                    "the source names."
                ] = None
            return None
        return f"{found:,} records were read, but the source says that there are {min(totals):,}"


def _compared(before: Any, after: Any) -> int:
    try:
        return int(after > before) - int(after < before)
    except TypeError:
        return 0
