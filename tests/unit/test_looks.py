"""Looks at places: rarely where nothing happens, at once where somebody asks, and never half a look for a whole one."""

from collections.abc import Iterator

import pytest

from logistics_core.catalogue import built_in_catalogue
from logistics_core.places.definition import PlaceDefinition
from logistics_pipeline.errors import TransientError
from logistics_pipeline.files import looks as looks_module
from logistics_pipeline.files import places as places_module
from logistics_pipeline.files.looks import Look, Looks
from logistics_pipeline.files.places import Place
from logistics_pipeline.files.stores import ListedFile, PlaceError, Store, StoredVersion


class Clock:
    """A clock that moves when it is told to."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Shelf(Store):
    """A store in memory that takes a while for each page."""

    def __init__(self, clock: Clock) -> None:
        self.files: dict[str, str] = {}
        self.error: Exception | None = None
        self.seconds_per_page = 0.0
        self.pages_read = 0
        self._clock = clock

    def look(self, key: str) -> StoredVersion | None:
        raise AssertionError("a look lists, and asks for no file")

    def read(self, key: str, version: StoredVersion, start: int, end: int) -> bytes:
        raise AssertionError("a look reads nothing")

    def pages(self, after: str | None = None) -> Iterator[list[ListedFile]]:
        listed = [ListedFile(key, StoredVersion(1, 1, etag)) for key, etag in sorted(self.files.items())]
        for begin in range(0, len(listed) or 1, 2):
            if self.error is not None:
                raise self.error
            self._clock.now += self.seconds_per_page
            self.pages_read += 1
            yield listed[begin : begin + 2]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def shelf(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    shelf = Shelf(clock)
    monkeypatch.setattr(looks_module, "store_of", lambda place: shelf)
    monkeypatch.setattr(places_module, "store_of", lambda place: shelf)
    return shelf


@pytest.fixture
def look(clock: Clock, shelf: Shelf) -> Look:
    return Look(Place(PlaceDefinition("lake", "s3://bucket")), clock)


def pauses(look: Look, clock: Clock, times: int) -> list[float]:
    """The pauses after so many looks, one after the other."""
    found = []
    for _ in range(times):
        clock.now = max(clock.now, look.due_at)
        assert look.is_due
        assert look.go_on(clock.now + 20)
        found.append(look.due_at - clock.now)
    return found


def test_pauses_grow_while_nothing_is_new(look: Look, shelf: Shelf, clock: Clock) -> None:
    shelf.files = {"shipments.json": "1"}

    found = pauses(look, clock, 14)

    assert found[:3] == [5, 7.5, 11.25]
    assert found == sorted(found) and found[-1] == 300


@pytest.mark.parametrize("change", ["new", "replaced", "deleted"])
def test_a_change_makes_the_next_look_come_soon(change: str, look: Look, shelf: Shelf, clock: Clock) -> None:
    shelf.files = {"shipments.json": "1"}
    assert pauses(look, clock, 14)[-1] == 300
    if change == "new":
        shelf.files["vehicles.json"] = "1"
    elif change == "replaced":
        shelf.files["shipments.json"] = "2"
    else:
        shelf.files.clear()

    assert pauses(look, clock, 1) == [5]


def test_somebody_can_ask_for_a_look(look: Look, clock: Clock, shelf: Shelf) -> None:
    pauses(look, clock, 10)
    assert not look.is_due

    look.ask()

    assert look.is_due


def test_a_look_goes_on_where_time_ran_out_and_the_last_whole_one_counts(
    look: Look, shelf: Shelf, clock: Clock
) -> None:
    shelf.files = {f"shipments/{number}.json": "1" for number in range(10)}
    look.go_on(clock.now + 20)
    shelf.files["shipments/a.json"] = "1"
    shelf.pages_read, shelf.seconds_per_page = 0, 6.0
    look.ask()

    assert not look.go_on(clock.now + 20)
    assert look.is_under_way and look.is_due
    assert look.files is not None and len(look.files) == 10
    assert look.go_on(clock.now + 20)
    assert len(look.files) == 11
    assert shelf.pages_read == 6


def test_a_failed_look_leaves_what_was_known(look: Look, shelf: Shelf, clock: Clock) -> None:
    shelf.files = {"shipments.json": "1"}
    look.go_on(clock.now + 20)
    shelf.error = TransientError("away")
    look.ask()

    assert not look.go_on(clock.now + 20)

    assert look.error == "away" and look.files is not None and len(look.files) == 1
    assert not look.is_due
    shelf.error = None
    clock.now += 300
    assert look.go_on(clock.now + 20) and look.error is None


def test_unchanged_files_are_the_same_objects(look: Look, shelf: Shelf, clock: Clock) -> None:
    shelf.files = {f"shipments/{number}.json": "1" for number in range(10)}
    look.go_on(clock.now + 20)
    before = dict(look.files or {})
    shelf.files["shipments/3.json"] = "2"
    look.ask()
    look.go_on(clock.now + 20)

    assert look.files is not None
    assert [key for key, found in look.files.items() if before[key] is not found] == ["shipments/3.json"]


def test_one_place_hinders_no_other_and_all_share_the_time(shelf: Shelf, clock: Clock) -> None:
    looks, catalogue = Looks(clock), built_in_catalogue()
    places = [Place(PlaceDefinition(f"p{n}", f"s3://bucket-{n}"), catalogue) for n in range(5)]
    looks.declare(places, catalogue)
    shelf.seconds_per_page = 9.0

    first = {look.place.name for look in looks.go_on(20)}
    second = {look.place.name for look in looks.go_on(20)}
    assert len(first) == 3 and first | second == {"p0", "p1", "p2", "p3", "p4"}
    clock.now, shelf.seconds_per_page = clock.now + 0.1, 0.0
    for _ in range(2):
        looks.go_on(20)
    shelf.error = PlaceError("refused")
    looks.ask("p1")
    assert [look.error for look in looks.go_on(20)] == ["refused"]


def test_what_was_not_looked_at_as_a_whole_is_not_known(shelf: Shelf, clock: Clock) -> None:
    looks, catalogue = Looks(clock), built_in_catalogue()
    looks.declare([Place(PlaceDefinition("p", "s3://bucket"), catalogue)], catalogue)
    assert not looks.knows("s3://bucket/a.csv")

    looks.go_on(20)

    assert looks.knows("s3://bucket/a.csv")
    assert not looks.knows("s3://other/a.csv")


def test_of_places_within_each_other_each_file_counts_once(shelf: Shelf, clock: Clock) -> None:
    looks, catalogue = Looks(clock), built_in_catalogue()
    outer, inner = PlaceDefinition("outer", "s3://b"), PlaceDefinition("inner", "s3://b/in", dataset="vehicles")
    looks.declare([Place(outer, catalogue), Place(inner, catalogue)], catalogue)
    shelf.files = {"in/shipments.json": "1"}
    looks.go_on(20)
    of_outer = [found.key for found in looks.files() if found.place == "s3://b/"]

    assert of_outer == []
