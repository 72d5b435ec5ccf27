"""Records that are held back end as if the file had been searched for its formats at the first of them."""

import json
import pickle
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logistics_core.catalogue import Dataset, InvalidValues
from logistics_pipeline.loading.contract.file_formats import NOT_LOOKED_FOR
from logistics_pipeline.loading.formats.reader import Checkpoint, detect_format
from logistics_pipeline.loading.layouts import LinesLayout, NestedLayout
from logistics_pipeline.loading.parse import held_records, parsers
from logistics_pipeline.loading.parse.chunks import Chunk
from logistics_pipeline.loading.parse.held_records import HeldRecords, can_hold
from logistics_pipeline.loading.parse.parser_process import _read_until
from logistics_pipeline.loading.parse.parsers import ReadTask, read_chunks
from tests.datasets import DATASETS, SHIPMENTS, VEHICLE_LOGS
from tests.examples import few_or_all
from tests.unit.test_sparse_rejects import NUMBER_DATES, OTHER_DATES

dates = st.sampled_from(
    [*NUMBER_DATES, *OTHER_DATES, "02/03/2024", "2024-01-05", None, 1709510400000, {"on": "1/2/24"}]
)
amounts = st.sampled_from([1, 12.5, "1.250", "1,5", "1.234,5", "about 7", None, -1, {"value": 1}])
ids = st.sampled_from(["L-1", "L-2", "", None, "x" * 300, 7])
plain = st.builds(
    lambda number: {
        "log_id": f"P{number}",
        "vehicle_id": "V",
        "trip_date": "2024-03-05",
        "mileage": number,
        "fuel_used": 1,
    },
    st.integers(0, 99),
)
odd = st.one_of(
    st.fixed_dictionaries(
        {"log_id": ids, "vehicle_id": st.just("V"), "trip_date": dates, "mileage": amounts, "fuel_used": amounts}
    ),
    st.just("no data"),
    st.builds(lambda date: {"trip_date": date, "colour": "red"}, dates),
)
LAYOUTS = ("json", "ndjson", "csv")
FIRST = {"log_id": "P", "vehicle_id": "V", "trip_date": "2024-03-05", "mileage": 1, "fuel_used": 1}
LENIENT = replace(
    VEHICLE_LOGS,
    fields=(
        *VEHICLE_LOGS.fields[:2],
        *(replace(each, invalid_values=InvalidValues.NULL, required=False) for each in VEHICLE_LOGS.fields[2:]),
    ),
    dating=None,
)
"""Its invalid values are cleared."""


@dataclass(frozen=True)
class Outcome:
    """All that is to be stored of a file."""

    rows: list[bytes]
    rejects: list[object]
    days: frozenset[str]
    unknown_fields: frozenset[str]
    cleared: list[object]
    filled: list[int]
    dates: object
    notes: frozenset[str]
    error: str | None
    records: int


def outcome(chunks: Sequence[Chunk]) -> Outcome:
    formats = [chunk.formats for chunk in chunks if chunk.formats is not None]
    filled = [chunk.filled for chunk in chunks if chunk.filled]
    return Outcome(
        sorted(line for chunk in chunks for line in chunk.text.splitlines()),
        sorted([(*each.raw_record, each.rejection) for chunk in chunks for each in chunk.rejects]),
        frozenset[str]().union(*(chunk.days for chunk in chunks)),
        frozenset[str]().union(*(chunk.unknown_fields for chunk in chunks)),
        sorted([(number, each.field, each.raw) for chunk in chunks for number, each in chunk.cleared]),
        [sum(numbers) for numbers in zip(*filled, strict=True)],
        formats[-1].dates if formats else None,
        frozenset(note for chunk in chunks for note in chunk.notes),
        next((str(chunk.error) for chunk in chunks if chunk.error is not None), None),
        sum(chunk.records for chunk in chunks),
    )


def write(path: Path, records: Sequence[object], layout: str, end: str) -> Path:
    path = path.with_suffix(f".{layout}")
    if layout == "json":
        text = f"[{','.join(map(json.dumps, records))}]"
    elif layout == "ndjson":
        text = "".join(f"{json.dumps(record)}\n" for record in records)
    else:
        text = "log_id,vehicle_id,trip_date,mileage,fuel_used\n" + "".join(map(as_row, records))
    path.write_text(text + end)
    return path


def as_row(record: object) -> str:
    if not isinstance(record, dict) or "log_id" not in record:
        return "no data\n"
    return (
        ",".join('"' + str("" if value is None else value).replace('"', '""') + '"' for value in record.values()) + "\n"
    )


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("held") / "vehicle_logs"


