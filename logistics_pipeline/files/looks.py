"""Looks at places, adaptively: what each held at its last whole look, and when the next one is due.

A look lists all files of a place. It may take longer than one evaluation of the file sensor has time for: it then goes
on where it stopped at the next one, and the last whole look counts meanwhile. Kept in memory: a process that begins
looks at everything anew. Memory: about 1 KB for each file.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from logistics_core.catalogue import Catalogue
from logistics_core.places.definition import PlaceDefinition
from logistics_pipeline.errors import TransientError
from logistics_pipeline.files.folder import FoundFile
from logistics_pipeline.files.places import Place
from logistics_pipeline.files.remote_file import store_of
from logistics_pipeline.files.stores import ListedFile, PlaceError, StoredVersion

if TYPE_CHECKING:
    from logistics_pipeline.files.hints import Hints

SECONDS_AT_A_TIME = 20.0
"""Time that all looks of one evaluation may take: Dagster ends one after 60 seconds."""
_SLOWER = 1.5
"""How much longer each pause is while nothing is new."""

Clock = Callable[[], float]


@dataclass
class Look:
    """One place: its last whole look, and the one that is under way."""

    place: Place
    clock: Clock = time.monotonic
    files: dict[str, FoundFile] | None = None
    """By raw key, of the last whole look; None before the first one."""
    error: str | None = None
    """Why the last attempt failed."""
    due_at: float = 0.0
    seconds: float = 0.0
    """That the last whole look took."""
    ended_at: float | None = None
    """When the last whole look ended, by `time.time`."""
    _pause: float = 0.0
    _pages: Iterator[list[ListedFile]] | None = None
    _seen: dict[str, FoundFile] = field(default_factory=dict)
    _worked: float = 0.0

    @property
    def is_under_way(self) -> bool:
        """Whether a look has begun that has not seen everything."""
        return self._pages is not None

    @property
    def is_due(self) -> bool:
        """Whether there is something to do now."""
        return self.is_under_way or self.clock() >= self.due_at

    @property
    def seconds_to_next(self) -> float:
        """Until a look is due."""
        return 0.0 if self.is_under_way else max(0.0, self.due_at - self.clock())

    def ask(self) -> None:
        """Makes a look due now: somebody knows that something has changed."""
        self.due_at = self.clock()
        self._pause = 0.0

    def go_on(self, deadline: float) -> bool:
        """Looks until everything was seen or until the deadline; says whether a whole look has ended."""
        begin = self.clock()
        try:
            is_whole = self._take_pages(deadline)
        except (TransientError, PlaceError) as error:
            self._fail(str(error))
            return False
        self._worked += self.clock() - begin
        if is_whole:
            self._end()
        return is_whole

    def _take_pages(self, deadline: float) -> bool:
        if self._pages is None:
            self._pages, self._seen, self._worked = store_of(self.place.definition).pages(), {}, 0.0
        known = self.files or {}
        for page in self._pages:
            for listed in page:
                before = known.get(listed.key)
                if before is not None and _is_same(before, listed.version):
                    self._seen[listed.key] = before
                elif self.place.counts(listed):
                    self._seen[listed.key] = self.place.found(listed.key, listed.version)
            if self.clock() >= deadline:
                return False
        return True

    def _end(self) -> None:
        before, self.files = self.files, self._seen
        self._pages, self._seen, self.error = None, {}, None
        self.seconds, self.ended_at = self._worked, time.time()
        self._wait(is_news=before is None or not _are_same(before, self.files))

    def _fail(self, error: str) -> None:
        self._pages, self._seen, self.error = None, {}, error
        self._wait(is_news=False)

    def _wait(self, *, is_news: bool) -> None:
        shortest, longest = self.place.definition.shortest_poll_seconds, self.place.definition.longest_poll_seconds
        self._pause = shortest if is_news or not self._pause else min(longest, self._pause * _SLOWER)
        self.due_at = self.clock() + max(self._pause, self.seconds)


class Looks:
    """The looks at all declared places."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._looks: dict[PlaceDefinition, Look] = {}
        self._catalogue: Catalogue | None = None

    def __iter__(self) -> Iterator[Look]:
        return iter(self._looks.values())

    def declare(self, places: Iterable[Place], catalogue: Catalogue) -> None:
        """Takes in which places there are. New datasets change to which one a file belongs: all is looked at anew."""
        if self._catalogue is not catalogue:
            self._catalogue, self._looks = catalogue, {}
        self._looks = {
            place.definition: self._looks.get(place.definition) or Look(place, self._clock) for place in places
        }

    def ask(self, name: str) -> None:
        """Makes a look at the place of that name due now."""
        for look in self:
            if look.place.name == name:
                look.ask()

    @cached_property
    def _hints(self) -> "Hints":
        from logistics_pipeline.files.hints import Hints  # its library takes its time, and few places have a queue

        return Hints()

    def take_hints(self) -> list[str]:
        """Makes looks due at the places of which a queue says that something has changed; returns what is wrong."""
        problems = []
        for look in self:
            queue = look.place.definition.option("queue")
            try:
                if queue is not None and self._hints.take(look.place.definition, queue):
                    look.ask()
            except PlaceError as error:
                problems.append(str(error))
        return problems

    def go_on(self, seconds: float = SECONDS_AT_A_TIME) -> list[Look]:
        """Looks at the places that are due, at those first that have waited longest; returns those it has looked at."""
        deadline, worked = self._clock() + seconds, []
        for look in sorted((each for each in self if each.is_due), key=lambda each: each.due_at):
            worked.append(look)
            look.go_on(deadline)
            if self._clock() >= deadline:
                break
        return worked

    def files(self) -> Iterator[FoundFile]:
        """All files of the last whole looks. Of a file that two places hold, the inner one's counts."""
        roots = sorted((each.place.root for each in self), key=len, reverse=True)
        for look in self:
            inner = [root for root in roots if root != look.place.root and root.startswith(look.place.root)]
            for found in (look.files or {}).values():
                if not (inner and found.key.startswith(tuple(inner))):
                    yield found

    def knows(self, key: str) -> bool:
        """Whether the place of a key was looked at as a whole: a file that was not seen is not there."""
        at = [look for look in self if key.startswith(look.place.root) or key == look.place.root]
        return bool(at) and all(look.files is not None for look in at)


def _is_same(found: FoundFile, version: StoredVersion) -> bool:
    return found.fingerprint == version.fingerprint and found.modified_ns == version.modified_ns


def _are_same(before: dict[str, FoundFile], now: dict[str, FoundFile]) -> bool:
    """Whether two looks have seen the same: a file that did not change is the same object."""
    return len(before) == len(now) and all(before.get(key) is found for key, found in now.items())
