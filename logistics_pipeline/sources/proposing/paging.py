"""How the next page is asked for: what a page says about it, and what trials have shown."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from logistics_pipeline.sources.definitions.paths import ValuePath, parse_path, path_text, value_at
from logistics_pipeline.sources.proposing.asking import Answer, Asker, Place, Question, place_text
from logistics_pipeline.sources.proposing.responses import FoundRecords, around, find_more

_LINK_NEXT = re.compile(r"<([^>]*)>[^,]*?;\s*rel=\"?next\"UNKNOWN", re.I)
_NEXT_URL = re.compile(r"next([_-]?(url|link|href|page|page[_-]?url))?|@odata\.nextlink|href", re.I)
_CURSOR = re.compile(
    r"(next|end|new)?[_-]?(page)?[_-]?(cursor|token|marker|continuation)|continuation[_-]?token|next[_-]?page|"
    r"next[_-]?start|to[_-]?version|scroll[_-]?id|bookmark|offset[_-]?token",
    re.I,
)
_CURSOR_HEADER = re.compile(r"x-(next-)?(cursor|page-token|continuation-token)|x-next(-page)?", re.I)
_PARAMETERS_OF_CURSORS = (
    "cursor", "after", "page_token", "pageToken", "nextPageToken", "next_page_token", "start_cursor", "next_cursor",
    "nextCursor", "continuation_token", "continuationToken", "token", "marker", "fromVersion", "scroll_id", "bookmark",
    "starting_after", "page[cursor]", "page[after]", "page",
)  # fmt: skip
_PARAMETERS_OF_KEYS = ("before_id", "starting_after", "after_id", "after", "last_id", "since_id", "max_id", "before")
_PARAMETERS_OF_OFFSETS = ("offset", "skip", "limit_start", "start", "_start", "$skip", "from", "startIndex")
_PARAMETERS_OF_PAGES = ("page", "_page", "pageNumber", "page_number", "pageNo", "page_no", "p", "page[number]")
_PARAMETERS_OF_SIZES = (
    "limit", "per_page", "page_size", "pageSize", "perPage", "size", "results", "limit_page_length", "_limit", "_size",
    "$top", "top", "count", "max_results", "maxResults", "resultsLimit", "page[size]",
)  # fmt: skip
_ROUND = frozenset({5, 10, 15, 20, 25, 30, 50, 100, 200, 250, 256, 500, 512, 1000, 2000, 5000, 10_000})
"""Sizes of pages: as many records on the only page that is seen may be a full one."""
_LARGE, _SMALL = 100, 3
"""Sizes that are tried: one that is proposed if it works, and one with which a short list has several pages."""


@dataclass(frozen=True)
class FoundPaging:
    """The keys of `pagination`, and why; no keys if all records are on one page."""

    keys: Mapping[str, Any] = field(default_factory=dict)
    because: str = ""
    questions: tuple[Question, ...] = ()
    second: Answer | None = None
    """The second page."""
    may_follow: bool = False
    large: Mapping[Place, int] = field(default_factory=dict)
    """What makes pages as large as they usually are, where trials made them small."""
    is_feed: bool = False
    """The cursor of the last page is where new records will follow."""


def find_paging(asker: Asker, read: Callable[[Answer], FoundRecords | None]) -> FoundPaging:
    """Tries what the first page suggests. `read` finds the records of a page.

    Raises:
        OutOfRequests: no trial is left.
    """
    trial = _Trial(asker, read)
    for find in (trial.by_address, trial.by_cursor, trial.by_key, trial.by_offset, trial.by_number):
        found = find()
        if found is not None:
            return replace(found, large=trial.large)
    return replace(trial.one_page(), large=trial.large)


class _Trial:
    def __init__(self, asker: Asker, read: Callable[[Answer], FoundRecords | None]) -> None:
        self.asker, self.read = asker, read
        self.large: dict[Place, int] = {}
        """What makes pages large again."""
        self.size = self._find_size()
        self.first = asker.ask()
        found = read(self.first)
        assert found is not None
        self.found = found
        self.more = find_more(self.first, found)

    # -- the size of pages ---------------------------------------------------------------------------------------------

    def _find_size(self) -> dict[str, Any]:
        """The parameter that carries it, which pages are made small with, so that there is a second one."""
        given = self._given_size()
        full = self._records(self.asker.ask())
        if given is not None:
            place, size = given
            if len(full) > _SMALL and len(self._records(self.asker.ask({place: _SMALL}))) == _SMALL:
                self.asker.always({place: _SMALL})
                self.large = {place: size}
            return {"sizeParameter": place_text(place), "size": size}
        if len(full) <= _SMALL:
            return {}
        for place in self.asker.places(_PARAMETERS_OF_SIZES):
            answer = self.asker.ask({place: _SMALL})
            if answer.is_good and len(self._records(answer)) == _SMALL:
                large = self.asker.ask({place: _LARGE})
                self.asker.always({place: _SMALL})
                self.large = {place: _LARGE if self._records(large) else len(full)}
                return {"sizeParameter": place_text(place), "size": _LARGE if self._records(large) else len(full)}
        return {}

    def _given_size(self) -> tuple[Place, int] | None:
        for place in self.asker.places(_PARAMETERS_OF_SIZES):
            request = self.asker.request
            value = request.parameters.get(place) if isinstance(place, str) else value_at(request.body, place)
            if str(value).isdigit():
                return place, int(str(value))
        return None

    def _records(self, answer: Answer) -> list[str]:
        """The records of a page as texts; none if it has none."""
        found = self.read(answer) if answer.is_good else None
        return [_as_text(each) for each in found.records] if found else []

    def _follows(self, answer: Answer) -> bool:
        """Whether an answer is another page: all its records are others than those of the first one."""
        here = self._records(answer)
        return bool(here) and not set(here) & set(self._records(self.first))

    # -- by what a page says -------------------------------------------------------------------------------------------

    def by_address(self) -> FoundPaging | None:
        """A Link header, or an address within the page."""
        link = _LINK_NEXT.search(self.first.headers.get("link", ""))
        if link:
            return self._numbered(link[1]) or FoundPaging(
                {"type": "linkHeader"}, "the response has a Link header with rel=next", may_follow=True
            )
        for path, value in around(self.first.document, self.found.path):
            if isinstance(value, str) and _is_address(value) and _NEXT_URL.fullmatch(_name_of(path)):
                return self._numbered(value) or FoundPaging(
                    {"type": "nextUrl", "next": path_text(path)},
                    f"{path_text(path)} holds the address of the next page",
                    may_follow=True,
                )
        return None

    def _numbered(self, address: str) -> FoundPaging | None:
        """An address that differs from ours by a number counts: such pages shift, and a walk has to know that."""
        theirs = dict(parse_qsl(urlsplit(address).query))
        ours = {name: str(value) for name, value in self.asker.request.parameters.items()}
        changed = {name for name, value in theirs.items() if ours.get(name, value) != value or name not in ours}
        changed -= set(_PARAMETERS_OF_SIZES)
        if len(changed) != 1 or not theirs[name := changed.pop()].isdigit():
            return None
        if int(theirs[name]) == len(self.found.records) and name in _PARAMETERS_OF_OFFSETS:
            return self._confirmed("offset", name, int(theirs[name]), "the address of the next page counts records")
        if name in _PARAMETERS_OF_PAGES:
            start = int(theirs[name]) - 1
            return self._confirmed("page", name, int(theirs[name]), "the address of the next page counts pages", start)
        return None

    def by_cursor(self) -> FoundPaging | None:
        """A text that the next request repeats."""
        for where, key, cursor in self._cursors():
            for place in self.asker.places(_names_of_parameters(key)):
                answer = self.asker.ask({place: cursor})
                if self._follows(answer):
                    return self._by_cursor(where, key, place, answer)
            if self._ends_here():
                text = (
                    f"{path_text(self.more)} says that this page is the only one, and {key} looks like the cursor of a "
                    "next one: give an address with more records, or complete `pagination`."
                )
                return FoundPaging({}, questions=(Question("pagination", text),))
            text = f"{key} looks like the cursor of the next page, but no request with it brought another page."
            question = Question("pagination.parameter", text, _names_of_parameters(key)[:4])
            return FoundPaging({**where, "type": "cursor", "parameter": "UNKNOWN"}, text, (question,), may_follow=True)
        return None

    def _by_cursor(self, where: dict[str, str], key: str, place: Place, answer: Answer) -> FoundPaging:
        keys = {"type": "cursor", **_placed(place), **where, **self._more(), **self.size}
        is_feed = not self.more and self._feeds(where, place, answer)
        return FoundPaging(
            {**keys, "ends": "empty"} if is_feed else keys,
            f"{place_text(place)} with {key} of the first page brought the second one",
            second=answer,
            may_follow=True,
            is_feed=is_feed,
        )

    def _cursors(self) -> Iterator[tuple[dict[str, str], str, str]]:
        for path, value in around(self.first.document, self.found.path):
            is_text = isinstance(value, str | int) and not isinstance(value, bool) and not _is_address(str(value))
            if is_text and value and _CURSOR.fullmatch(str(path[-1])):
                yield {"next": path_text(path)}, str(path[-1]), str(value)
        for name, text in self.first.headers.items():
            if _CURSOR_HEADER.fullmatch(name) and text:
                yield {"nextHeader": name.title()}, name.title(), text

    def _ends_here(self) -> bool:
        return bool(self.more) and value_at(self.first.document, self.more) is False

    def _feeds(self, where: dict[str, str], place: Place, answer: Answer) -> bool:
        """Whether the last page has a cursor too, with which an empty page comes that has the same one."""
        if "next" not in where:
            return False
        path = parse_path(where["next"])
        cursor = value_at(answer.document, path)
        for _ in range(8):
            answer = self.asker.ask({place: cursor, **self.large})
            if not answer.is_good or self.read(answer) is None:
                return False
            following = value_at(answer.document, path)
            if not self._records(answer):
                return bool(following == cursor)
            cursor = following
        return False

    # -- by trying -----------------------------------------------------------------------------------------------------

    def by_key(self) -> FoundPaging | None:
        """The key of the last record, where a page says that more follows and names no cursor."""
        if not self.more or value_at(self.first.document, self.more) is not True:
            return None
        last = self.found.records[-1]
        for field_name in ("id", "uuid", "key", "name"):
            if isinstance(last.get(field_name), str | int):
                for place in self.asker.places(_PARAMETERS_OF_KEYS):
                    answer = self.asker.ask({place: last[field_name]})
                    if self._follows(answer):
                        keys = {"type": "keyset", **_placed(place), "key": field_name, **self._more(), **self.size}
                        because = f"{place_text(place)} with the {field_name} of the last record brought other records"
                        return FoundPaging(keys, because, second=answer, may_follow=True)
        return None

    def by_offset(self) -> FoundPaging | None:
        """Records from the second one on."""
        here = self._records(self.first)
        if len(here) < 2:
            return None
        for place in self.asker.places(_PARAMETERS_OF_OFFSETS):
            answer = self.asker.ask({place: 1})
            if self._records(answer)[: len(here) - 1] == here[1:]:
                return self._confirmed("offset", place, len(here), f"{place_text(place)}=1 left the first record out")
        return None

    def by_number(self) -> FoundPaging | None:
        """Another page by its number."""
        for place in self.asker.places(_PARAMETERS_OF_PAGES):
            if not self._follows(self.asker.ask({place: 2})):
                continue
            start = 1 if self._records(self.asker.ask({place: 1})) == self._records(self.first) else 0
            return self._confirmed("page", place, start + 1, f"{place_text(place)} brought other records", start)
        return None

    def _confirmed(self, kind: str, place: Place, value: int, because: str, start: int | None = None) -> FoundPaging:
        second = self.asker.ask({place: value})
        keys: dict[str, Any] = {"type": kind, **_placed(place), **self.size, **self._more()}
        if start is not None and start != 1:
            keys["start"] = start
        return FoundPaging(keys, because, second=second, may_follow=True)

    def one_page(self) -> FoundPaging:
        """Nothing speaks for other pages; a round number of records may be a full page all the same."""
        count = len(self._records(self.first))
        because = f"nothing in the response speaks for other pages than this one of {count:,} records"
        if self.more and value_at(self.first.document, self.more) is True:
            text = f"{path_text(self.more)} says that more records follow, but no parameter was found that brings them."
            return FoundPaging({}, because, (Question("pagination", text),), may_follow=True)
        if count in _ROUND and not self.size:
            text = f"There are {count:,} records, a round number, and no sign of other pages. Are these all?"
            return FoundPaging({}, because, (Question("pagination", text, ("all", "no")),))
        return FoundPaging({}, because)

    def _more(self) -> dict[str, str]:
        return {"hasMore": path_text(self.more)} if self.more else {}


def _as_text(record: Any) -> str:
    return json.dumps(record, sort_keys=True, default=str)


def _is_address(text: str) -> bool:
    return bool(re.match(r"https?://|/[^/\s]|\?[\w\[\]$]+=", text))


def _name_of(path: ValuePath) -> str:
    """The last name that says something: `links.next.href` is `next`."""
    names = [str(part) for part in path]
    return names[-2] if names[-1].lower() in ("href", "url", "uri") and len(names) > 1 else names[-1]


def _names_of_parameters(key: str) -> tuple[str, ...]:
    """Parameters that may carry a cursor, those of a like name first."""
    words = _words(key)
    return tuple(
        sorted(_PARAMETERS_OF_CURSORS, key=lambda name: (name.lower() != key.lower(), -len(words & _words(name))))
    )


def _words(name: str) -> set[str]:
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+", name)}


def _placed(place: Place) -> dict[str, str]:
    if isinstance(place, str):
        return {"parameter": place}
    return {"in": "body", "parameter": path_text(place)}
