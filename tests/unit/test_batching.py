"""Records into batches: nothing lost, nothing twice, whatever the limits and wherever the file breaks off."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logistics_pipeline.datasets import VEHICLES
from logistics_pipeline.errors import FileError
from logistics_pipeline.loading.batching import MAX_UNKNOWN_FIELDS, Batch, BatchLimits, make_batches
from logistics_pipeline.loading.layouts import Record
from logistics_pipeline.loading.reading import Checkpoint
from logistics_pipeline.loading.records import compile_validator


def records_of(
    values: list[object],
    *,
    after: Checkpoint = Checkpoint(),  # noqa: B008
    error: FileError | None = None,
) -> Iterator[Record]:
    """Records of 10 bytes each."""
    for index, value in enumerate(values):
        offset = after.offset + 10 * index
        yield Record(after.records + index + 1, offset, offset + 10, b"0123456789", value)
    if error is not None:
        raise error


def batches_of(
    values: list[object],
    *,
    records: int = 3,
    size: int = 1000,
    after: Checkpoint = Checkpoint(),  # noqa: B008
    error: FileError | None = None,
) -> list[Batch]:
    limits = BatchLimits(records=records, bytes=size)
    return list(
        make_batches(records_of(values, after=after, error=error), VEHICLES, compile_validator(VEHICLES), after, limits)
    )


GOOD, BAD = {"vehicle_id": "1"}, {"vehicle_id": ""}


@settings(deadline=None, max_examples=100)
@given(
    values=st.lists(st.sampled_from([GOOD, BAD, 5])),
    records=st.integers(1, 5),
    size=st.integers(1, 60),
    done=st.integers(0, 3),
    fails=st.booleans(),
)
def test_every_record_is_in_exactly_one_batch_and_every_checkpoint_stands_behind_its_last(
    values: list[object], records: int, size: int, done: int, fails: bool
) -> None:
    after, error = Checkpoint(done, 10 * done), FileError("broken") if fails else None

    batches = batches_of(values, records=records, size=size, after=after, error=error)

    places = [sorted([*batch.places, *(reject.place for reject in batch.rejects)]) for batch in batches]
    assert [place.record_no for places in places for place in places] == list(range(done + 1, done + len(values) + 1))
    for batch, placed in zip(batches, places, strict=True):
        assert batch.records == len(placed) <= records
        assert len(batch.rows) == len(batch.places)
        assert batch.records <= 1 or (batch.records - 1) * 10 < size
        if placed:
            assert batch.checkpoint == Checkpoint(placed[-1].record_no, placed[-1].record_no * 10)
    assert batches[-1].checkpoint == Checkpoint(done + len(values), 10 * (done + len(values)))
    assert [batch.error for batch in batches] == [None] * (len(batches) - 1) + [error]


def test_an_empty_file_is_one_empty_batch_at_its_checkpoint() -> None:
    after = Checkpoint(7, 70)

    (batch,) = batches_of([], after=after)

    assert (batch.records, batch.checkpoint, batch.error) == (0, after, None)


def test_an_error_right_behind_a_full_batch_comes_in_a_batch_of_its_own() -> None:
    full, last = batches_of([GOOD] * 3, records=3, error=FileError("broken"))

    assert (full.records, full.error) == (3, None)
    assert (last.records, str(last.error)) == (0, "broken")
    assert last.checkpoint == full.checkpoint


def test_errors_of_the_program_are_not_taken_for_errors_of_the_file() -> None:
    def broken() -> Iterator[Record]:
        yield from records_of([GOOD])
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(make_batches(broken(), VEHICLES, compile_validator(VEHICLES), Checkpoint(), BatchLimits(10, 1000)))


def test_a_reject_keeps_its_place_text_field_and_reason() -> None:
    (batch,) = batches_of([GOOD, BAD])

    (reject,) = batch.rejects
    assert reject.place == (2, 10, b"0123456789")
    assert (reject.rejection.field, reject.rejection.reason) == ("vehicle_id", "vehicle_id is empty")


def test_unknown_fields_are_noticed_in_good_and_bad_records_once_per_batch() -> None:
    (batch,) = batches_of([{**GOOD, "b": 1}, {**BAD, "a": 1, "b": 2}, {"name": "x"}], records=9)

    assert batch.unknown_fields == {"a", "b"}


def test_names_of_unknown_fields_can_be_stored_and_do_not_fill_the_ledger() -> None:
    names = ["a\0b", "\ud83d", "x" * 10_000, *map(str, range(1000))]

    (batch,) = batches_of([{**GOOD, name: 1} for name in names], records=2000, size=1 << 20)

    assert len(batch.unknown_fields) == MAX_UNKNOWN_FIELDS
    assert all(name.encode() and "\0" not in name and len(name) <= 255 for name in batch.unknown_fields)
