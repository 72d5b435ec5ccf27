"""Both parsers make the same of a file, whatever is in it and wherever it is cut."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logistics_core.catalogue import Dataset, FieldType
from logistics_pipeline.errors import FileChangedError, FileError
from logistics_pipeline.loading.formats.reader import Checkpoint, detect_format
from logistics_pipeline.loading.layouts import ElementsLayout, Layout, LinesLayout
from logistics_pipeline.loading.parse.chunks import Chunk
from logistics_pipeline.loading.parse.parser_process import _read_until
from logistics_pipeline.loading.parse.parsers import ReadTask, find_records, read_chunks
from tests.datasets import DATASETS, SHIPMENTS, VEHICLE_LOGS, VEHICLES

FILE_ID = 7


@dataclass(frozen=True)
class Outcome:
    """All that a parser made of a file."""

    rows: dict[int, bytes]
    """By record number."""
    rejects: dict[int, tuple[object, ...]]
    days: frozenset[str]
    unknown_fields: frozenset[str]
    records: int
    error: str | None
    checkpoints: tuple[Checkpoint, ...]


def read(
    path: Path,
    dataset: Dataset,
    layout: Layout,
    *,
    chunk_bytes: int = 100,
    reference: bool = False,
    after: Checkpoint = Checkpoint(),  # noqa: B008
    max_record_bytes: int = 10_000,
) -> Outcome:
    task = ReadTask(path, dataset, layout, FILE_ID, after, None, chunk_bytes, max_record_bytes, reference)
    chunks = list(read_chunks(task))
    rows: dict[int, bytes] = {}
    done = after.records
    for chunk in chunks:
        for line in chunk.text.splitlines():
            *_, number, file_id = line.split(b"\t")
            assert file_id == b"7"
            rows[int(number)] = line
        done += chunk.records
        assert chunk.checkpoint.records == done
        assert len(chunk.text.splitlines()) == chunk.rows
    return Outcome(
        rows,
        {r.raw_record.record_no: (*r.raw_record, r.rejection) for chunk in chunks for r in chunk.rejects},
        frozenset[str]().union(*(chunk.days for chunk in chunks)),
        frozenset[str]().union(*(chunk.unknown_fields for chunk in chunks)),
        done,
        str(chunks[-1].error) if chunks and chunks[-1].error else None,
        tuple(chunk.checkpoint for chunk in chunks),
    )


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("parsers") / "file"


# -- documents as text, so that spacing, escapes and damage are generated too --------------------------------------

blank = st.sampled_from(["", "", "", " ", "\n", "\t", "\r\n", "  "])
texts = st.one_of(
    st.sampled_from(
        ["v1", "Köln", "New York", " padded ", "", "a},{b", '"}, {"', "tab\there", "back\\slash", "\u00a0x"]
    ),
    st.text(max_size=8),
    st.sampled_from(["x" * 255, "x" * 256, "2024-03-05", "12.5", "007", "-1", "\u3000", "\ud800", "\x00", "\x7f"]),
)
strings = st.one_of(
    texts.map(json.dumps),
    texts.map(lambda text: json.dumps(text, ensure_ascii=False)),
    st.sampled_from([r'"\u0041"', r'"\ud83d\ude00"', r'"\ud800"', r'"\/"', r'"a\nb"', r'"\u0000"']),
)
numbers = st.one_of(
    st.sampled_from(
        ["0", "1", "-0", "-1", "0.0", "0.00", "12.50", "1e3", "1E-5", "1e400", "-0.5", "1" * 45, "9" * 5000]
    ),
    st.integers(-5, 10**12).map(str),
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-10, max_value=10**6, places=2).map(str),
)
dates = st.sampled_from(
    [
        '"2024-03-05"',
        '"2024-03-05T10:00:00Z"',
        '"5-Mar-2024"',
        '"1/2/2024"',
        '"2024-02-30"',
        '"1899-01-01"',
        '" 2024-03-06 "',
    ]
)
nested = st.sampled_from(
    [
        "[]",
        "{}",
        "[1,2]",
        '{"a":{"b":[1,{"c":2}]}}',
        '[{"a":1},{"b":"},{"}]',
        "[" * 70 + "]" * 70,
        '{"a":' * 66 + "1" + "}" * 66,
    ]
)
values = st.one_of(strings, numbers, dates, st.sampled_from(["null", "true", "false"]), nested)


def proper(field_name: str) -> st.SearchStrategy[str]:
    """A value that suits a field, most of the time."""
    if field_name == "trip_date":
        return dates
    if field_name in ("mileage", "fuel_used", "total_mileage", "weight", "cost", "delivery_time"):
        return st.one_of(numbers, st.just("null"), st.just('"12.5"'))
    return strings


@st.composite
def aliased_objects(draw: st.DrawFn, dataset: Dataset) -> str:
    """An object with fields by their last alias, most of the time, and with objects within it where that is a path."""
    members: dict[str, list[str]] = {"": []}
    for field in dataset.fields:
        names = [field.aliases[-1] if field.aliases else field.name]
        if draw(st.integers(0, 11)) == 0:
            names = draw(st.lists(st.sampled_from([field.name, *field.aliases]), max_size=2))
        value = proper(field.name) if draw(st.integers(0, 9)) else values
        for name in names:
            parent, _, member = name.partition(".") if draw(st.integers(0, 19)) else ("", ".", name)
            if not member:
                parent, member = "", name
            members.setdefault(parent, []).append(f'"{member}"{draw(blank)}:{draw(blank)}{draw(value)}')
    for parent in members:
        if draw(st.integers(0, 5)) == 0:
            other = draw(st.sampled_from(["note", "trip.note", "", "id", 'n\\"o', "trip.date", "a.b"]))
            members[parent].append(f'"{other}":{draw(values)}')
    inner = {parent: "{" + ",".join(each) + draw(blank) + "}" for parent, each in members.items() if parent}
    for parent in inner:
        if draw(st.integers(0, 15)) == 0:
            inner[parent] = draw(values)
    outer = [*members[""], *(f'"{parent}"{draw(blank)}:{draw(blank)}{text}' for parent, text in inner.items())]
    if draw(st.integers(0, 9)) == 0:
        outer = draw(st.permutations(outer))
    return "{" + draw(blank) + f"{draw(blank)},{draw(blank)}".join(outer) + draw(blank) + "}"


@st.composite
def objects(draw: st.DrawFn, dataset: Dataset) -> str:
    names = [*dataset.columns]
    if draw(st.integers(0, 3)) == 0:
        names = draw(st.permutations(names))[: draw(st.integers(0, len(names)))]
    members = [
        f'"{name}"{draw(blank)}:{draw(blank)}{draw(proper(name) if draw(st.integers(0, 9)) else values)}'
        for name in names
    ]
    if draw(st.integers(0, 3)) == 0:
        extra = draw(
            st.sampled_from(['"note"', '"geo"', '"n\\"o"', '"\\u0061"', '""', f'"{names[0] if names else "x"}"'])
        )
        members.insert(draw(st.integers(0, len(members))), f"{extra}:{draw(values)}")
    return "{" + draw(blank) + f"{draw(blank)},{draw(blank)}".join(members) + draw(blank) + "}"


@st.composite
def simple_objects(draw: st.DrawFn, dataset: Dataset) -> str:
    number = draw(st.integers(0, 999))
    record: dict[str, object] = dict.fromkeys(dataset.columns, f"K{number}")
    record.update(trip_date="2024-03-05", mileage=1.25, fuel_used=None, weight=3, cost=4.5, total_mileage=7)
    return json.dumps({name: record[name] for name in dataset.columns}, separators=(",", ":"))


def elements(dataset: Dataset) -> st.SearchStrategy[str]:
    if dataset in ALIASED:
        return st.one_of(*[aliased_objects(dataset)] * 3, objects(dataset), values)
    return st.one_of(simple_objects(dataset), simple_objects(dataset), objects(dataset), values)


damage = st.one_of(
    st.none(),
    st.none(),
    st.tuples(
        st.floats(0, 1), st.sampled_from([b"", b"\xff", b"\xc3", b"}", b"]", b",", b'"', b"\x0c", b"\n", b"[", b"\\"])
    ),
)


def damaged(text: str, harm: tuple[float, bytes] | None, cut: float) -> bytes:
    data = text.encode("utf-8", "surrogatepass")
    if harm is not None:
        at = int(harm[0] * len(data))
        data = data[:at] + harm[1] + data[at:]
    return data[: int(cut * len(data))] if cut < 1 else data


KEEPING = [replace(VEHICLES, has_extras=True), replace(SHIPMENTS, has_extras=True)]
"""Datasets that keep columns that their contracts do not know."""
ALIASES: dict[str, tuple[str, ...]] = {
    "log_id": ("Log", "trip.id"),
    "trip_date": ("trip.date",),
    "mileage": ("Miles", "trip.route.km"),
    "fuel_used": ("fuel",),
}
ALIASED = [
    replace(
        VEHICLE_LOGS,
        has_extras=has_extras,
        fields=tuple(replace(each, aliases=ALIASES.get(each.name, ())) for each in VEHICLE_LOGS.fields),
    )
    for has_extras in (True, False)
]
"""Datasets with fields that files have by other names, or within objects."""
datasets = st.sampled_from([VEHICLES, VEHICLE_LOGS, SHIPMENTS, *KEEPING, *ALIASED])
aliased = st.sampled_from(ALIASED)
cuts = st.one_of(st.just(1.0), st.just(1.0), st.floats(0, 1))
chunk_sizes = st.sampled_from([1, 7, 50, 200, 1000, 100_000])


@pytest.mark.slow
@given(st.data(), datasets, chunk_sizes, damage, cuts)
@settings(max_examples=400, deadline=None)
def test_the_lanes_make_the_same_of_an_array(
    path: Path, data: st.DataObject, dataset: Dataset, chunk_bytes: int, harm: tuple[float, bytes] | None, cut: float
) -> None:
    found = data.draw(st.lists(elements(dataset), max_size=12))
    gap = data.draw(st.sampled_from([",", ",\n", " , ", "\r\n,\t"]))
    path.write_bytes(damaged("[" + data.draw(blank) + gap.join(found) + data.draw(blank) + "]\n", harm, cut) or b"[")

    check_lanes(path, dataset, ElementsLayout(1), chunk_bytes, data)


@pytest.mark.slow
@given(st.data(), datasets, chunk_sizes, damage, cuts)
@settings(max_examples=400, deadline=None)
def test_the_lanes_make_the_same_of_lines(
    path: Path, data: st.DataObject, dataset: Dataset, chunk_bytes: int, harm: tuple[float, bytes] | None, cut: float
) -> None:
    found = data.draw(
        st.lists(st.one_of(elements(dataset), elements(dataset), st.sampled_from(["", " ", "{", "x"])), max_size=12)
    )
    gap = data.draw(st.sampled_from(["\n", "\n", "\r\n", "\n\n"]))
    path.write_bytes(damaged(gap.join(found) + data.draw(st.sampled_from(["", "\n", "\r\n"])), harm, cut) or b"{")

    check_lanes(path, dataset, LinesLayout(0), chunk_bytes, data)


@pytest.mark.slow
@given(st.data(), aliased, chunk_sizes, cuts)
@settings(max_examples=300, deadline=None)
def test_both_parsers_find_fields_by_aliases_and_paths(
    path: Path, data: st.DataObject, dataset: Dataset, chunk_bytes: int, cut: float
) -> None:
    is_array = data.draw(st.booleans())
    found = data.draw(st.lists(st.one_of(*[aliased_objects(dataset)] * 9, elements(dataset)), max_size=12))
    found = found if is_array else [each.replace("\r", "").replace("\n", "") for each in found]
    text = "[" + ",".join(found) + "]" if is_array else "\n".join([*found, ""])
    path.write_bytes(damaged(text, None, cut) or b"{")

    check_lanes(path, dataset, ElementsLayout(1) if is_array else LinesLayout(0), chunk_bytes, data)


def check_lanes(path: Path, dataset: Dataset, layout: Layout, chunk_bytes: int, data: st.DataObject) -> None:
    expected = read(path, dataset, layout, reference=True, chunk_bytes=100)
    found = read(path, dataset, layout, chunk_bytes=chunk_bytes)
    assert content(found) == content(expected)
    for after in {data.draw(st.sampled_from([Checkpoint(), *found.checkpoints]), label="resumed after")}:
        for reference in (False, True):
            rest = read(path, dataset, layout, chunk_bytes=chunk_bytes, after=after, reference=reference)
            assert rest.rows == {number: row for number, row in expected.rows.items() if number > after.records}
            assert rest.rejects == {n: reject for n, reject in expected.rejects.items() if n > after.records}
            assert (rest.records, rest.error) == (expected.records, expected.error)


def content(outcome: Outcome) -> tuple[object, ...]:
    """What may not depend on where chunks end."""
    return (
        outcome.rows,
        outcome.rejects,
        outcome.days,
        outcome.unknown_fields,
        outcome.records,
        outcome.error,
    )


def test_lines_that_do_not_decode_leave_their_piece_whole(path: Path) -> None:
    line = '{"vehicle_id":"V%d","vehicle_name":"N","colour":"red"}'
    lines = [line % number for number in range(60)]
    lines[3:50:9] = ['{"vehicle_id":"V3"', "[1]", "nonsense", '{"vehicle_id":NaN,"wheels":4}', '"text"', ""]
    path.write_text("\n".join(lines) + "\n\r\n  \n")

    fast = read(path, VEHICLES, LinesLayout(0), chunk_bytes=10_000)
    reference = read(path, VEHICLES, LinesLayout(0), chunk_bytes=10_000, reference=True)

    assert len(fast.checkpoints) == 1
    assert (fast.rows, fast.rejects, fast.unknown_fields) == (
        reference.rows,
        reference.rejects,
        reference.unknown_fields,
    )
    assert "colour" in fast.unknown_fields
    assert len(fast.rejects) == 5


@pytest.mark.parametrize("size", [9_900, 9_999, 10_000, 10_001, 10_100])
@pytest.mark.parametrize("layout", [ElementsLayout(1), LinesLayout(0)], ids=["array", "lines"])
def test_both_parsers_take_records_up_to_the_same_size(tmp_path: Path, layout: Layout, size: int) -> None:
    begin, end = '{"vehicle_id":"1","unknown":"', '"}'
    record = begin + "x" * (size - len(begin) - len(end)) + end
    others = '{"vehicle_id":"2"}'
    array = isinstance(layout, ElementsLayout)
    path = tmp_path / "file"
    path.write_text(f"[{record},{others},{others}]" if array else f"{record}\n{others}\n{others}\n")

    results = [
        content(read(path, VEHICLES, layout, reference=reference, chunk_bytes=chunk_bytes))
        for reference in (True, False)
        for chunk_bytes in (200, 4_000, 9_000)
    ]

    assert all(result == results[0] for result in results)


QUANTITIES = replace(
    VEHICLES,
    fields=tuple(
        replace(field, type=FieldType.INTEGER) if field.name == "total_mileage" else field for field in VEHICLES.fields
    ),
)


@pytest.mark.parametrize("reference", [False, True])
def test_a_decimal_number_in_an_integer_field_widens_it_and_is_said(path: Path, reference: bool) -> None:
    values = ["1", "2", "2.5", '"3.25"', '"x"', "4"]
    lines = [f'{{"vehicle_id": "v{number}", "total_mileage": {value}}}' for number, value in enumerate(values)]
    path.write_text("\n".join(lines) + "\n")
    task = ReadTask(path, QUANTITIES, LinesLayout(0), FILE_ID, Checkpoint(), None, 50, 10_000, reference)

    chunks = list(read_chunks(task))

    rows = [line.split("\t") for chunk in chunks for line in chunk.text.decode().splitlines()]
    assert {row[0]: row[2] for row in rows} == {"v0": "1", "v1": "2", "v2": "2.5", "v3": "3.25", "v5": "4"}
    assert [reject.raw_record.record_no for chunk in chunks for reject in chunk.rejects] == [5]
    assert [note for chunk in chunks for note in chunk.notes] == [
        "total_mileage holds decimal numbers: it is read as a number, no longer as an integer."
    ]
    assert frozenset[str]().union(*(chunk.widened for chunk in chunks)) == {"total_mileage"}


def test_what_a_reject_says_of_an_integer_field_does_not_depend_on_where_a_decimal_number_widens_it(path: Path) -> None:
    values = ['"x"', "true", "1", "2.5", '"x"', "true"]
    lines = [f'{{"vehicle_id": "v{number}", "total_mileage": {value}}}' for number, value in enumerate(values)]
    path.write_text("\n".join(lines) + "\n")
    for chunk_bytes in (50, 10_000):
        task = ReadTask(path, QUANTITIES, LinesLayout(0), FILE_ID, Checkpoint(), None, chunk_bytes, 10_000)

        reasons = [reject.rejection.reason for chunk in read_chunks(task) for reject in chunk.rejects]

        said = ["must be an integer, found " + found for found in ('the text "x"', "true")]
        assert reasons == [f"total_mileage {each}" for each in said * 2]


@pytest.mark.parametrize("reference", [True, False])
@pytest.mark.parametrize("chunk_bytes", [10, 10_000])
@pytest.mark.parametrize("has_extras", [True, False])
def test_what_is_no_record_is_rejected_where_no_field_is_required(
    path: Path, *, reference: bool, chunk_bytes: int, has_extras: bool
) -> None:
    fields = tuple(replace(field, required=False) for field in VEHICLES.fields[:2])
    optional = replace(VEHICLES, key=(), fields=fields, has_extras=has_extras)
    names = [field.name for field in fields]
    rows = ["V1,a", "V2", "V3,c,d", "V4,e", ","]
    path.write_text(f"{','.join(names)}\n" + "".join(f"{row}\n" for row in rows))
    layout = detect_format(path, optional, DATASETS, 10_000).layout
    csv = read(path, optional, layout, reference=reference, chunk_bytes=chunk_bytes)
    reasons = {number: str(reject[-1].reason) for number, reject in csv.rejects.items()}  # type: ignore[attr-defined]
    assert reasons == {2: "the row has 1 fields, the header 2", 3: "the row has 3 fields, the header 2"}

    values = [{names[0]: "V1"}, 5, {}, "x", None, {"unknown": 1}, []]
    path.write_text(json.dumps(values))
    elements = read(path, optional, ElementsLayout(1), reference=reference, chunk_bytes=chunk_bytes)
    path.write_text("\n".join(map(json.dumps, values)) + "\n")
    lines = read(path, optional, LinesLayout(0), reference=reference, chunk_bytes=chunk_bytes)
    assert list(elements.rejects) == list(lines.rejects) == [2, 4, 5, 7]


def test_the_sample_of_a_file_is_the_same_however_it_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "vehicles.csv"
    path.write_text("vehicle_id,name\n" + "".join(f"v{number},x\n" for number in range(1, 2_001)))
    layout = detect_format(path, VEHICLES, DATASETS, 10_000).layout
    wanted = [*range(1, 401), *range(513, 2_001, 256)]

    for chunk_bytes in (100, 5_000, 1 << 20):
        task = ReadTask(path, VEHICLES, layout, FILE_ID, Checkpoint(), None, chunk_bytes, 10_000)
        sample = [line for chunk in read_chunks(task) for line in chunk.sample]
        assert [int(line.rsplit("\t", 1)[1]) for line in sample] == wanted


def test_records_are_not_looked_for_in_another_version_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "vehicles.csv"
    path.write_text("vehicle_id,name\nv1,old\nv2,old\n")
    layout = detect_format(path, VEHICLES, DATASETS, 10_000).layout
    version = path.stat()
    task = ReadTask(
        path, VEHICLES, layout, FILE_ID, Checkpoint(), None, 100, 10_000,
        fingerprint=(version.st_size, version.st_mtime_ns),
    )  # fmt: skip
    assert [each.raw for each in find_records(task, [2], Checkpoint())] == [b"v2,old"]
    path.write_text("vehicle_id,name\nv1,newer\nv2,newer\n")
    with pytest.raises(FileChangedError):
        find_records(task, [2], Checkpoint())
    path.unlink()
    with pytest.raises(FileError, match="cannot be opened"):
        find_records(task, [2], Checkpoint())


_HANDED_OVER = {
    "lines.ndjson": "".join(f'{{"vehicle_id": "v{number}", "name": "x"}}\n' for number in range(40)),
    "array.json": json.dumps([{"vehicle_id": f"v{number}", "total_mileage": number - 3} for number in range(40)]),
    "pages.json": json.dumps({"vehicles": [{"vehicle_id": f"v{number}"} for number in range(40)]}) * 2,
    "plain.csv": "vehicle_id,name\n" + "".join(f"v{number},x\n" for number in range(40)),
    "quoted.csv": "vehicle_id,name\n" + "".join(f'v{number},"a, ""b""\nc"\n' for number in range(40)),
    "points.csv": "vehicle_id;total_mileage\n" + "".join(f"v{number};{number}.234,5\n" for number in range(1, 40)),
}


@pytest.mark.parametrize("name", _HANDED_OVER)
def test_a_file_is_read_on_by_another_process_after_any_chunk(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(_HANDED_OVER[name])
    layout = detect_format(path, VEHICLES, DATASETS, 10_000).layout
    task = ReadTask(path, VEHICLES, layout, FILE_ID, Checkpoint(), None, 100, 10_000)
    whole = list(read_chunks(task))
    assert len(whole) > 2

    for taken in range(1, len(whole)):
        here = _read_until(task, lambda _: len(found) == taken)  # noqa: B023  # called within the loop
        found = list[Chunk]()
        rest: ReadTask | None = None
        try:
            while True:
                found.append(next(here))
        except StopIteration as ending:
            rest = ending.value
        assert len(found) == taken
        assert rest is not None
        found += read_chunks(rest)
        assert b"".join(chunk.text for chunk in found) == b"".join(chunk.text for chunk in whole)
        assert [reject for chunk in found for reject in chunk.rejects] == [
            reject for chunk in whole for reject in chunk.rejects
        ]
        assert (found[-1].checkpoint, str(found[-1].error)) == (whole[-1].checkpoint, str(whole[-1].error))