def _at_once(task: ReadTask, chunks: int) -> Iterator[Chunk]:
    return read_chunks(task)


def _resumed(task: ReadTask, chunks: int) -> Iterator[Chunk]:
    """Reads some chunks, and the rest as a load does that begins where another one ended."""
    held, formats, after, codec = list[int](), NOT_LOOKED_FOR, task.after, task.codec
    for number, chunk in enumerate(read_chunks(task)):
        if number == chunks:
            break
        held = [*([] if chunk.releases_held else held), *chunk.held_numbers]
        formats = chunk.formats or formats
        after, codec = chunk.checkpoint, chunk.codec
        yield chunk
        if chunk.error is not None:
            return
    else:
        return
    yield from read_chunks(replace(task, after=after, codec=codec, holding=None, held=tuple(held), formats=formats))


def _handed_over(task: ReadTask, chunks: int) -> Iterator[Chunk]:
    """Reads some chunks, and the rest in another process."""
    left = iter(range(chunks))
    rest = yield from _read_until(task, lambda _: next(left, None) is None)
    if rest is not None:
        yield from read_chunks(pickle.loads(pickle.dumps(rest)))


@few_or_all(20, of=400)
def test_records_held_back_end_as_if_the_file_had_been_searched(path: Path, examples: int) -> None:
    @given(
        records=st.lists(st.one_of(plain, plain, odd), min_size=1, max_size=30),
        layout=st.sampled_from(LAYOUTS),
        end=st.sampled_from(["", "", "", '{"', '"x']),
        limits=st.fixed_dictionaries(
            {
                "MOST_SHARE": st.sampled_from([1, 1, 3, 16]),
                "MOST_RECORDS": st.sampled_from([2, 1_000]),
                "LONGEST_RECORD_BYTES": st.sampled_from([200, 1_000]),
            }
        ),
        chunk_bytes=st.sampled_from([80, 300, 2_000]),
        chunks=st.integers(0, 8),
        dataset=st.sampled_from([VEHICLE_LOGS, LENIENT]),
        reference=st.booleans(),
    )
    @settings(max_examples=examples, deadline=None)
    def check(
        records: list[object],
        layout: str,
        end: str,
        limits: dict[str, int],
        chunk_bytes: int,
        chunks: int,
        dataset: Dataset,
        reference: bool,
    ) -> None:
        found = write(path, [FIRST, *records], layout, end)
        kind = detect_format(found, dataset, DATASETS, 10_000).layout
        task = ReadTask(found, dataset, kind, 7, Checkpoint(), None, chunk_bytes, 1 << 20, reference)
        expected = outcome(list(read_chunks(task)))

        with patch.multiple(held_records, **limits):
            for way in (_at_once, _resumed, _handed_over):
                assert outcome(list(way(replace(task, holding=HeldRecords(dataset)), chunks))) == expected

    check()


def test_a_file_with_few_such_dates_is_read_once(path: Path) -> None:
    records = [{"log_id": f"L{n}", "vehicle_id": "V", "trip_date": "2024-03-05"} for n in range(400)]
    records[150]["trip_date"], records[399]["trip_date"] = "02/03/2024", "13/03/2024"
    found = write(path, records, "json", "")
    kind = detect_format(found, VEHICLE_LOGS, DATASETS, 10_000).layout
    task = ReadTask(found, VEHICLE_LOGS, kind, 7, Checkpoint(), None, 2_000, 1 << 20)

    with patch.object(parsers, "find_formats", side_effect=AssertionError):
        *others, last = read_chunks(replace(task, holding=HeldRecords(VEHICLE_LOGS)))

    assert [number for chunk in others for number in chunk.held_numbers] == [151, 400]
    assert last.releases_held
    assert [line.split(b"\t")[2:4] for line in last.text.splitlines()] == [
        [b"2024-03-02", b"\\N"],
        [b"2024-03-13", b"\\N"],
    ]
    assert last.notes == ('Dates in trip_date are day first: "13/03/2024" in record 400 proves it',)


def test_records_are_held_back_where_their_dates_alone_matter() -> None:
    layout = LinesLayout(0)
    assert can_hold(VEHICLE_LOGS, layout)
    assert not can_hold(VEHICLE_LOGS, NestedLayout(layout, VEHICLE_LOGS))
    assert not can_hold(SHIPMENTS, layout), "it has no dates"
    assert not can_hold(replace(VEHICLE_LOGS, is_key_confirmed=False), layout)
    date = replace(VEHICLE_LOGS.field("trip_date"), missing_values=frozenset({"01/01/1900"}))
    assert not can_hold(replace(VEHICLE_LOGS, fields=(date,)), layout)
